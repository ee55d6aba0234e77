"""The addresses of a host, as the system finds them."""

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from zope.interface import implementer


def look_up(name: str, reactor: Any) -> Deferred[list[str]]:
    """Fire with the addresses of a host, in the system's order; none if there are none.

    Whoever the system asks may answer anything: the certificate has to tell.
    """
    found = _Found()
    IReactorPluggableNameResolver(reactor).nameResolver.resolveHostName(found, name)
    return found.complete


@implementer(IResolutionReceiver)
class _Found:
    """Gather addresses until there are no more."""

    def __init__(self) -> None:
        self.complete: Deferred[list[str]] = Deferred()
        self._addresses: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        pass

    def addressResolved(self, address: IAddress) -> None:
        assert isinstance(address, IPv4Address | IPv6Address)
        if address.host not in self._addresses:
            self._addresses.append(address.host)

    def resolutionComplete(self) -> None:
        self.complete.callback(self._addresses)
