"""Names that never leave: those of special use, and private addresses' reverse zones.

| names | what they get | source |
|---|---|---|
| localhost | this machine's addresses | RFC 6761 section 6.3 |
| invalid, test | there is none | RFC 6761 sections 6.4 and 6.2 |
| onion | there is none | RFC 7686 section 2 |
| local | there is none: it is for multicast | RFC 6762 section 22.1 |
| home.arpa | there is none, unless a rule says so | RFC 8375 section 4 |
| resolver.arpa | nothing, unless we serve over TLS | RFC 9462 section 6.4 |
| reverse zones | there is none | RFC 6303 section 4, RFC 7793 |

A zone's own name exists, and has a SOA; but the top-level domains that nobody has do
not exist at all.  Were there a SOA of `local`, Avahi would stand back for us.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dotproxy.local.actions import AAAA, PTR, A, kind_of
from dotproxy.wire.draft import Draft, negative, positive, record, zone_soa
from dotproxy.wire.message import NOERROR, NXDOMAIN, SOA

TTL = 10_800
"""Seconds for which all this holds (RFC 6303 section 3)."""

DS = 43
"""The type of record by which a parent says that a zone is signed (RFC 4034 5)."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone in which there is nothing, but for what every name has.

    With `exist` every name exists, with `delegated` the zone does so for all the world:
    then its DS are asked for, since who validates needs to hear that there are none
    (RFC 8375 section 4, RFC 6303 section 7).
    """

    exist: bool = False
    delegated: bool = False
    records: Mapping[int, bytes] = field(default_factory=dict)

    def draft(self, question: bytes, at: int) -> Draft | None:
        """Say that there is nothing; None for what the zone's parent is to be asked."""
        kind = kind_of(question)
        if kind == DS and at == 0 and self.delegated:
            return None
        if kind in self.records:
            found = record(0, kind, TTL, self.records[kind])
            return Draft(positive(question, [found]))
        if kind == SOA and at == 0:
            return Draft(positive(question, [zone_soa(0, TTL)]))
        rcode = NOERROR if self.exist or at == 0 else NXDOMAIN
        return Draft(negative(question, rcode, at, TTL))


@dataclass(frozen=True, slots=True)
class Nowhere:
    """A top-level domain that there is not, as the root says it."""

    def draft(self, question: bytes, at: int) -> Draft:
        """Say that there is no such name."""
        root = len(question) - len(b"\0\0\1\0\1")
        return Draft(negative(question, NXDOMAIN, root, TTL))


NOWHERE, DELEGATED = Nowhere(), Zone(delegated=True)

LOOPBACK = Zone(True, False, {A: b"\x7f\0\0\1", AAAA: bytes(15) + b"\1"})

OURSELVES = Zone(True, False, {PTR: b"\11localhost\0"})

NO_DESIGNATION = Zone(exist=True)

CANARY = "use-application-dns.net"
"""Firefox stays with this resolver where the name has no address."""

IPV4_ZONES = (
    *("0", "10", "127", "254.169", "168.192", "255.255.255.255"),
    *(f"{octet}.172" for octet in range(16, 32)),
    *(f"{octet}.100" for octet in range(64, 128)),
    *("2.0.192", "100.51.198", "113.0.203"),
)
"""Networks whose reverse zones are nobody's (RFC 6303 4.1 and 4.2, RFC 7793)."""

IPV6_ZONES = (
    *("d.f", "8.e.f", "9.e.f", "a.e.f", "b.e.f", "8.b.d.0.1.0.0.2"),
    *(f"{last}{'.0' * 31}" for last in "01"),
)
"""The same for IPv6 (RFC 6303 sections 4.3 to 4.6)."""


def zones(canary: bool = False) -> Iterator[tuple[str, Zone | Nowhere]]:
    """Return the zones and what is in them, in no order that matters."""
    yield "localhost", LOOPBACK
    for name in ("invalid", "onion", "local", "test"):
        yield name, NOWHERE
    if canary:
        yield CANARY, Zone()
    yield "resolver.arpa", NO_DESIGNATION
    for name in ("home.arpa", *reverse_zones()):
        yield name, DELEGATED
    for name in ("1.0.0.127.in-addr.arpa", f"1{'.0' * 31}.ip6.arpa"):
        yield name, OURSELVES


def reverse_zones() -> Iterator[str]:
    """Return the reverse zones of private addresses and their like."""
    for network in IPV4_ZONES:
        yield f"{network}.in-addr.arpa"
    for prefix in IPV6_ZONES:
        yield f"{prefix}.ip6.arpa"
