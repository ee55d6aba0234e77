"""Networks, and whether an address is in one of them."""

import socket
from bisect import bisect_right
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import TypeVar

Source = bytes | str
"""Where a query came from: the octets of the address, or its spelling, as a socket
gives it.  Octets cost less: they need not be made into a text and read again."""

N = TypeVar("N", IPv4Network, IPv6Network)

IPV4, IPV6 = 4, 16
"""Octets of an address."""

MAPPED = bytes(10) + b"\xff\xff"
"""What stands before an IPv4 address inside an IPv6 one (RFC 4291 section 2.5.5.2)."""


class Networks:
    """Networks, as ranges without overlap: however many, a look takes a few steps."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._ranges = {
            IPV4: _ranges([n for n in networks if isinstance(n, IPv4Network)]),
            IPV6: _ranges([n for n in networks if isinstance(n, IPv6Network)]),
        }

    def __contains__(self, address: bytes) -> bool:
        """Whether an address, as `octets` returns it, is in one of them."""
        firsts, lasts = self._ranges[len(address)]
        after = bisect_right(firsts, address)
        return after > 0 and address <= lasts[after - 1]

    @property
    def everything(self) -> bool:
        """Whether every address is in one of them."""
        return all(
            ranges == ([bytes(size)], [b"\xff" * size])
            for size, ranges in self._ranges.items()
        )


def octets(source: Source) -> bytes | None:
    """Return the 4 or 16 octets of an address; None if it is none.

    An IPv4 address inside an IPv6 one becomes what it is.  A zone (`fe80::1%eth0`)
    is left away.
    """
    if isinstance(source, str):
        host = source.partition("%")[0]
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            source = socket.inet_pton(family, host)
        except (OSError, ValueError):
            return None
    if len(source) == IPV6:
        return source[12:] if source.startswith(MAPPED) else source
    return source if len(source) == IPV4 else None


def _ranges(networks: Sequence[N]) -> tuple[list[bytes], list[bytes]]:
    """Return the first and the last addresses of what the networks make up together."""
    firsts, lasts = [], []
    for network in collapse_addresses(networks):
        firsts.append(network.network_address.packed)
        lasts.append(network.broadcast_address.packed)
    return firsts, lasts
