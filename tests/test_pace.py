"""The rate at which a client of a stream may ask."""

from unittest import TestCase

from twisted.internet.task import Clock

from dotproxy.server.pace import Pace


class PaceTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.pace = Pace(self.clock)
        self.waits: list[float] = []
        self.went_on = 0
        self.pace.count = lambda now: self.waits.pop(0)

    def is_due(self) -> bool:
        return self.pace.is_due(self.go_on)

    def go_on(self) -> None:
        self.went_on += 1

    def test_no_limit(self) -> None:
        """Without a limit each query is due."""
        self.pace.count = None
        assert all(self.is_due() for _ in range(3))
        assert not self.pace.holds

    def test_held(self) -> None:
        """One too many waits for as long as it is told, and is counted once."""
        self.waits = [0, 2, 0]
        assert self.is_due()
        assert not self.is_due()
        self.clock.advance(1.9)
        assert self.pace.holds
        self.clock.advance(0.1)
        assert (self.pace.holds, self.went_on) == (False, 1)
        assert self.is_due()
        assert self.waits == [0]
        assert self.is_due()
        assert not self.waits

    def test_stop(self) -> None:
        """Who is gone is not waited for, whether it was held or not."""
        self.waits = [2]
        self.pace.stop()
        self.is_due()
        self.pace.stop()
        assert not self.pace.holds
        assert not self.clock.getDelayedCalls()
