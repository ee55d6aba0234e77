"""Queries, as they come and as they leave."""

from struct import pack
from unittest import TestCase

import dns.edns
import dns.flags
import dns.message
import dns.tsig
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dotproxy.wire.message import FORMERR, NOTIMP, REFUSED, FormatError, fold
from dotproxy.wire.query import (
    Query,
    about,
    limit_datagram,
    limit_stream,
    outgoing,
    outgoing_in_clear,
    parse_query,
    question_of,
)
from tests.messages import (
    ADDRESS,
    BACK,
    EXAMPLE,
    OPTIONS,
    message,
    names,
    opt,
    queries,
    quick,
    record,
    spoiled,
)
from tests.traces import follow

LABEL = b"\x3f" + b"a" * 63


def query(flags: int = 0x0100, question: bytes = EXAMPLE, *records: bytes) -> Query:
    """Read a query with these additional records."""
    return parse_query(message(flags, [question], [], [], records))


def rcode_for(wire: bytes) -> int | None:
    """Return what the sender of a message that cannot be read is told."""
    with pytest.raises(FormatError) as caught:
        parse_query(wire)
    return caught.value.rcode


class SilenceTests(TestCase):
    def test_no_header(self) -> None:
        """Less than a header gets no reply: there is nothing to reply to."""
        whole = message(0x0100, [EXAMPLE])
        assert [rcode_for(whole[:end]) for end in range(12)] == [None] * 12

    def test_response(self) -> None:
        """A response gets no reply, or two servers talk for ever (RFC 1035 4.1.1)."""
        assert rcode_for(message(0x8180, [EXAMPLE])) is None
        assert rcode_for(message(0xA800, [])) is None


class NotImplementedTests(TestCase):
    def test_other_operations(self) -> None:
        """All but QUERY is NOTIMP, DSO too (RFC 1035 4.1.1, RFC 8490 5.1.1)."""
        for opcode in (1, 2, 4, 6):
            assert rcode_for(message(opcode << 11, [EXAMPLE])) == NOTIMP
            assert rcode_for(message(opcode << 11, [])) == NOTIMP

    def test_update(self) -> None:
        """An update is refused, so that registrations do not leave (RFC 2136 2.2)."""
        assert rcode_for(message(5 << 11, [EXAMPLE])) == REFUSED


class FaultTests(TestCase):
    def test_counts_lie(self) -> None:
        """A header that promises what does not come is a FORMERR (RFC 1035 4.1.1)."""
        for place in (6, 8, 10):
            for count in (1, 0xFFFF):
                wire = bytearray(message(0x0100, [EXAMPLE]))
                wire[place : place + 2] = pack("!H", count)
                assert rcode_for(bytes(wire)) == FORMERR

    def test_not_one_question(self) -> None:
        """A query has one question, neither none nor two (RFC 9619 section 4)."""
        assert rcode_for(message(0x0100, [])) == FORMERR
        assert rcode_for(message(0x0100, [EXAMPLE, EXAMPLE])) == FORMERR
        assert rcode_for(message(0x0100, [], [], [], [opt()])) == FORMERR

    def test_question_cut(self) -> None:
        """A question that runs off the end is a FORMERR (RFC 1035 4.1.2)."""
        whole = message(0x0100, [EXAMPLE])
        found = {rcode_for(whole[:end]) for end in range(12, len(whole))}
        assert found == {FORMERR}

    def test_pointer_in_question(self) -> None:
        """A compressed name in the question is a FORMERR (RFC 1035 4.1.4)."""
        for name in (b"\xc0\x0c", b"\xc0\x04", b"\3www\xc0\x00"):
            assert rcode_for(message(0x0100, [name + b"\0\1\0\1"])) == FORMERR

    def test_label_too_long(self) -> None:
        """A label over 63 octets is a FORMERR (RFC 1035 2.3.4)."""
        assert query(0x0100, LABEL + b"\0\0\1\0\1").question[0] == 63
        name = b"\x40" + b"a" * 64 + b"\0"
        assert rcode_for(message(0x0100, [name + b"\0\1\0\1"])) == FORMERR

    def test_name_too_long(self) -> None:
        """A name over 255 octets is a FORMERR (RFC 1035 2.3.4)."""
        longest = LABEL * 3 + b"\x3d" + b"a" * 61 + b"\0"
        assert len(query(0x0100, longest + b"\0\1\0\1").question) == 259
        longer = LABEL * 3 + b"\x3e" + b"a" * 62 + b"\0"
        assert rcode_for(message(0x0100, [longer + b"\0\1\0\1"])) == FORMERR

    def test_two_opts(self) -> None:
        """More than one OPT is a FORMERR (RFC 6891 6.1.1)."""
        wire = message(0x0100, [EXAMPLE], [], [], [opt(), opt()])
        assert rcode_for(wire) == FORMERR

    def test_opt_with_a_name(self) -> None:
        """OPT with a name other than the root is a FORMERR (RFC 6891 6.1.2)."""
        for name in (BACK, b"\1x\0", b"\1x" + BACK):
            named = name + opt()[1:]
            assert rcode_for(message(0x0100, [EXAMPLE], [], [], [named])) == FORMERR

    def test_option_overruns(self) -> None:
        """An option that is longer than OPT is a FORMERR (RFC 6891 6.1.2)."""
        for rdata in (b"\0", b"\0\x0a\0", b"\0\x0a\0\1", b"\0\x0a\xff\xff8 octets"):
            wire = message(0x0100, [EXAMPLE], [], [], [opt(rdata)])
            assert rcode_for(wire) == FORMERR

    def test_trailing_junk(self) -> None:
        """Octets behind the last record are a FORMERR."""
        assert rcode_for(message(0x0100, [EXAMPLE]) + b"\0") == FORMERR
        assert rcode_for(message(0x0100, [EXAMPLE], [], [], [opt()]) + b"x") == FORMERR

    @quick
    @given(spoiled(queries()) | st.binary(max_size=80))
    @example(message(0x0100, [EXAMPLE], [], [], [opt(), b"\0\0"]))
    def test_whatever_the_octets(self, wire: bytes) -> None:
        """Whatever the octets, they are a query that can leave, or a fault."""
        told = None
        try:
            found = parse_query(wire)
        except FormatError as fault:
            told = fault.rcode
        else:
            assert parse_query(outgoing(found, 1, 128)).key == found.key
        assert told in (None, FORMERR, NOTIMP, REFUSED)


class PartsTests(TestCase):
    def test_as_it_came(self) -> None:
        """A query keeps its octets, and its question as spelled."""
        wire = message(0x0100, [b"\7eXaMpLe\3COM\0\0\x1c\0\1"], [], [], [opt()])
        found = parse_query(wire)
        assert found.wire == wire
        assert found.question == b"\7eXaMpLe\3COM\0\0\x1c\0\1"
        assert (found.type, found.rdclass) == (28, 1)
        assert not found.signed

    def test_any_type_and_class(self) -> None:
        """Types and classes are numbers, known or not (RFC 5625 section 4.3)."""
        found = query(0x0100, b"\0" + pack("!HH", 65280, 65534))
        assert (found.type, found.rdclass) == (65280, 65534)

    def test_edns(self) -> None:
        """DO is the client's wish, and no EDNS is none (RFC 3225 section 3)."""
        assert query().opt is None
        assert not query().dnssec_ok
        assert not query(0x0100, EXAMPLE, opt()).dnssec_ok
        asked = query(0x0100, EXAMPLE, opt(b"\0\x0a\0\1x", 0x00018000, 4096))
        assert asked.dnssec_ok
        assert asked.opt is not None
        assert (asked.opt.version, asked.opt.payload) == (1, 4096)
        assert asked.opt.options == ((10, b"x"),)

    def test_opt_among_others(self) -> None:
        """OPT may stand anywhere in the additional section (RFC 6891 6.1.1)."""
        other = record(BACK, 1, ADDRESS)
        found = query(0x0100, EXAMPLE, other, opt(payload=1400), other)
        assert found.opt is not None
        assert found.opt.payload == 1400

    def test_signed(self) -> None:
        """TSIG (RFC 8945) and SIG(0) (RFC 2931) are seen, with or without OPT."""
        key = dns.tsig.Key("key.", b"secret of the two")
        wish = dns.message.make_query("example.com", "A", use_edns=0)
        wish.use_tsig(key)
        assert parse_query(wish.to_wire()).signed
        assert query(0x0100, EXAMPLE, record(b"\0", 24, bytes(19))).signed

    def test_until_told_otherwise(self) -> None:
        """Without a limit a reply may be as long as any, and take for ever."""
        assert query().max_size == 0xFFFF
        assert query().deadline == float("inf")


class KeyTests(TestCase):
    def test_case(self) -> None:
        """Names that differ in case only are one name (RFC 4343 section 3)."""
        odd = query(0x0100, b"\7eXaMpLe\3COM\0\0\1\0\1")
        assert odd.key == query().key
        assert odd.question != query().question

    def test_types_are_not_letters(self) -> None:
        """Types 65 and 97 differ, though as letters they are A and a."""
        https = query(0x0100, b"\0" + pack("!HH", 65, 1))
        other = query(0x0100, b"\0" + pack("!HH", 97, 1))
        assert https.key != other.key

    def test_what_differs(self) -> None:
        """Name, type, class, RD, CD and DO each make another query."""
        different = [
            query(),
            query(0x0000),
            query(0x0110),
            query(0x0100, EXAMPLE, opt(ttl=0x8000)),
            query(0x0100, b"\7example\3net\0\0\1\0\1"),
            query(0x0100, b"\7example\3com\0\0\2\0\1"),
            query(0x0100, b"\7example\3com\0\0\1\0\3"),
        ]
        assert len({found.key for found in different}) == len(different)

    def test_what_does_not(self) -> None:
        """ID, AD, EDNS without DO, and its options make no other query."""
        same = [
            query(),
            query(0x0120),
            query(0x0100, EXAMPLE, opt()),
            query(0x0100, EXAMPLE, opt(b"\0\x0a\0\x088 octets", payload=4096)),
            parse_query(b"\xab\xcd" + query().wire[2:]),
        ]
        assert len({found.key for found in same}) == 1

    def test_name(self) -> None:
        """A key begins with the question, and that with the name, in lower case."""
        for question in (EXAMPLE, b"\7eXaMpLe\3COM\0\xff\xff\0\1"):
            for found in (query(0, question), query(0x0150, question, opt(ttl=0x8000))):
                assert found.name == b"\7example\3com\0"
                assert question_of(found.key) == fold(question)
        assert query(0x0100, b"\0\0\2\0\1").name == b"\0"


class LimitTests(TestCase):
    def limit(self, *records: bytes) -> int:
        found = query(0x0100, EXAMPLE, *records)
        limit_datagram(found)
        return found.max_size

    def test_without_edns(self) -> None:
        """Without EDNS a datagram has 512 octets (RFC 1035 4.2.1)."""
        assert self.limit() == 512

    def test_too_little(self) -> None:
        """A payload under 512 counts as 512 (RFC 6891 6.2.3)."""
        assert [self.limit(opt(payload=size)) for size in (0, 100, 511)] == [512] * 3

    def test_own_word(self) -> None:
        """Between the bounds the client's word holds (RFC 6891 6.2.3)."""
        sizes = [512, 513, 1000, 1231, 1232]
        assert [self.limit(opt(payload=size)) for size in sizes] == sizes

    def test_too_much(self) -> None:
        """No datagram is larger than a path takes whole (RFC 9715 section 3)."""
        assert [self.limit(opt(payload=n)) for n in (1233, 4096, 0xFFFF)] == [1232] * 3


class StreamTests(TestCase):
    """What a reply says over a stream, besides the answer."""

    KEEPALIVE, PADDING = b"\0\x0b\0\0", b"\0\x0c\0\1\0"

    def said(
        self, encrypted: bool, *records: bytes, idle: float | None = 10.0
    ) -> tuple[bytes, int]:
        found = query(0x0100, EXAMPLE, *records)
        limit_stream(found, idle, encrypted)
        assert found.max_size == 65535
        return found.options, found.block

    def test_unasked(self) -> None:
        """Who does not ask hears nothing, and is not padded for (RFC 8467 4.1)."""
        for encrypted in (False, True):
            assert self.said(encrypted) == (b"", 0)
            assert self.said(encrypted, opt()) == (b"", 0)

    def test_keepalive(self) -> None:
        """Who asks how long a connection may idle is told so (RFC 7828 3.3.2)."""
        for encrypted in (False, True):
            said = self.said(encrypted, opt(self.KEEPALIVE))
            assert said == (b"\0\x0b\0\2\0\x64", 0)
        assert self.said(True, opt(self.KEEPALIVE), idle=None) == (b"", 0)

    def test_padding(self) -> None:
        """Padding is answered by padding, but not in clear (RFC 7830 section 6)."""
        assert self.said(True, opt(self.PADDING)) == (b"", 468)
        assert self.said(False, opt(self.PADDING)) == (b"", 0)
        assert self.said(True, opt(self.PADDING + self.KEEPALIVE))[1] == 468


class SubnetTests(TestCase):
    SUBNET = b"\0\1\x18\0\xc0\0\2"

    def test_heard(self) -> None:
        """Upstreams hear of a subnet, over TLS and in clear, if the query has one."""
        asked = query()
        assert asked.subnet == b""
        asked.speak_for(self.SUBNET)
        over_tls = dns.message.from_wire(outgoing(asked, 1, 128))
        in_clear = dns.message.from_wire(outgoing_in_clear(asked, 1))
        expected = dns.edns.ECSOption("192.0.2.0", 24)
        assert in_clear.options == (expected,)
        assert over_tls.options[1] == expected
        assert [each.otype for each in over_tls.options] == [11, 8, 12]
        assert len(outgoing(asked, 1, 128)) == 128

    def test_key(self) -> None:
        """It is part of the key, behind what else is; the last one counts."""
        asked = query()
        bare = asked.key
        asked.speak_for(b"\0\1\x08\0\x0a")
        asked.speak_for(self.SUBNET)
        assert asked.key == bare + self.SUBNET
        assert (asked.name, question_of(asked.key)) == (EXAMPLE[:-4], EXAMPLE)
        asked.speak_for(b"")
        assert asked.key == bare


class InClearTests(TestCase):
    def test_octets(self) -> None:
        """In clear there is neither padding nor keepalive, and a datagram's size."""
        wish = dns.message.make_query("wWw.example", "A", want_dnssec=True, id=1)
        wish.flags |= dns.flags.CD
        left = dns.message.from_wire(
            outgoing_in_clear(parse_query(wish.to_wire()), 0xBEEF)
        )
        assert (left.id, left.question) == (0xBEEF, wish.question)
        assert left.flags == dns.flags.RD | dns.flags.CD | dns.flags.AD
        assert (left.payload, left.ednsflags, left.options) == (1232, dns.flags.DO, ())

    def test_no_dnssec(self) -> None:
        """Signatures come only if they are asked for."""
        left = dns.message.from_wire(outgoing_in_clear(query(), 1))
        assert (left.edns, left.ednsflags) == (0, 0)


class OutgoingTests(TestCase):
    def test_header(self) -> None:
        """It has the ID given, RD and CD of the client, and AD (RFC 6840 5.7)."""
        for flags, expected in (
            (0x0000, 0x0020),
            (0x0100, 0x0120),
            (0x0110, 0x0130),
            (0x0120, 0x0120),
        ):
            left = dns.message.from_wire(outgoing(query(flags), 0xBEEF, 128))
            assert (left.id, left.flags) == (0xBEEF, expected)

    def test_unknown_flag(self) -> None:
        """Z goes further, as flags of unknown meaning must (RFC 5625 section 4.1)."""
        assert outgoing(query(0x0140), 1, 128)[2:4] == b"\x01\x60"

    def test_response_flags(self) -> None:
        """AA, TC, RA and an RCODE mean nothing in a query, and stay behind."""
        assert outgoing(query(0x0683), 1, 128)[2:4] == b"\x00\x20"

    def test_spelling(self) -> None:
        """The question leaves as it was spelled (draft-vixie-dnsext-dns0x20)."""
        question = b"\7eXaMpLe\3COM\0\0\1\0\1"
        assert outgoing(query(0x0100, question), 1, 128)[12 : 12 + 17] == question

    def test_our_opt(self) -> None:
        """Our OPT asks for keepalive, by an empty option (RFC 7828 3.2.1), and pads."""
        left = dns.message.from_wire(outgoing(query(), 1, 128))
        assert (left.edns, left.payload, left.ednsflags) == (0, 4096, 0)
        keepalive, padding = left.options
        assert (keepalive.otype, keepalive.to_wire()) == (11, b"")
        assert padding.otype == 12

    def test_padding_is_zeros(self) -> None:
        """Padding is of zeros (RFC 7830 section 3)."""
        left = outgoing(query(), 1, 128)
        padding = dns.message.from_wire(left).options[1].to_wire()
        assert padding == bytes(len(padding))
        assert left.endswith(padding)
        assert len(padding) == 128 - len(outgoing(query(), 1, 0)) - 4

    def test_no_padding(self) -> None:
        """With blocks of 0 octets there is no padding option at all."""
        left = dns.message.from_wire(outgoing(query(), 1, 0))
        assert [each.otype for each in left.options] == [11]

    def test_dnssec_ok(self) -> None:
        """DO is copied (RFC 3225 section 3), and of EDNS nothing else."""
        asked = query(0x0100, EXAMPLE, opt(ttl=0x00FF8001, payload=600))
        left = dns.message.from_wire(outgoing(asked, 1, 128))
        assert (left.edns, left.ednsflags, left.payload) == (0, dns.flags.DO, 4096)

    def test_options_stay_behind(self) -> None:
        """A client's options speak to us, not to the upstream (RFC 6891 6.1.1)."""
        wish = dns.message.make_query("example.com", "A")
        wish.use_edns(0, options=list(OPTIONS))
        left = dns.message.from_wire(outgoing(parse_query(wish.to_wire()), 1, 128))
        assert [each.otype for each in left.options] == [11, 12]
        assert left.options[0].to_wire() == b""

    def test_records_stay_behind(self) -> None:
        """Only the question of a query goes further, and none of its records."""
        more = outgoing(query(0x0100, EXAMPLE, record(BACK, 1, ADDRESS)), 1, 128)
        assert more == outgoing(query(), 1, 128)

    @quick
    @given(names, st.booleans(), st.sampled_from([128, 128, 468, 1]))
    def test_blocks(self, name: dns.name.Name, dnssec_ok: bool, block: int) -> None:
        """However long the name, the length is one of few (RFC 8467 section 4.1)."""
        wish = dns.message.make_query(name, "A", want_dnssec=dnssec_ok)
        left = outgoing(parse_query(wish.to_wire()), 1, block)
        bare = outgoing(parse_query(wish.to_wire()), 1, 0)
        assert len(left) % block == 0
        assert 0 <= len(left) - len(bare) - 4 < block

    def test_lengths_tell_nothing(self) -> None:
        """Names of 3 to 80 octets leave in messages of one length (RFC 8467 4.1)."""
        lengths = set()
        for size in range(1, 60):
            label = bytes([size]) + b"a" * size
            lengths.add(len(outgoing(query(0x0100, label + EXAMPLE[8:]), 1, 128)))
        assert lengths == {128}


class AboutTests(TestCase):
    def test_other_name(self) -> None:
        """The same query about another name differs in that alone."""
        query = parse_query(message(0x0110, [EXAMPLE], [], [], [opt(ttl=0x8000)]))
        query.deadline, query.subnet = 7.0, b"\0\1\0\0"
        other = about(query, b"\1a\0")
        assert other.wire == query.wire[:12] + b"\1a\0\0\1\0\1" + query.wire[29:]
        again = parse_query(other.wire)
        assert (again.key, again.opt) == (other.key, other.opt)
        assert (other.deadline, other.dnssec_ok) == (7.0, True)
        assert other.subnet == query.subnet


class TraceTests(TestCase):
    def test_followed(self) -> None:
        """Who traces a query traces what is asked on its behalf; else nobody does."""
        query = parse_query(message(0x0100, [EXAMPLE]))
        assert query.trace is None
        told = follow(query)
        assert about(query, b"\1a\0").trace is told
