"""What becomes of an answer under faults: what is written when, and how it ends."""

from unittest import TestCase

import dns.message

from dotproxy.lab.bad_answers import stray
from dotproxy.lab.faults import parse_faults
from dotproxy.lab.script import Act, End, Script, ending, write_script
from dotproxy.lab.zone import Reply
from dotproxy.wire.framing import Frames, frame

QUERY = dns.message.make_query("www.lab.example", "A").to_wire()
ANSWER = QUERY[:2] + b"\x80" + QUERY[3:]


def script(*faults: str, before: int = 0, delay: float = 0.0) -> Script | None:
    return write_script(parse_faults(*faults), QUERY, Reply(ANSWER, delay), before)


def octets(*faults: str) -> bytes:
    written = script(*faults)
    assert written is not None
    return b"".join(act.octets for act in written.acts)


def messages(*faults: str) -> list[bytes]:
    return Frames().feed(octets(*faults))


class AnswerTests(TestCase):
    def test_good(self) -> None:
        """Without faults the answer is written at once and as a whole."""
        assert script() == Script(0.0, 0.0, (Act(frame(ANSWER)),))

    def test_delay(self) -> None:
        """A delay comes on top of what the zone has."""
        for faults, seconds in (((), 1.0), (("delay=2",), 3.0)):
            late = script(*faults, delay=1.0)
            assert late is not None
            assert late.delay == seconds

    def test_swallow(self) -> None:
        """A swallowed answer is none."""
        assert script("swallow") is None
        assert script("swallow", "garbage") is None

    def test_swallow_after(self) -> None:
        """So many answers are had before the rest is swallowed."""
        assert script("swallow-after=2", before=1) is not None
        assert script("swallow-after=2", before=2) is None
        assert script("swallow-after=0") is None

    def test_domain(self) -> None:
        """A fault for other names changes nothing."""
        everything = ("swallow", "delay=1", "out-of-order", "trickle", "half-answer")
        messy = ("duplicate", "unsolicited", "garbage", "unfinished")
        others = [f"{fault}@other.example" for fault in (*everything, *messy)]
        assert script(*others) == script()
        assert script("swallow@lab.example") is None

    def test_out_of_order(self) -> None:
        """An answer that goes out of order waits for others."""
        for fault, seconds in (("out-of-order", 0.1), ("out-of-order=2", 2.0)):
            waiting = script(fault)
            assert waiting is not None
            assert waiting.gather == seconds

    def test_trickle(self) -> None:
        """Octets trickle singly, each after a pause, the length first."""
        trickling = script("trickle=0.5")
        assert trickling is not None
        assert {(len(act.octets), act.pause) for act in trickling.acts} == {(1, 0.5)}
        assert octets("trickle=0.5") == frame(ANSWER)

    def test_half(self) -> None:
        """Half of the frame comes before the reset, trickling if it must."""
        half = frame(ANSWER)[: len(frame(ANSWER)) // 2]
        for faults in (("half-answer",), ("half-answer", "trickle")):
            assert octets(*faults) == half
            broken = script(*faults)
            assert broken is not None
            assert [act.end for act in broken.acts if act.end] == [End.RESET]
            assert broken.acts[-1].end is End.RESET

    def test_duplicate(self) -> None:
        """A duplicate follows in a frame of its own."""
        assert messages("duplicate") == [ANSWER, ANSWER]

    def test_unsolicited(self) -> None:
        """What nobody asked for comes first."""
        assert messages("unsolicited") == [stray(QUERY), ANSWER]
        assert len(messages("unsolicited", "duplicate")) == 3

    def test_spoiled(self) -> None:
        """Several faults of the message itself combine."""
        (wire,) = messages("rcode=REFUSED", "wrong-id")
        assert wire[:2] != QUERY[:2]
        assert wire[3] & 0xF == 5
        assert messages("short=3") == [ANSWER[:3]]
        assert messages("short=0") == [b""]

    def test_unfinished(self) -> None:
        """The length says more than ever comes."""
        assert octets("unfinished") == b"\xff\xff" + ANSWER
        assert messages("unfinished") == []

    def test_no_question(self) -> None:
        """A query without a question has answers too, and no name but the root's."""
        bare = QUERY[:4] + bytes(8)
        reply = Reply(bare, 0.0)
        assert write_script(parse_faults("swallow@example"), bare, reply, 0)
        assert write_script(parse_faults("swallow@."), bare, reply, 0) is None


class EndTests(TestCase):
    def test_after(self) -> None:
        """A connection ends when it has had so many answers, and at no time before."""
        for kind, end in (
            ("close-after", End.CLOSE_NOTIFY),
            ("fin-after", End.FIN),
            ("reset-after", End.RESET),
            ("half-close-after", End.HALF_CLOSE),
        ):
            faults = parse_faults("delay=1", f"{kind}=2")
            ends = [ending(faults, answers) for answers in range(4)]
            assert ends == [None, None, end, end]

    def test_first(self) -> None:
        """Of two ends that are due the first one given is taken."""
        faults = parse_faults("reset-after=3", "close-after=1")
        assert ending(faults, 1) is End.CLOSE_NOTIFY
        assert ending(faults, 3) is End.RESET

    def test_none(self) -> None:
        """Other faults end nothing."""
        assert ending(parse_faults("swallow-after=0", "delay=1"), 9) is None
