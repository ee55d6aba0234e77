"""A clock that ticks while there is something to look after."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

TICK = 0.05
"""Seconds between two looks: how late a time limit may strike."""


class Ticker:
    """Call `look(now)` every tick for as long as it says True.

    One timer for all that wait costs nothing per query, where one timer each
    costs more than the wait is worth.
    """

    def __init__(self, clock: IReactorTime, look: Callable[[float], bool]) -> None:
        self._clock = clock
        self._look = look
        self._call: IDelayedCall | None = None
        self._stopped = False

    def wake(self) -> None:
        """Start ticking, if it is not."""
        self._stopped = False
        if self._call is None:
            self._call = self._clock.callLater(TICK, self._tick)

    def stop(self) -> None:
        """Stop ticking until woken again."""
        self._stopped = True
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _tick(self) -> None:
        self._call = None
        if self._look(self._clock.seconds()) and not self._stopped:
            self.wake()
