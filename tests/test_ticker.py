"""The clock that ticks while there is something to look after."""

from math import inf

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream.ticker import OVERSLEPT, TICK, Ticker, until


class TickerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.busy = True
        self.looked: list[float] = []
        self.ticker = Ticker(self.clock, self.look)

    def tearDown(self) -> None:
        """Once stopped, no timer is left."""
        self.ticker.stop()
        assert self.clock.getDelayedCalls() == []

    def look(self, now: float) -> bool:
        self.looked.append(now)
        return self.busy

    def test_asleep(self) -> None:
        """Nothing ticks before it is woken."""
        self.clock.advance(1)
        assert self.looked == []
        assert self.clock.getDelayedCalls() == []

    def test_ticks(self) -> None:
        """Once woken it looks at every tick, and is told the time."""
        self.clock.advance(10)
        self.ticker.wake()
        assert self.looked == []
        self.clock.pump([TICK] * 3)
        assert self.looked == pytest.approx([10.05, 10.1, 10.15])

    def test_nothing_left(self) -> None:
        """When there is nothing to look after it falls asleep, and can be woken."""
        self.ticker.wake()
        self.busy = False
        self.clock.pump([TICK] * 3)
        assert len(self.looked) == 1
        assert self.clock.getDelayedCalls() == []
        self.ticker.wake()
        self.clock.advance(TICK)
        assert len(self.looked) == 2

    def test_overslept(self) -> None:
        """A tick that comes long after its time is told of, once."""
        self.ticker.wake()
        self.clock.advance(TICK + OVERSLEPT - 0.01)
        assert not self.ticker.overslept()
        self.busy = False
        told: list[bool] = []
        self.ticker = Ticker(
            self.clock, lambda now: bool(told.append(self.ticker.overslept()))
        )
        self.ticker.wake()
        self.clock.advance(TICK + OVERSLEPT)
        assert told == [True]

    def test_before_the_tick(self) -> None:
        """Whoever asks before that tick hears of it, and the tick itself does not."""
        self.ticker.wake()
        self.clock.rightNow += TICK + OVERSLEPT
        assert self.ticker.overslept()
        assert not self.ticker.overslept()

    def test_nothing_to_oversleep(self) -> None:
        """One that does not tick, or has stopped, cannot be late."""
        assert not self.ticker.overslept()
        self.busy = False
        self.ticker.wake()
        self.clock.advance(TICK)
        self.clock.advance(100)
        assert not self.ticker.overslept()
        self.ticker.wake()
        self.ticker.stop()
        self.clock.advance(100)
        assert not self.ticker.overslept()

    def test_woken_twice(self) -> None:
        """Waking one that is awake changes nothing: there is one timer for all."""
        self.ticker.wake()
        self.clock.advance(TICK / 2)
        self.ticker.wake()
        assert len(self.clock.getDelayedCalls()) == 1
        self.clock.advance(TICK / 2)
        assert self.looked == [TICK]

    def test_woken_by_the_look(self) -> None:
        """What is found during a look may wake it; there is still one timer."""

        def look(now: float) -> bool:
            ticker.wake()
            return True

        ticker = Ticker(self.clock, look)
        ticker.wake()
        self.clock.advance(TICK)
        assert len(self.clock.getDelayedCalls()) == 1
        ticker.stop()

    def test_stop(self) -> None:
        """Stopped, it looks no more until it is woken again."""
        self.ticker.wake()
        self.ticker.stop()
        self.clock.advance(1)
        assert self.looked == []
        self.ticker.wake()
        self.clock.advance(TICK)
        assert self.looked == [1 + TICK]

    def test_stop_asleep(self) -> None:
        """To stop one that is asleep is harmless."""
        self.ticker.stop()
        self.ticker.stop()
        assert self.clock.getDelayedCalls() == []

    def test_stopped_by_the_look(self) -> None:
        """Stopped during a look, it stays so, whatever the look says."""

        def look(now: float) -> bool:
            ticker.stop()
            return True

        clock = Clock()
        ticker = Ticker(clock, look)
        ticker.wake()
        clock.advance(TICK)
        assert clock.getDelayedCalls() == []


class UntilTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.happened = False

    def waiting(self, limit: float = inf) -> Deferred[None]:
        return until(lambda: self.happened, self.clock, limit)

    def test_at_once(self) -> None:
        """What has happened is not waited for."""
        self.happened = True
        self.successResultOf(self.waiting())
        assert self.clock.getDelayedCalls() == []

    def test_later(self) -> None:
        """It is noticed within a tick, and then the clock stands still."""
        waiting = self.waiting()
        self.clock.pump([TICK] * 100)
        self.assertNoResult(waiting)
        self.happened = True
        self.clock.advance(TICK)
        self.successResultOf(waiting)
        assert self.clock.getDelayedCalls() == []

    def test_limit(self) -> None:
        """What does not happen in time is waited for no longer."""
        waiting = self.waiting(limit=10 * TICK)
        self.clock.pump([TICK] * 9)
        self.assertNoResult(waiting)
        self.clock.pump([TICK] * 2)
        self.successResultOf(waiting)
        assert self.clock.getDelayedCalls() == []

    def test_cancel(self) -> None:
        """Who waits no longer leaves no timer behind."""
        waiting = self.waiting()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        assert self.clock.getDelayedCalls() == []
