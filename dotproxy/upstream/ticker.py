"""A clock that ticks while there is something to look after."""

from collections.abc import Callable
from math import inf

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

TICK = 0.05
"""Seconds between two looks: how late a time limit may strike."""

OVERSLEPT = 2.0
"""Seconds by which a tick is late when not the load but the machine's sleep is why."""


class Ticker:
    """Call `look(now)` every tick for as long as it says True.

    One timer for all that wait costs nothing per query, where one timer each
    costs more than the wait is worth.
    """

    def __init__(self, clock: IReactorTime, look: Callable[[float], bool]) -> None:
        self._clock = clock
        self._look = look
        self._call: IDelayedCall | None = None
        self._due = inf
        self._stopped = False

    def wake(self) -> None:
        """Start ticking, if it is not."""
        self._stopped = False
        if self._call is None:
            self._due = self._clock.seconds() + TICK
            self._call = self._clock.callLater(TICK, self._tick)

    def overslept(self) -> bool:
        """Tell, once, that a tick is so late that we must have been asleep."""
        now = self._clock.seconds()
        if now < self._due + OVERSLEPT:
            return False
        self._due = now
        return True

    def stop(self) -> None:
        """Stop ticking until woken again."""
        self._stopped = True
        if self._call is not None:
            self._call.cancel()
            self._call = None
            self._due = inf

    def _tick(self) -> None:
        self._call = None
        if self._look(self._clock.seconds()) and not self._stopped:
            self.wake()
        else:
            self._due = inf


def until(
    happened: Callable[[], bool], clock: IReactorTime, limit: float = inf
) -> Deferred[None]:
    """Fire with None once `happened()`, or after `limit` seconds in any case.

    It fires at once where it has happened already, and else a tick late at most.
    Cancelling stops the clock.
    """
    if happened():
        return succeed(None)
    end = clock.seconds() + limit

    def look(now: float) -> bool:
        if now < end and not happened():
            return True
        waiting.callback(None)
        return False

    ticker = Ticker(clock, look)
    waiting: Deferred[None] = Deferred(lambda _: ticker.stop())
    ticker.wake()
    return waiting
