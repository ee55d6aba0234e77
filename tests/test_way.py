"""The way of one query."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.journal.note import Known
from dotproxy.tracing.way import Step, Way, note_reply


class WayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.steps = Clock(), list[Step]()
        self.clock.advance(100)
        self.way = Way(self.clock.seconds, self.steps.append)

    def test_step(self) -> None:
        """A step has milliseconds since the query came, and octets in hex."""
        self.clock.advance(0.0125)
        self.way.note("stage", "{octets} of {size}", octets=b"\0\xff{", size=3)
        [step] = self.steps
        assert step.ms == 12.5
        assert (step.stage, str(step)) == ("stage", "00ff7b of 3")
        assert step.fields == {"octets": "00ff7b", "size": 3}

    def test_braces(self) -> None:
        """Braces in what a field says are no fields."""
        self.way.note("stage", "{reason}", reason="{octets}")
        assert str(self.steps[0]) == "{octets}"

    def test_reply(self) -> None:
        """A reply is told when it leaves, at once or later, and passed on."""
        note_reply(self.way, Known("cache"), b"\1")
        later: Deferred[bytes] = Deferred()
        note_reply(self.way, Known("upstream"), later)
        assert len(self.steps) == 1
        later.callback(b"\2\3")
        assert self.successResultOf(later) == b"\2\3"
        assert list(map(str, self.steps)) == [
            "from cache, 1 octets: 01",
            "from upstream, 2 octets: 0203",
        ]
