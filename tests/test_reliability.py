"""How the promises are judged: replies, figures, and the table."""

from unittest import TestCase

from dotproxy.lab.faults import parse_faults
from reliability.client import Asked
from reliability.figures import Figures, broken, figures
from reliability.questions import Verdict, answer, ask, judge
from reliability.report import HEAD, markdown
from reliability.scene import Played
from reliability.situations import SITUATIONS

QUERY = ask(7, "new7")

GOOD = Figures(99.5, 0.5, 0, 0, 0, 0, 12, 0, 1, 100)


class JudgeTests(TestCase):
    def test_right(self) -> None:
        """What an upstream answers is right, whatever else comes behind it."""
        reply = answer(QUERY).wire
        assert judge(QUERY, reply) is Verdict.RIGHT
        assert judge(QUERY, reply + b"more") is Verdict.RIGHT

    def test_other_name(self) -> None:
        """The answer to another question is wrong, also with the right question."""
        other = answer(ask(7, "new8")).wire
        assert judge(QUERY, other) is Verdict.WRONG
        end = len(QUERY) - 11
        assert judge(QUERY, QUERY[:2] + other[2:12] + QUERY[12:end] + other[end:]) is (
            Verdict.WRONG
        )

    def test_no_reply(self) -> None:
        """What is no response is wrong."""
        assert judge(QUERY, QUERY) is Verdict.WRONG
        assert judge(QUERY, b"") is Verdict.WRONG

    def test_honest(self) -> None:
        """SERVFAIL, another RCODE, and TC without records are honest words."""
        bare = answer(QUERY).wire[: len(QUERY) - 11]
        for third, fourth, verdict in (
            (0x81, 0x82, Verdict.SERVFAIL),
            (0x81, 0x85, Verdict.OTHER),
            (0x83, 0x80, Verdict.OTHER),
            (0x81, 0x80, Verdict.WRONG),
        ):
            head = bare[:2] + bytes((third, fourth)) + b"\0\1\0\0\0\0\0\0"
            assert judge(QUERY, head + bare[12:]) is verdict


class FiguresTests(TestCase):
    def play(self, *asked: Asked) -> Figures:
        return figures(Played(asked, began=10.0, ended=15.0, heard=6, handed=0))

    def test_figures(self) -> None:
        """Shares are of the queries since the fault began."""
        seen = self.play(
            Asked(QUERY, True, 9.0),
            Asked(QUERY, True, 11.0, 0.25, Verdict.RIGHT),
            Asked(QUERY, False, 12.0, 0.5, Verdict.SERVFAIL),
            Asked(QUERY, False, 16.0),
            Asked(QUERY, False, 17.0, 0.125, Verdict.RIGHT),
        )
        assert (seen.right, seen.servfail, seen.silent) == (50, 25, 25)
        assert (seen.worst, seen.recovery, seen.known) == (250, 1, 100)
        assert seen.heard == 6 / 5

    def test_kept(self) -> None:
        """Promises that are kept are not named."""
        assert broken(GOOD, both=False) == []

    def test_broken(self) -> None:
        """Each promise that is not kept is named."""
        assert broken(GOOD._replace(wrong=1), both=True) == ["a wrong reply"]
        assert broken(GOOD._replace(silent=0.1), both=True) == [
            "a query without a reply"
        ]
        assert broken(GOOD._replace(handed=2), both=True) == [
            "a query handed to a stranger"
        ]
        assert broken(GOOD._replace(right=99.4), both=False) == [
            "less than 99.5 % right"
        ]
        assert broken(GOOD._replace(right=10), both=True) == []


class SituationTests(TestCase):
    def test_faults(self) -> None:
        """The lab has every fault that a situation is made of."""
        for situation in SITUATIONS:
            assert len(parse_faults(*situation.faults)) == len(situation.faults)

    def test_table(self) -> None:
        """There is a line for each situation, with its promise."""
        lines = markdown(dict.fromkeys(SITUATIONS, GOOD)).splitlines()
        assert len(lines) == 2 + len(SITUATIONS)
        assert {line.count("|") for line in lines} == {len(HEAD) + 1}
        assert SITUATIONS[0].promise in lines[2]
