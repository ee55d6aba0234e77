"""What the DNS says of names that are led to the gateway, per type and policy."""

from unittest import TestCase

import dns.message
import dns.name
import dns.rcode

from dotproxy.local.lead import Lead, host_of, lead_of, target_of
from dotproxy.wire.svcb import ROOT, Binding
from tests.redirects import GATEWAY, redirect
from tests.words import asking, error_codes, read, ttls, wire

NAME = ".Example.org"

A, AAAA = "A 192.0.2.10", "AAAA 2001:db8::10"

NOTHING = "SOA example.org."
"""That there is nothing of the type, under the rule's name."""

LEFT = "left"
"""What is left to others."""

OTHERS = dict.fromkeys(
    ("DS", "DNSKEY", "RRSIG", "CAA", "TXT", "MX", "NS", "CNAME", "TYPE65280"), LEFT
)

SAID = {
    "strip": {"A": A, "AAAA": AAAA, "HTTPS": 'HTTPS 1 . alpn="h2"', "SVCB": NOTHING},
    "keep-ech": {"A": A, "AAAA": AAAA, "HTTPS": LEFT, "SVCB": LEFT},
}
"""What is said at once, by policy and type."""


def lead(policy: str, *gateway: str) -> Lead:
    return lead_of(redirect(NAME, policy=policy), 3, gateway or GATEWAY)


def said(lead: Lead, kind: str, name: str = "www.example.ORG") -> str:
    """Return the one record that is there, or the zone without one."""
    query = asking(name, kind)
    draft = lead.draft(query.question, name.index("example"))
    if draft is None:
        return LEFT
    message = read(draft.reply(query))
    assert message.rcode() == dns.rcode.NOERROR
    ((rrset,),) = [each for each in message.sections[1:] if each]
    (rdata,) = rrset
    assert rrset.ttl == 60
    if message.authority:
        return f"SOA {rrset.name.to_text().lower()}"
    assert rrset.name.to_text() == f"{name}."
    return f"{kind} {rdata}"


class LeadTests(TestCase):
    def test_all(self) -> None:
        """Each type is answered as its policy says, and others are left alone."""
        for policy, table in SAID.items():
            for kind, expected in (table | OTHERS).items():
                with self.subTest(policy=policy, kind=kind):
                    assert said(lead(policy), kind) == expected

    def test_one_family(self) -> None:
        """A family that the gateway has no address of has nothing, and a SOA."""
        four, six = lead("strip", GATEWAY[0]), lead("strip", GATEWAY[1])
        assert (said(four, "A"), said(four, "AAAA")) == (A, NOTHING)
        assert (said(six, "A"), said(six, "AAAA")) == (NOTHING, AAAA)

    def test_many(self) -> None:
        """All addresses of the gateway are told, in their order."""
        draft = lead("strip", "192.0.2.12", "192.0.2.11").draft(
            asking("example.org").question, 0
        )
        assert draft is not None
        found = dns.message.from_wire(draft.body).answer[0]
        assert [rdata.address for rdata in found] == ["192.0.2.12", "192.0.2.11"]

    def test_told(self) -> None:
        """It is told that this is forged, and never called validated (RFC 8914 4.5)."""
        query = asking("www.example.org", "A", flags=0x0120)
        for kind in ("A", "SVCB"):
            question = asking("www.example.org", kind).question
            draft = lead("strip").draft(question, 4)
            assert draft is not None
            assert (draft.code, draft.text) == (4, "redirected by rule 3")
        draft = lead("strip").draft(query.question, 4)
        assert draft is not None
        reply = draft.reply(query)
        assert reply[3] & 0x20 == 0
        assert error_codes(reply) == []

    def test_ports(self) -> None:
        """A port that the gateway has leads to the host; of another there is nothing.

        The host is named, since the longer name has no addresses (RFC 9460 2.5.2).
        """
        served, other = "_8443._https.example.org", "_8444._https.example.org"
        for policy, kind, expected in (
            ("strip", "HTTPS", 'HTTPS 1 example.org. alpn="h2"'),
            ("strip", "SVCB", NOTHING),
            ("keep-ech", "HTTPS", LEFT),
            ("keep-ech", "SVCB", LEFT),
        ):
            some = lead_of(redirect(NAME, policy=policy), 3, GATEWAY, (443, 8443))
            assert said(some, kind, served) == expected
            assert said(some, kind, other) == NOTHING
            assert said(lead(policy), kind, served) == NOTHING

    def test_schemes(self) -> None:
        """Without a port a service is led as its host is, to the host's name."""
        some = lead("strip")
        assert said(some, "HTTPS", "_https.example.org") == (
            'HTTPS 1 example.org. alpn="h2"'
        )
        assert said(lead("keep-ech"), "SVCB", "_dns.example.org") == LEFT

    def test_own(self) -> None:
        """Some names have addresses of their own, and most are looked up."""
        own = redirect(NAME, policy="address-per-name")
        assert lead_of(own, 1, GATEWAY).per_name
        assert not lead("keep-ech").per_name
        for rule, looks_up in (
            (own, True),
            (redirect(NAME, backend="192.0.2.1:443"), False),
            (redirect(NAME, origin="origin.example"), False),
        ):
            assert lead_of(rule, 1, GATEWAY).looks_up is looks_up

    def test_hints(self) -> None:
        """Its addresses are there as hints."""
        assert [str(each) for each in lead("keep-ech").hints] == [*GATEWAY]

    def test_bindings(self) -> None:
        """What an origin has to say holds for as long as it says, a minute at most."""
        query = asking("www.example.org", "SVCB")
        one, two = Binding(1, ROOT), Binding(2, ROOT)
        draft = lead("keep-ech").bindings(query.question, [(5, one), (300, two)])
        assert ttls(draft.reply(query)) == [5, 60]
        message = read(draft.reply(query))
        assert [str(rrset[0]) for rrset in message.answer] == ["1 .", "2 ."]

    def test_no_bindings(self) -> None:
        """Where it has nothing to say there is a SOA."""
        query = asking("www.example.org", "HTTPS")
        message = read(lead("keep-ech").bindings(query.question, []).reply(query))
        assert not message.answer
        assert message.authority[0].to_text().startswith("www.example.org. 60 IN SOA")


class TargetOfTests(TestCase):
    def test_target(self) -> None:
        """The host is named where it is not the owner itself."""
        host = b"\7example\0"
        assert target_of(b"\5_8443\6_https" + host) == host
        assert target_of(host) == ROOT
        assert target_of(b"\4_tcp\0") == ROOT


class HostOfTests(TestCase):
    def test_labels(self) -> None:
        """A service is one of a host, whose name stands behind."""
        for name in ("example.org", "_https.Example.org", "_8443._https.example.org"):
            assert host_of(wire(dns.name.from_text(name))) == "example.org"

    def test_none(self) -> None:
        """Some names are no host's."""
        for name in (".", "_https.", "a_b.example", "192.0.2.1", r"\255.example"):
            assert host_of(wire(dns.name.from_text(name))) == ""
