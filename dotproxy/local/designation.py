"""Where this resolver is reached encrypted, told to clients that know its address.

They ask in clear for `_dns.resolver.arpa`, go where the answer says, and go on with
whoever shows there a certificate that holds the address they know (DDR, RFC 9462 4).
So the answer need not be believed, and nothing but what is served may stand in it.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import NamedTuple

from dotproxy.wire.draft import Draft, positive, record
from dotproxy.wire.svcb import (
    ALPN,
    IPV4HINT,
    IPV6HINT,
    PORT,
    SVCB,
    Address,
    Binding,
    Param,
    write_binding,
)
from dotproxy.wire.vector import write_vector

NAME = b"\4_dns\10resolver\4arpa\0"
"""What clients ask for (RFC 9462 section 4)."""

TTL = 300
"""Seconds: what is served may be other tomorrow."""

DOT_PORT, HTTPS_PORT = 853, 443
"""The ports, unless others are said (RFC 9461 section 4.2)."""

DOHPATH = 7
"""The key of the template of a path (RFC 9461 section 5)."""


class Way(NamedTuple):
    """How clients speak at a port: the protocols by ALPN, and over HTTP the path."""

    protocols: tuple[bytes, ...]
    path: str = ""


class Designated(NamedTuple):
    """A port that is served encrypted: for which name, and at which addresses."""

    name: bytes
    """As on the wire; the certificate must hold it."""
    port: int
    hosts: tuple[str, ...]
    way: Way = Way((b"dot",))


Served = Callable[[], Iterable[Designated]]
"""Whoever knows what is served at this moment."""


def nothing() -> tuple[Designated, ...]:
    """Serve nothing encrypted."""
    return ()


def designation(question: bytes, served: Iterable[Designated]) -> Draft | None:
    """Say what is served, the first is the best; None if nothing is."""
    records = [
        record(0, SVCB, TTL, _binding(priority, each))
        for priority, each in enumerate(served, 1)
    ]
    return Draft(positive(question, records)) if records else None


def _binding(priority: int, served: Designated) -> bytes:
    protocols, path = served.way
    alpn = b"".join(write_vector(protocol, 1) for protocol in protocols)
    params: list[Param] = [(ALPN, alpn)]
    if served.port != (HTTPS_PORT if path else DOT_PORT):
        params.append((PORT, served.port.to_bytes(2, "big")))
    addresses = _addresses(served.hosts)
    for key, version in ((IPV4HINT, 4), (IPV6HINT, 6)):
        hints = [each.packed for each in addresses if each.version == version]
        if hints:
            params.append((key, b"".join(hints)))
    if path:
        params.append((DOHPATH, f"{path}{{?dns}}".encode()))
    return write_binding(Binding(priority, served.name, tuple(params)))


def _addresses(hosts: tuple[str, ...]) -> list[Address]:
    """Return those that a client can use.

    "All addresses" is none, and clients look the name up then.  Loopback is this
    machine, so it is left to those who can have come by nothing else.
    """
    addresses = [ip_address(host) for host in hosts]
    if all(each.is_loopback for each in addresses):
        return addresses
    return [each for each in addresses if not (each.is_unspecified or each.is_loopback)]
