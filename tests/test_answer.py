"""Answers, as upstreams give them."""

from unittest import TestCase

import dns.message
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dotproxy.wire.answer import Answer, parse_answer, replies_to
from dotproxy.wire.message import FORMERR, FormatError, Record, records
from tests.clients import query
from tests.messages import (
    ADDRESS,
    BACK,
    EXAMPLE,
    answers,
    message,
    opt,
    queries,
    quick,
    record,
    spoiled,
)
from tests.resolvers import reply

A = record(BACK, 1, ADDRESS)

QUERY = query(0x1234)


def answer(flags: int = 0x8180, *additionals: bytes) -> Answer:
    """Read an answer of one address and these additional records."""
    return parse_answer(message(flags, [EXAMPLE], [A], [], additionals))


def lines(wire: bytes) -> list[str]:
    """Return each record of a message as text, in the order they came."""
    found = dns.message.from_wire(wire, one_rr_per_rrset=True)
    return [str(each) for section in found.sections[1:] for each in section]


class OptTests(TestCase):
    def test_none(self) -> None:
        """Without OPT the body is the message, octet for octet."""
        wire = message(0x8180, [EXAMPLE], [A])
        found = parse_answer(wire)
        assert found.body == wire
        assert found.opt is None

    def test_last(self) -> None:
        """OPT is taken out of the body, and read (RFC 6891 6.1.1)."""
        more = record(b"\3www" + BACK, 1, ADDRESS)
        found = answer(0x8180, more, opt(b"\0\x0c\0\2\0\0", payload=1400))
        assert found.body == message(0x8180, [EXAMPLE], [A], [], [more])
        assert found.opt is not None
        assert (found.opt.payload, found.opt.options) == (1400, ((12, b"\0\0"),))

    def test_in_the_middle(self) -> None:
        """OPT may stand anywhere; names that point past it hold (RFC 6891 6.1.1)."""
        first = record(b"\3www" + BACK, 1, ADDRESS)
        before = message(0x8180, [EXAMPLE], [A], [], [first, opt()])
        owner = b"\4mail" + BACK
        to_owner = (0xC000 | len(before)).to_bytes(2, "big")
        behind = [record(owner, 1, ADDRESS), record(to_owner, 15, b"\0\1" + to_owner)]
        found = answer(0x8180, first, opt(payload=1400), *behind)
        assert lines(found.body) == [
            "example.com. 300 IN A 192.0.2.1",
            "www.example.com. 300 IN A 192.0.2.1",
            "mail.example.com. 300 IN A 192.0.2.1",
            "mail.example.com. 300 IN MX 1 mail.example.com.",
        ]
        assert found.opt is not None
        assert found.opt.payload == 1400

    def test_in_the_middle_order(self) -> None:
        """Records keep their order and each its TTL, wherever OPT stands."""
        some = [record(BACK, 1, bytes([192, 0, 2, n]), 100 - n) for n in range(9)]
        found = answer(0x8180, opt(), *some)
        without = message(0x8180, [EXAMPLE], [A], [], some)
        assert lines(found.body) == lines(without)

    def test_in_the_middle_unreadable(self) -> None:
        """A message that must be written anew must be sound in every record."""
        with pytest.raises(FormatError, match="cannot be read"):
            answer(0x8180, opt(), record(BACK, 1, b"192"))

    def test_two(self) -> None:
        """More than one OPT is a fault (RFC 6891 6.1.1)."""
        with pytest.raises(FormatError, match="OPT stands once"):
            answer(0x8180, opt(), opt())

    def test_elsewhere(self) -> None:
        """OPT outside the additional section is a fault (RFC 6891 6.1.1)."""
        for sections in ([[opt()]], [[], [opt()]], [[opt()], [A]], [[opt(), A]]):
            with pytest.raises(FormatError):
                parse_answer(message(0x8180, [EXAMPLE], *sections))


class RecordsTests(TestCase):
    def test_places(self) -> None:
        """Records are given as they lie in the body, in the order they came."""
        more = record(b"\3www" + BACK, 28, bytes(16))
        for additionals in ([more], [more, opt()], [more, opt(b"\0\x0c\0\0")]):
            found = answer(0x8180, *additionals)
            at = 12 + len(EXAMPLE)
            behind = at + len(A)
            assert found.records == [
                Record(1, at, at + 2, behind),
                Record(28, behind, behind + 6, behind + len(more)),
            ]
            assert len(found.body) == behind + len(more)

    def test_none(self) -> None:
        """Where there are none, or OPT alone, none are given."""
        assert parse_answer(message(0x8180, [EXAMPLE])).records == []
        assert parse_answer(message(0x8180, [EXAMPLE], [], [], [opt()])).records == []
        assert parse_answer(message(0x8181, [])).records == []

    def test_behind_opt(self) -> None:
        """What came behind OPT is given where it lies now (RFC 6891 6.1.1)."""
        first, second = (record(BACK, kind, b"\0\1" + BACK) for kind in (15, 18))
        found = answer(0x8180, opt(b"\0\x0c\0\x28" + bytes(40)), first, second)
        assert [each.type for each in found.records] == [1, 15, 18]
        ttls = [found.body[each.fixed + 4 : each.fixed + 8] for each in found.records]
        assert ttls == [b"\0\0\1\x2c"] * 3
        assert found.records[-1].end == len(found.body)

    def test_without_question(self) -> None:
        """They are found in an error without its question, too."""
        owner = record(b"\0", 6, bytes(22))
        found = parse_answer(message(0x8183, [], [], [owner], [opt()]))
        assert found.records == [Record(6, 12, 13, 12 + len(owner))]


class FaultTests(TestCase):
    def test_no_answer(self) -> None:
        """Less than a header, and a query, are no answers (RFC 1035 4.1.1)."""
        with pytest.raises(FormatError, match="no answer"):
            parse_answer(message(0x8180, [EXAMPLE])[:11])
        with pytest.raises(FormatError, match="no answer"):
            parse_answer(message(0x0180, [EXAMPLE]))

    def test_questions(self) -> None:
        """An answer repeats its one question (RFC 7766 section 7 matches by it)."""
        for flags in (0x8180, 0x8183):
            with pytest.raises(FormatError, match="one question"):
                parse_answer(message(flags, [EXAMPLE, EXAMPLE]))
        with pytest.raises(FormatError, match="one question"):
            parse_answer(message(0x8180, []))

    def test_error_without_question(self) -> None:
        """An error may come without the question: FORMERR does (RFC 1035 4.1.1)."""
        found = parse_answer(message(0x8181, []))
        assert (found.rcode, found.body) == (FORMERR, message(0x8181, []))

    def test_cut_anywhere(self) -> None:
        """An answer that is cut short, wherever that is, is a fault."""
        wire = message(0x8180, [EXAMPLE], [A], [], [opt()])
        for end in range(len(wire)):
            with pytest.raises(FormatError):
                parse_answer(wire[:end])

    def test_trailing_junk(self) -> None:
        """Octets behind the last record are a fault, with OPT or without."""
        for more in ([], [opt()], [opt(), A]):
            with pytest.raises(FormatError, match="behind the last"):
                parse_answer(message(0x8180, [EXAMPLE], [], [], more) + b"\0")

    @quick
    @given(spoiled(queries().flatmap(answers)) | st.binary(max_size=80))
    @example(message(0x8180, [EXAMPLE], [], [], [opt(), b"\0\0"]))
    def test_whatever_the_octets(self, wire: bytes) -> None:
        """Whatever the octets, they are an answer without OPT or a fault."""
        try:
            found = parse_answer(wire)
        except FormatError:
            return
        again = parse_answer(found.body)
        assert (again.opt, again.records) == (None, found.records)

    @quick
    @given(
        spoiled(
            st.lists(st.sampled_from([A, record(b"\0", 6, BACK * 2 + bytes(20))])).map(
                lambda some: message(0x8180, [EXAMPLE], [A], [], [opt(), *some, A])
            )
        )
    )
    def test_whatever_comes_behind(self, wire: bytes) -> None:
        """Whatever comes behind OPT is written anew or is a fault."""
        try:
            found = parse_answer(wire)
        except FormatError:
            return
        again = parse_answer(found.body)
        assert (again.opt, again.records) == (None, found.records)


class RealTests(TestCase):
    @quick
    @given(queries().flatmap(answers))
    def test_body(self, wire: bytes) -> None:
        """The body is what the upstream says but for OPT, and the RCODE is whole."""
        said = dns.message.from_wire(wire)
        found = parse_answer(wire)
        assert found.rcode == said.rcode()
        assert (found.opt is None) == (said.edns < 0)
        assert found.body[:10] == wire[:10]
        assert wire[12:].startswith(found.body[12:])
        assert lines(found.body) == lines(wire)
        count = sum(found.body[7:12:2])
        behind = len(found.body)
        if count:
            behind = found.records[0].at
        assert found.records == list(records(found.body, behind, count))


class RcodeTests(TestCase):
    def test_extended(self) -> None:
        """OPT holds the upper bits of the RCODE (RFC 6891 section 6.1.3)."""
        assert answer(0x8183).rcode == 3
        assert answer(0x8187, opt(ttl=0x01000000)).rcode == 23

    def test_helpful(self) -> None:
        """NOERROR and NXDOMAIN settle a question; a server's own trouble does not."""
        told = {rcode: answer(0x8180 | rcode).helpful for rcode in range(6)}
        assert told == {0: True, 1: False, 2: False, 3: True, 4: False, 5: False}

    def test_truncated(self) -> None:
        """With TC something was left out, and the question is not settled."""
        assert answer(0x8380).truncated
        assert not answer(0x8380).helpful
        assert not answer(0x8180).truncated


class KeepaliveTests(TestCase):
    def test_told(self) -> None:
        """An upstream says in seconds/10 how long it waits (RFC 7828 3.1)."""
        assert answer(0x8180, opt(b"\0\x0b\0\2\0\x64")).keepalive == 10.0

    def test_not_told(self) -> None:
        """Without the option, or without OPT, it says nothing."""
        assert answer(0x8180, opt()).keepalive is None
        assert answer(0x8180).keepalive is None


class MatchTests(TestCase):
    def test_reply(self) -> None:
        """A reply repeats the ID and the question."""
        assert replies_to(reply(QUERY), QUERY)

    def test_spelling(self) -> None:
        """A resolver may spell the name in capitals."""
        assert replies_to(reply(QUERY).replace(b"\3lab", b"\3LAB"), QUERY)

    def test_other_id(self) -> None:
        """Under another ID it is somebody's guess."""
        assert not replies_to(reply(query(0x1235)), QUERY)

    def test_other_question(self) -> None:
        """With another name, type or class in the question it is a guess too."""
        for asked in (
            reply(query(0x1234, "other.lab.example")),
            reply(query(0x1234, rdtype="AAAA")),
            reply(QUERY).replace(b"\0\1\0\1", b"\0\1\0\3"),
        ):
            assert not replies_to(asked, QUERY)

    def test_no_reply(self) -> None:
        """A query is none, nor is a message of another operation."""
        assert not replies_to(QUERY, QUERY)
        assert not replies_to(reply(QUERY)[:2] + b"\xa8" + reply(QUERY)[3:], QUERY)

    def test_two_questions(self) -> None:
        """The question stands alone."""
        genuine = reply(QUERY)
        assert not replies_to(genuine[:5] + b"\2" + genuine[6:], QUERY)

    def test_short(self) -> None:
        """What ends before the question does is no reply, however short."""
        genuine = reply(QUERY)
        for size in range(len(QUERY)):
            assert not replies_to(genuine[:size], QUERY)

    def test_our_opt(self) -> None:
        """What stands behind the question in our query need not come back."""
        asked = dns.message.from_wire(QUERY)
        asked.use_edns(0)
        assert replies_to(reply(QUERY), asked.to_wire())
