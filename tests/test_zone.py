"""The zone lab.example: names, flags, EDNS, and any octets at all."""

from typing import Any
from unittest import TestCase

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.lab import zone

PADDING = dns.edns.GenericOption(dns.edns.OptionType.PADDING, b"")
KEEPALIVE = dns.edns.GenericOption(dns.edns.OptionType.KEEPALIVE, b"")
SOA = "lab.example. 60 IN SOA ns.lab.example. hostmaster.lab.example."


def reply_to(query: dns.message.Message, **kwargs: Any) -> zone.Reply:
    reply = zone.answer(query.to_wire(), **kwargs)
    assert reply is not None
    return reply


def answer_to(query: dns.message.Message, **kwargs: Any) -> dns.message.Message:
    return dns.message.from_wire(reply_to(query, **kwargs).wire)


def ask(name: str, rdtype: str = "A", **kwargs: Any) -> dns.message.Message:
    return answer_to(dns.message.make_query(name, rdtype, **kwargs))


def lines(section: list[Any]) -> list[str]:
    return [line for rrset in section for line in rrset.to_text().splitlines()]


class NameTests(TestCase):
    def test_addresses(self) -> None:
        """`www` has two IPv4 addresses and one IPv6 address."""
        assert lines(ask("www.lab.example").answer) == [
            "www.lab.example. 300 IN A 192.0.2.1",
            "www.lab.example. 300 IN A 192.0.2.2",
        ]
        assert lines(ask("www.lab.example", "AAAA").answer) == [
            "www.lab.example. 300 IN AAAA 2001:db8::1"
        ]

    def test_https(self) -> None:
        """`www` has an HTTPS record with its protocols and hints (RFC 9460)."""
        (line,) = lines(ask("www.lab.example", "HTTPS").answer)
        assert line == (
            'www.lab.example. 300 IN HTTPS 1 . alpn="h2,h3" '
            'ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"'
        )

    def test_alias(self) -> None:
        """`alias` leads to `www`, and the answer goes there too."""
        assert lines(ask("alias.lab.example").answer) == [
            "alias.lab.example. 300 IN CNAME www.lab.example.",
            "www.lab.example. 300 IN A 192.0.2.1",
            "www.lab.example. 300 IN A 192.0.2.2",
        ]

    def test_alias_itself(self) -> None:
        """Whoever asks for the CNAME gets it and no more."""
        answer = ask("alias.lab.example", "CNAME")
        assert lines(answer.answer) == [
            "alias.lab.example. 300 IN CNAME www.lab.example."
        ]
        assert answer.authority == []

    def test_alias_to_nothing(self) -> None:
        """An alias to a name without the type is NODATA after the alias."""
        answer = ask("alias.lab.example", "MX")
        assert answer.rcode() == dns.rcode.NOERROR
        assert len(answer.answer) == 1
        assert lines(answer.authority)[0].startswith(SOA)

    def test_mail(self) -> None:
        """`mail` has a mail exchange, whose addresses come along."""
        answer = ask("mail.lab.example", "MX")
        assert lines(answer.answer) == [
            "mail.lab.example. 300 IN MX 10 mx.lab.example."
        ]
        assert lines(answer.additional) == [
            "mx.lab.example. 300 IN A 192.0.2.25",
            "mx.lab.example. 300 IN AAAA 2001:db8::25",
        ]

    def test_text(self) -> None:
        """`txt` says hello."""
        (line,) = lines(ask("txt.lab.example", "TXT").answer)
        assert line == 'txt.lab.example. 300 IN TXT "Hello from the lab."'

    def test_big(self) -> None:
        """`big` is some 3 KB, whatever size of datagram the query names."""
        query = dns.message.make_query("big.lab.example", "TXT", use_edns=0)
        query.use_edns(payload=512)
        reply = reply_to(query)
        answer = dns.message.from_wire(reply.wire)
        assert len(answer.answer[0]) == 16
        assert 3000 < len(reply.wire) < 3500
        assert not answer.flags & dns.flags.TC

    def test_slow(self) -> None:
        """`slow` is answered after a second, all others at once."""
        slow = reply_to(dns.message.make_query("SLOW.lab.example", "A"))
        assert slow.delay == 1.0
        assert lines(dns.message.from_wire(slow.wire).answer) == [
            "SLOW.lab.example. 300 IN A 192.0.2.60"
        ]
        assert reply_to(dns.message.make_query("www.lab.example", "A")).delay == 0.0

    def test_apex(self) -> None:
        """The apex has an SOA, and an NS whose addresses come along."""
        assert lines(ask("lab.example", "SOA").answer)[0].startswith(SOA)
        answer = ask("lab.example", "NS")
        assert lines(answer.answer) == ["lab.example. 300 IN NS ns.lab.example."]
        assert len(answer.additional) == 2

    def test_nodata(self) -> None:
        """Another type of a name that exists is NODATA with the SOA."""
        for rdtype in ("MX", "TYPE65280"):
            answer = ask("www.lab.example", rdtype)
            assert answer.rcode() == dns.rcode.NOERROR
            assert answer.answer == []
            assert lines(answer.authority)[0].startswith(SOA)

    def test_no_such_name(self) -> None:
        """All other names, in the zone or out of it, do not exist."""
        for name in ("nobody.lab.example", "a.www.lab.example", "example.org", "."):
            answer = ask(name)
            assert answer.rcode() == dns.rcode.NXDOMAIN
            assert answer.answer == []
            assert lines(answer.authority)[0].startswith(SOA)

    def test_any(self) -> None:
        """ANY gets one RRset of those that there are (RFC 8482 section 4.1)."""
        for name in ("www.lab.example", "alias.lab.example"):
            answer = ask(name, "ANY")
            assert len(answer.answer) == 1
            assert answer.authority == []

    def test_same_octets(self) -> None:
        """The same query gets the same octets each time."""
        query = dns.message.make_query("big.lab.example", "TXT")
        assert len({reply_to(query).wire for _ in range(5)}) == 1


class HeaderTests(TestCase):
    def test_flags(self) -> None:
        """QR and RA are set, RD and CD are copied, AA and AD are clear."""
        query = dns.message.make_query("www.lab.example", "A")
        for flags in (0, dns.flags.RD, dns.flags.CD | dns.flags.AD | dns.flags.AA):
            query.flags = flags
            copied = flags & (dns.flags.RD | dns.flags.CD)
            assert answer_to(query).flags == dns.flags.QR | dns.flags.RA | copied

    def test_question_as_spelled(self) -> None:
        """The ID, and the question with its upper and lower case, come back."""
        query = dns.message.make_query("wWw.LaB.eXaMpLe", "A")
        wire, reply = query.to_wire(), reply_to(query).wire
        assert reply[:2] == wire[:2]
        assert reply[12 : len(wire)] == wire[12:]

    def test_other_opcode(self) -> None:
        """An opcode other than QUERY gets NOTIMP under its own opcode."""
        query = dns.message.make_query("www.lab.example", "A")
        query.set_opcode(dns.opcode.NOTIFY)
        reply = reply_to(query).wire
        assert reply == query.to_wire()[:2] + b"\xa1\x84" + bytes(8)

    def test_zone_transfer(self) -> None:
        """A zone transfer is refused."""
        for rdtype in ("AXFR", "IXFR"):
            answer = ask("lab.example", rdtype)
            assert answer.rcode() == dns.rcode.REFUSED
            assert answer.answer == []

    def test_other_class(self) -> None:
        """A class other than IN is refused."""
        query = dns.message.make_query("version.bind", "TXT", "CH")
        assert answer_to(query).rcode() == dns.rcode.REFUSED

    def test_signed(self) -> None:
        """A signed query is answered without a signature."""
        query = dns.message.make_query("www.lab.example", "A")
        query.use_tsig({"key.example.": b"secret"})
        answer = answer_to(query)
        assert answer.rcode() == dns.rcode.NOERROR
        assert not answer.had_tsig


class EdnsTests(TestCase):
    def test_without(self) -> None:
        """A query without OPT gets an answer without OPT."""
        assert ask("www.lab.example", use_edns=False).edns == -1

    def test_plain(self) -> None:
        """An OPT gets an OPT of ours: no options, and DO copied."""
        for do in (False, True):
            answer = ask("www.lab.example", use_edns=0, want_dnssec=do)
            assert answer.edns == 0
            assert answer.options == ()
            assert answer.ednsflags == (dns.flags.DO if do else 0)
            assert answer.payload == zone.PAYLOAD_SIZE

    def test_unknown_flags(self) -> None:
        """Flags of the OPT that nobody has defined are not copied."""
        answer = ask("www.lab.example", use_edns=0, ednsflags=0xFFFF)
        assert answer.ednsflags == dns.flags.DO

    def test_padding(self) -> None:
        """A padded query gets an answer of a multiple of 468 octets (RFC 8467 4.1)."""
        for name, rdtype, size in (("www", "A", 468), ("big", "TXT", 3276)):
            query = dns.message.make_query(f"{name}.lab.example", rdtype)
            query.use_edns(options=[PADDING])
            assert len(reply_to(query).wire) == size
            query.use_edns(options=[PADDING, KEEPALIVE])
            assert len(reply_to(query).wire) == size

    def test_keepalive(self) -> None:
        """Who asks for the idle time-out is told, in tenths of a second (RFC 7828)."""
        query = dns.message.make_query("www.lab.example", "A")
        query.use_edns(options=[KEEPALIVE])
        wanted = {None: b"\0\x64", 2.5: b"\0\x19", 1e6: b"\xff\xff", 0.0: b"\0\0"}
        for seconds, told in wanted.items():
            kwargs = {} if seconds is None else {"idle_timeout": seconds}
            (option,) = answer_to(query, **kwargs).options
            assert option.otype == dns.edns.OptionType.KEEPALIVE
            assert option.to_wire() == told

    def test_version(self) -> None:
        """A later version of EDNS gets BADVERS under ours (RFC 6891 section 6.1.3)."""
        answer = ask("www.lab.example", use_edns=1)
        assert answer.rcode() == dns.rcode.BADVERS
        assert answer.edns == 0
        assert answer.answer == []

    def test_two(self) -> None:
        """Two OPT records get FORMERR (RFC 6891 section 6.1.1)."""
        wire = dns.message.make_query("www.lab.example", "A", use_edns=0).to_wire()
        reply = zone.answer(wire[:11] + b"\2" + wire[12:] + wire[-11:])
        assert reply == (wire[:2] + b"\x81\x81" + bytes(8), 0.0)


class GarbageTests(TestCase):
    def test_no_header(self) -> None:
        """Less than a header gets no answer."""
        assert zone.answer(b"") is None
        assert zone.answer(bytes(11)) is None

    def test_response(self) -> None:
        """A response gets no answer, or two servers could talk for ever."""
        query = dns.message.make_query("www.lab.example", "A")
        query.flags |= dns.flags.QR
        assert zone.answer(query.to_wire()) is None

    def test_number_of_questions(self) -> None:
        """No question, or two of them, get FORMERR."""
        query = dns.message.make_query("www.lab.example", "A")
        query.question *= 2
        wire = query.to_wire()
        for garbage in (wire, wire[:4] + bytes(8)):
            reply = zone.answer(garbage)
            assert reply == (wire[:2] + b"\x81\x81" + bytes(8), 0.0)

    def test_cut_short(self) -> None:
        """A query that ends too early gets FORMERR, wherever it is cut."""
        query = dns.message.make_query("www.lab.example", "A", use_edns=0)
        wire = query.to_wire()
        for end in range(12, len(wire)):
            reply = zone.answer(wire[:end])
            assert reply == (wire[:2] + b"\x81\x81" + bytes(8), 0.0)

    @given(st.binary(max_size=80))
    def test_any_octets(self, octets: bytes) -> None:
        """Whatever the octets: silence for fragments and responses, else an answer."""
        self.check(octets)

    @given(st.data())
    def test_any_damage(self, draw: st.DataObject) -> None:
        """However a query is damaged, the answer can be read and has its ID."""
        query = dns.message.make_query("alias.lab.example", "A", want_dnssec=True)
        query.use_edns(options=[PADDING, KEEPALIVE])
        wire = bytearray(query.to_wire())
        for _ in range(draw.draw(st.integers(1, 4))):
            at = draw.draw(st.integers(0, len(wire) - 1))
            wire[at] = draw.draw(st.integers(0, 255))
        self.check(bytes(wire))

    def check(self, octets: bytes) -> None:
        reply = zone.answer(octets)
        silent = len(octets) < 12 or octets[2] >= 0x80
        assert (reply is None) == silent
        if reply is not None:
            read = dns.message.from_wire(reply.wire)
            assert read.id == int.from_bytes(octets[:2], "big")
            assert read.flags & dns.flags.QR
