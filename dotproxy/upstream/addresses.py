"""Where an upstream is to be found, and in which order to try."""

from collections.abc import Iterable
from typing import Protocol as TypingProtocol

from twisted.internet.defer import Deferred, succeed


class AddressSource(TypingProtocol):
    """Somebody who knows the IP addresses of an upstream."""

    def resolve(self) -> Deferred[list[str]]:
        """Fire with the addresses in the order to try them; UpstreamError if none."""

    def worked(self, address: str) -> None:
        """Hear that a connection came about."""

    def failed(self, address: str) -> None:
        """Hear that none did."""

    def came_back(self, question: bytes) -> bool:
        """Tell of a question that we were asked whether it is our own, under way."""


class Addresses:
    """Addresses that were given, those that worked first.

    The network decides which family works, and it changes seldom; so the address
    that was connected last is tried first, and one that failed is tried last.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        self._addresses = list(addresses)

    def resolve(self) -> Deferred[list[str]]:
        """Fire at once with the addresses in the order to try them."""
        return succeed(list(self._addresses))

    def worked(self, address: str) -> None:
        """Try this one first from now on."""
        self._move(address, 0)

    def failed(self, address: str) -> None:
        """Try this one last from now on."""
        self._move(address, len(self._addresses))

    def came_back(self, question: bytes) -> bool:
        """Nothing is ever asked for these."""
        return False

    def _move(self, address: str, place: int) -> None:
        self._addresses.remove(address)
        self._addresses.insert(place, address)
