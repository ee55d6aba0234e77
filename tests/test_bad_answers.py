"""Answers gone bad: what is wrong with each, and that nothing else is."""

from unittest import TestCase

import dns.flags
import dns.message
import dns.rcode
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.lab import zone
from dotproxy.lab.bad_answers import SPOILS, question, stray
from dotproxy.wire.message import FORMERR
from tests.messages import quick

QUERY = dns.message.make_query("wWw.lab.example", "A", use_edns=True).to_wire()

REPLY = zone.answer(QUERY)
assert REPLY is not None
ANSWER = REPLY.wire

BARE = b"\x12\x34\x80\x81" + bytes(8)
"""An answer without a question."""


def spoil(kind: str, value: float = 0) -> bytes:
    return SPOILS[kind](QUERY, ANSWER, value)


def read(wire: bytes) -> dns.message.Message:
    return dns.message.from_wire(wire)


class SpoilTests(TestCase):
    def test_rcode(self) -> None:
        """An RCODE comes with the question as it was spelled, and no records."""
        answer = read(spoil("rcode", 5))
        assert answer.rcode() == dns.rcode.REFUSED
        assert read(QUERY).is_response(answer)
        assert [*answer.answer, *answer.authority, *answer.additional] == []
        assert question(spoil("rcode", 5)) == question(QUERY)

    def test_formerr(self) -> None:
        """FORMERR is a header and nothing else."""
        assert len(spoil("formerr")) == 12
        assert read(spoil("formerr")).rcode() == FORMERR
        assert spoil("formerr")[:2] == QUERY[:2]

    def test_truncated(self) -> None:
        """A truncated answer has TC and no records, and else says that all is well."""
        answer = read(spoil("truncated"))
        assert answer.flags & dns.flags.TC
        assert (answer.rcode(), answer.answer) == (0, [])
        assert read(QUERY).is_response(answer)

    def test_huge(self) -> None:
        """A huge answer has the size that was asked for, and says what it did."""
        for size in (512, 4096, 65535):
            wire = spoil("huge", size)
            assert len(wire) == size
            assert read(wire).answer == read(ANSWER).answer
            assert read(wire).edns == 0
        big = zone.answer(dns.message.make_query("big.lab.example", "TXT").to_wire())
        assert big is not None
        assert SPOILS["huge"](QUERY, big.wire, 512) == big.wire

    def test_wrong_id(self) -> None:
        """Only the ID is another one."""
        wire = spoil("wrong-id")
        assert wire[:2] != ANSWER[:2]
        assert wire[2:] == ANSWER[2:]

    def test_wrong_question(self) -> None:
        """Only the name in the question is another one."""
        assert question(spoil("wrong-question")) == b"\3xWw" + question(QUERY)[4:]
        assert spoil("wrong-question")[14:] == ANSWER[14:]

    def test_another_question(self) -> None:
        """A name that starts as the wrong one would, and the root, become others."""
        for name in ("x.example", "X", "."):
            query = dns.message.make_query(name, "A").to_wire()
            wire = SPOILS["wrong-question"](query, SPOILS["rcode"](query, b"", 0), 0)
            assert read(wire).question[0].name != read(query).question[0].name

    def test_wrong_type(self) -> None:
        """Only the type in the question is another one."""
        assert question(spoil("wrong-type")) == question(QUERY)[:-4] + b"\0\x10\0\1"
        end = 12 + len(question(QUERY))
        assert spoil("wrong-type")[end:] == ANSWER[end:]
        query = dns.message.make_query("lab.example", "TXT").to_wire()
        assert question(SPOILS["wrong-type"](query, query, 0))[-4:] == b"\0\1\0\1"

    def test_query_echo(self) -> None:
        """The query comes back octet by octet."""
        assert spoil("query-echo") == QUERY

    def test_garbage(self) -> None:
        """Noise has the ID and the size of the answer, and is the same each time."""
        wire = spoil("garbage")
        assert (wire[:2], len(wire)) == (ANSWER[:2], len(ANSWER))
        assert wire[2:] not in (ANSWER[2:], bytes(len(wire) - 2))
        assert wire == spoil("garbage")

    def test_short(self) -> None:
        """So many octets are left."""
        assert spoil("short", 5) == ANSWER[:5]
        assert spoil("short", 0) == b""

    def test_stray(self) -> None:
        """What nobody asked for is an answer under another ID to another question."""
        other = read(stray(QUERY))
        assert other.flags & dns.flags.QR
        assert other.id != read(QUERY).id
        assert other.question != read(QUERY).question

    def test_no_question(self) -> None:
        """An answer without a question stays as it is where that would be spoiled."""
        for kind in ("huge", "wrong-question", "wrong-type"):
            assert SPOILS[kind](QUERY, BARE, 65535) == BARE

    @quick
    @given(st.binary(min_size=12, max_size=64), st.binary(max_size=64))
    def test_anything(self, query: bytes, answer: bytes) -> None:
        """Whatever the messages, what comes of them still fits a frame."""
        for spoil in SPOILS.values():
            assert len(spoil(query, answer, 1)) <= 65535
        assert stray(query)


class QuestionTests(TestCase):
    def test_question(self) -> None:
        """The question is what stands behind the header, if it is there as a whole."""
        assert question(QUERY) == b"\3wWw\3lab\7example\0\0\1\0\1"
        for wire in (b"", BARE, QUERY[:-13], QUERY[:20], QUERY[:12]):
            assert question(wire) == b""
