"""Questions that are never forwarded."""

from unittest import TestCase

import dns.edns
import dns.message
import dns.rcode
import dns.tsig

from dotproxy.local.refusals import Refusals
from dotproxy.wire.query import parse_query
from tests.messages import EXAMPLE, message, opt, record


def reply(wire: bytes) -> dns.message.Message | None:
    """Return what a client gets for this query from here, if anything."""
    found = Refusals().answer(parse_query(wire))
    return None if found is None else dns.message.from_wire(found)


def outcome(wire: bytes) -> tuple[dns.rcode.Rcode, int, list[int]]:
    """Return RCODE, EDNS version (-1 without) and INFO-CODEs of the reply."""
    found = reply(wire)
    assert found is not None
    assert found.id == dns.message.from_wire(wire, keyring=False).id
    codes = [int(each.code) for each in found.extended_errors()]
    return found.rcode(), found.edns, codes


def asking(rdtype: str, rdclass: str = "IN", edns: int = -1) -> bytes:
    wish = dns.message.make_query("example.com", rdtype, rdclass)
    wish.use_edns(edns)
    return wish.to_wire()


class VersionTests(TestCase):
    def test_later_version(self) -> None:
        """A later EDNS is answered by BADVERS and our version (RFC 6891 6.1.3)."""
        for version in (1, 255):
            wire = asking("A", edns=version)
            assert outcome(wire) == (dns.rcode.BADVERS, 0, [])

    def test_before_all_else(self) -> None:
        """A later EDNS comes first: no other word would be understood."""
        assert outcome(asking("AXFR", edns=1))[0] == dns.rcode.BADVERS

    def test_our_version(self) -> None:
        """Version 0 is ours, and no EDNS is no fault (RFC 6891 section 6.1.3)."""
        assert reply(asking("A", edns=0)) is None
        assert reply(asking("A")) is None


class RefusalTests(TestCase):
    def refused(self, with_opt: bytes, without: bytes) -> None:
        """Assert that both are refused, and the first is told why (RFC 8914 4.22)."""
        assert outcome(with_opt) == (dns.rcode.REFUSED, 0, [21])
        assert outcome(without) == (dns.rcode.REFUSED, -1, [])

    def test_transfers(self) -> None:
        """Zone transfers are refused (RFC 5936 section 2.2, RFC 1995 section 4)."""
        self.refused(asking("AXFR", edns=0), asking("AXFR"))
        soa = record(b"\7example\3com\0", 6, bytes(22))
        ixfr = EXAMPLE[:-4] + b"\0\xfb\0\1"
        self.refused(
            message(0x0100, [ixfr], [], [soa], [opt()]),
            message(0x0100, [ixfr], [], [soa]),
        )

    def test_chaos(self) -> None:
        """The CHAOS class means the server itself (RFC 4892 section 2)."""
        self.refused(asking("TXT", "CH", edns=0), asking("TXT", "CH"))

    def test_signed(self) -> None:
        """A signature would not survive the hop (RFC 8945 section 5.5)."""
        wires = []
        for edns in (0, -1):
            wish = dns.message.make_query("example.com", "A")
            wish.use_edns(edns)
            wish.use_tsig(dns.tsig.Key("key.", b"secret of the two"))
            wires.append(wish.to_wire())
        self.refused(*wires)

    def test_reason(self) -> None:
        """The text says what is not done here (RFC 8914 section 2)."""
        found = reply(asking("TXT", "CH", edns=0))
        assert found is not None
        assert found.extended_errors()[0].text == "the CHAOS class is not forwarded"

    def test_all_else(self) -> None:
        """All else is left to the next: any type, other classes (RFC 5625 4.3)."""
        for rdtype in ("A", "HTTPS", "HINFO", "TYPE250", "TYPE65280"):
            assert reply(asking(rdtype, edns=0)) is None
        assert reply(asking("A", "HS")) is None


class AnyTests(TestCase):
    def test_minimal(self) -> None:
        """ANY gets one small record, whatever the name (RFC 8482 section 4.2)."""
        for edns in (0, -1):
            found = reply(asking("ANY", edns=edns))
            assert found is not None
            assert found.rcode() == dns.rcode.NOERROR
            assert [rrset.to_text() for rrset in found.answer] == [
                'example.com. 3600 IN HINFO "RFC8482" ""'
            ]
            assert (found.edns, found.authority) == (edns, [])
