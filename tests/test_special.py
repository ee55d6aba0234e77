"""Names that never leave."""

from unittest import TestCase

import dns.message
import dns.rcode
import dns.rdatatype
import dns.reversename

from dotproxy.local.special import CANARY, reverse_zones, zones
from tests.words import asking

ZONES = dict(zones())

SOA = "10800 IN SOA {0}. nobody.invalid. 1 3600 1200 604800 10800"
"""The SOA of a zone of nobody's (RFC 6303 section 3)."""

PRIVATE = (
    *("0.0.0.0", "10.255.0.1", "127.0.0.53", "169.254.1.1", "192.168.178.1"),
    *("172.16.0.1", "172.31.255.255", "100.64.0.1", "100.127.255.255"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "255.255.255.255"),
    *("::", "fd12::1", "fe80::1", "fe9f::1", "feaf::1", "febf::1", "2001:db8::1"),
)

PUBLIC = (
    *("9.9.9.9", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1"),
    *("192.167.0.1", "2620:fe::fe", "fec0::1", "ff02::1"),
)

NOWHERE = ("invalid", "test", "onion", "local")
"""Top-level domains that there are not: it is the root that says so."""

CASES = (
    ("localhost", "localhost", "A", "NOERROR", "A 127.0.0.1"),
    ("localhost", "db.localhost", "AAAA", "NOERROR", "AAAA ::1"),
    ("localhost", "db.localhost", "HTTPS", "NOERROR", ""),
    ("localhost", "localhost", "MX", "NOERROR", ""),
    ("invalid", "a.invalid", "A", "NXDOMAIN", ""),
    ("test", "a.b.test", "HTTPS", "NXDOMAIN", ""),
    ("onion", "abc.onion", "AAAA", "NXDOMAIN", ""),
    ("local", "printer.local", "SVCB", "NXDOMAIN", ""),
    ("local", "local", "SOA", "NXDOMAIN", ""),
    ("home.arpa", "nas.home.arpa", "A", "NXDOMAIN", ""),
    ("home.arpa", "home.arpa", "A", "NOERROR", ""),
    ("resolver.arpa", "_dns.resolver.arpa", "SVCB", "NOERROR", ""),
    ("resolver.arpa", "resolver.arpa", "A", "NOERROR", ""),
    (
        "1.0.0.127.in-addr.arpa",
        "1.0.0.127.in-addr.arpa",
        "PTR",
        "NOERROR",
        "PTR localhost.",
    ),
    ("10.in-addr.arpa", "1.0.0.10.in-addr.arpa", "PTR", "NXDOMAIN", ""),
)


def covering(name: str) -> str | None:
    """Return the longest zone that a name is in."""
    found = [zone for zone in ZONES if f".{name}".endswith(f".{zone}")]
    return max(found, key=len, default=None)


def says(zone: str, name: str, kind: str) -> dns.message.Message | None:
    query = asking(name, kind)
    at = len(name) - len(zone)
    draft = ZONES[zone].draft(query.question, at)
    return None if draft is None else dns.message.from_wire(draft.body)


class SpecialTests(TestCase):
    def test_cases(self) -> None:
        """Each zone says what its RFC has it say, a SOA under what is not there."""
        for zone, name, kind, rcode, record in CASES:
            with self.subTest(name=name, kind=kind):
                message = says(zone, name, kind)
                assert message is not None
                assert dns.rcode.to_text(message.rcode()) == rcode
                records = [
                    f"{dns.rdatatype.to_text(rrset.rdtype)} {rrset[0]}"
                    for rrset in message.answer
                ]
                assert records == ([record] if record else [])
                authority = [rrset.to_text() for rrset in message.authority]
                owner = "" if zone in NOWHERE else zone
                soa = f"{owner}. {SOA.format(owner)}"
                assert authority == ([] if record else [soa])

    def test_soa(self) -> None:
        """A zone has the SOA that it speaks of, and no name in it has one."""
        message = says("home.arpa", "home.arpa", "SOA")
        assert message is not None
        expected = f"home.arpa. {SOA.format('home.arpa')}"
        assert [rrset.to_text() for rrset in message.answer] == [expected]
        below = says("home.arpa", "nas.home.arpa", "SOA")
        assert below is not None
        assert below.answer == []

    def test_delegations(self) -> None:
        """Who validates may ask whether a zone is signed that the world knows of."""
        for zone in ("home.arpa", "10.in-addr.arpa"):
            assert says(zone, zone, "DS") is None
            assert says(zone, f"a.{zone}", "DS") is not None
        assert says("onion", "onion", "DS") is not None

    def test_reverse(self) -> None:
        """Private addresses' reverse zones stay here, public ones' do not."""
        for address in PRIVATE:
            name = dns.reversename.from_address(address).to_text(True)
            assert covering(name) in reverse_zones(), address
        for address in PUBLIC:
            name = dns.reversename.from_address(address).to_text(True)
            assert covering(name) is None, address

    def test_ourselves(self) -> None:
        """This machine's addresses have its name."""
        for address in ("127.0.0.1", "::1"):
            name = dns.reversename.from_address(address).to_text(True)
            message = says(name, name, "PTR")
            assert message is not None
            assert str(message.answer[0][0]) == "localhost."

    def test_canary(self) -> None:
        """Firefox hears that it should stay, on request alone."""
        assert CANARY not in ZONES
        zone = dict(zones(canary=True))[CANARY]
        for kind in ("A", "AAAA"):
            draft = zone.draft(asking(CANARY, kind).question, 0)
            assert draft is not None
            message = dns.message.from_wire(draft.body)
            assert message.answer == []
