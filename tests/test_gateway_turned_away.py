"""What the log tells of clients that the gateway does not let in."""

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.gateway.turned_away import TurnedAway

MORE = "turned away in the last 60 s, beside those told of: "


class TurnedAwayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.turned_away = TurnedAway(self.clock)

    def tearDown(self) -> None:
        self.turned_away.close()
        assert self.clock.getDelayedCalls() == []

    def said(self, seconds: float = 0, **words: int) -> list[str]:
        """Return what is logged when so many are turned away, and time goes by."""
        with capturedLogs() as events:
            for word, count in words.items():
                for _ in range(count):
                    self.turned_away.note("198.51.100.7", word)
            self.clock.advance(seconds)
        return [str(formatEvent(event)) for event in events]

    def test_first(self) -> None:
        """The first for each reason is told of at once, and its network with it."""
        assert self.said(too_fast=1, denied=1) == [
            "198.51.100.0 is turned away: too_fast",
            "198.51.100.0 is turned away: denied",
        ]

    def test_flood(self) -> None:
        """A flood is one line each minute, with how many they were."""
        assert len(self.said(too_fast=1000)) == 1
        assert self.said(59.9) == []
        assert self.said(0.1) == [f"{MORE}999 too_fast"]
        assert self.said(60, too_fast=30) == [f"{MORE}30 too_fast"]
        assert self.said(60, full=1, too_fast=2) == [
            "198.51.100.0 is turned away: full",
            f"{MORE}2 too_fast",
        ]

    def test_over(self) -> None:
        """After a quiet minute no timer runs, and the next is a first one."""
        self.said(60, denied=2)
        self.said(60)
        assert self.clock.getDelayedCalls() == []
        assert self.said(denied=1) == ["198.51.100.0 is turned away: denied"]

    def test_end(self) -> None:
        """At the end the last ones are told of."""
        self.said(denied=3)
        with capturedLogs() as events:
            self.turned_away.close()
        assert [formatEvent(event) for event in events] == [f"{MORE}2 denied"]
