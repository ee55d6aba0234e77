"""Answers that are changed."""

from unittest import TestCase

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.message import FormatError
from dotproxy.wire.rewrite import behind_alias, name_at, rewritten
from tests.messages import BACK, EXAMPLE, answers, message, queries, quick, record
from tests.words import BOGUS, answering, asking

SIGNED = "8 2 300 20300101000000 20200101000000 1 example.com. c2lnbmVk"
"""The data of a signature, but for the type that it covers."""

ADDRESS = bytes((198, 51, 100, 7))


def texts(answer: Answer) -> list[list[str]]:
    """Return the records of each section, as text."""
    read = dns.message.from_wire(answer.body, one_rr_per_rrset=True)
    return [[rrset.to_text() for rrset in section] for section in read.sections[1:]]


class NameTests(TestCase):
    def test_names(self) -> None:
        """A name is folded, and its pointers are followed."""
        wire = b"\7Example\3COM\0" + b"\3www\xc0\0" + b"\1a\xc0\x0d"
        assert name_at(wire, 0) == b"\7example\3com\0"
        assert name_at(wire, 13) == b"\3www\7example\3com\0"
        assert name_at(wire, 19) == b"\1a\3www\7example\3com\0"
        assert name_at(wire, 12) == b"\0"

    def test_no_names(self) -> None:
        """One that has no end, or leads forwards, is none."""
        long = b"".join(b"\77" + b"x" * 63 for _ in range(4)) + b"\0"
        faults = b"", b"\1", b"\xc0", b"\xc0\0", b"\1a\xc0\2", b"\1a\xc0\0", b"\x40a"
        for wire in (*faults, b"\3abc", long, b"\xc0\2\1a\0"):
            with pytest.raises(FormatError):
                name_at(wire, 0)

    @given(st.binary(max_size=64), st.integers(0, 64))
    @quick
    def test_any(self, wire: bytes, at: int) -> None:
        """Whatever the octets, there is a name or a FormatError."""
        try:
            name = name_at(wire, at)
        except FormatError:
            return
        assert len(name) <= 255
        assert name.endswith(b"\0")


class RewrittenTests(TestCase):
    def setUp(self) -> None:
        self.answer = answering(
            asking(),
            "@ 300 A 192.0.2.1",
            "@ 200 A 192.0.2.2",
            f"@ 300 RRSIG A {SIGNED}",
            f"@ 300 RRSIG MX {SIGNED}",
            "@ 300 MX 10 mail.example.com.",
            "a.example.com. 300 A 192.0.2.3",
            f"a.example.com. 300 RRSIG A {SIGNED}",
            flags=0x81A0,
            options=BOGUS,
        )

    def test_left_out(self) -> None:
        """A record is gone, and with it the signatures of its set, and AD."""
        edited = rewritten(self.answer, {0: None})
        kept = [1, 3, 4, 5, 6]
        before, after = texts(self.answer), texts(edited)
        assert after == [[before[0][index] for index in kept], [], []]
        assert not edited.body[3] & dns.flags.AD
        assert self.answer.body[3] & dns.flags.AD
        assert edited.opt == self.answer.opt

    def test_edited(self) -> None:
        """A record holds something else, and keeps its place and its TTL."""
        edited = rewritten(self.answer, {1: ADDRESS})
        assert texts(edited)[0][1] == "example.com. 200 IN A 198.51.100.7"
        assert len(texts(edited)[0]) == 6

    def test_parsed(self) -> None:
        """What comes out is as if it had come from an upstream."""
        edited = rewritten(self.answer, {0: None})
        again = parse_answer(edited.body)
        assert (again.body, again.records) == (edited.body, edited.records)

    def test_unreadable(self) -> None:
        """An answer that cannot be read to the end is not edited."""
        bad = record(BACK, 15, b"\0\1\xc0\xff")
        wire = message(0x8180, [EXAMPLE], [record(BACK, 1, ADDRESS), bad])
        with pytest.raises(FormatError, match="cannot be read"):
            rewritten(parse_answer(wire), {0: None})

    def test_unwritable(self) -> None:
        """Nor one that would be too long, which no upstream's is."""
        answer = answering(asking(), *["@ 300 TXT x"] * 300)
        long = (b"\xff" + b"x" * 255) * 2
        with pytest.raises(FormatError, match="cannot be written"):
            rewritten(answer, dict.fromkeys(range(300), long))

    @given(st.data())
    @quick
    def test_any(self, data: st.DataObject) -> None:
        """Whatever the answer, the records that are not changed stay as they were."""
        answer = parse_answer(data.draw(answers(data.draw(queries()))))
        before = texts(answer)
        assert texts(rewritten(answer, {})) == before
        if before[0]:
            after = texts(rewritten(answer, {0: None}))
            assert after == [before[0][1:], before[1], before[2]]


class AliasTests(TestCase):
    def test_joined(self) -> None:
        """The alias stands first, and what it leads to behind it."""
        target = asking("nas.example.org", "AAAA")
        answer = answering(target, "@ 300 AAAA 2001:db8::1", flags=0x81A3)
        question = asking("Files.Corp.example", "AAAA").question
        joined = behind_alias(answer, question, target.question[:-4], 60)
        assert joined.body[12:].startswith(question)
        assert joined.rcode == 3
        assert not joined.body[3] & dns.flags.AD
        assert texts(joined) == [
            [
                "Files.Corp.example. 60 IN CNAME nas.example.org.",
                "nas.example.org. 300 IN AAAA 2001:db8::1",
            ],
            [],
            [],
        ]

    def test_no_question(self) -> None:
        """An error without a question comes with the alias, too."""
        question = asking("a.example").question
        refused = parse_answer(message(0x8185))
        joined = behind_alias(refused, question, b"\1b\0", 60)
        assert joined.rcode == 5
        assert texts(joined)[0] == ["a.example. 60 IN CNAME b."]
