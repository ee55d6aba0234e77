"""The question of a query that was noted."""

from unittest import TestCase

from hypothesis import example, given
from hypothesis import strategies as st

from dotproxy.journal.question import NONE, Question, question_in
from tests.clients import query
from tests.messages import message


def asked(name: bytes, kind: int = 1, rdclass: int = 1) -> Question:
    """Return what is shown of a question for a name on the wire."""
    question = name + kind.to_bytes(2, "big") + rdclass.to_bytes(2, "big")
    return question_in(message(0x0100, [question]))


class QuestionTests(TestCase):
    def test_usual(self) -> None:
        """A name is in lower case and without a dot at its end; numbers have names."""
        expected = Question("www.lab.example", "AAAA", "IN")
        assert question_in(query(1, "WWW.Lab.example", "AAAA")) == expected
        assert asked(b"\0", 65280, 3) == Question(".", "TYPE65280", "CH")

    def test_escaped(self) -> None:
        """Octets that are no text are escaped, so none ends a line or a field."""
        odd = b'\x0aa b"\n\x00\xff\\.\x7f\0'
        name, kind, _ = asked(odd)
        assert name == r"a\032b\"\010\000\255\\\.\127"
        assert kind == "A"

    def test_none(self) -> None:
        """Where there is no question that can be read, there is none."""
        for wire in (b"", bytes(12), query(1)[:20], query(1)[:-3], b"\xff" * 40):
            assert question_in(wire) == NONE

    @given(st.binary(max_size=80))
    @example(bytes(12) + b"\1\0\0\0\1\0\1")
    def test_anything(self, octets: bytes) -> None:
        """Whatever comes is a line of ASCII that can be printed."""
        name, kind, rdclass = question_in(octets)
        for word in (name, kind, rdclass):
            assert word.isascii()
            assert word == "" or word.isprintable()
            assert " " not in word
