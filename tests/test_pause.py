"""A pause of the rules, which ends by itself."""

from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.naming import Naming
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.local.rules import Rules
from dotproxy.pause import Pause
from tests.words import asking

BLOCK = Book.read(Naming((Rule("block", (".ads.example",)),)))


class PauseTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.rules = Rules(BLOCK)
        self.seen: list[bool] = []
        """Whether names were blocked, each time that memories had to go."""
        self.pause = Pause(
            self.rules, lambda: self.seen.append(self.blocks()), self.clock
        )
        self.pause.startService()

    def blocks(self) -> bool:
        return self.rules.answer(asking("x.ads.example")) is not None

    def said(self, events: list[LogEvent]) -> list[str | None]:
        return [formatEvent(event) for event in events]

    def test_by_itself(self) -> None:
        """The rules come back when the time is over, and memories go at both ends."""
        with capturedLogs() as events:
            self.pause.hold(300)
            assert not self.blocks()
            self.clock.advance(299)
            assert (self.pause.left, self.blocks()) == (1, False)
            self.clock.advance(1)
        assert (self.pause.left, self.blocks()) == (0, True)
        assert self.seen == [False, True]
        assert self.said(events) == ["rules are paused for 300 s", "rules hold again"]

    def test_ended(self) -> None:
        """A pause can be ended, once; then there is nothing to end."""
        self.pause.hold(300)
        with capturedLogs() as events:
            self.pause.hold(0)
            self.pause.hold(0)
        assert self.said(events) == ["rules hold again"]
        assert self.seen == [False, True]
        assert self.clock.getDelayedCalls() == []

    def test_longer(self) -> None:
        """What is said last counts; a pause that goes on empties nothing."""
        self.pause.hold(10)
        self.clock.advance(5)
        self.pause.hold(60)
        self.clock.advance(59)
        assert self.seen == [False]
        self.clock.advance(1)
        assert self.seen == [False, True]

    def test_stopped(self) -> None:
        """The end of the service leaves nothing to be done."""
        self.pause.hold(10)
        self.pause.stopService()
        assert self.clock.getDelayedCalls() == []
        assert self.seen == [False]
