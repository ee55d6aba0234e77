"""The rate at which one client of a stream may ask, by the limit of its network."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

Count = Callable[[float], float]
"""Count a query at this time; return the seconds to hold it back."""


class Pace:
    """Hold back who asks too often: over a stream that costs nobody a query.

    Without a `count` there is no limit.
    """

    __slots__ = ("_clock", "_counted", "_pause", "count")

    def __init__(self, clock: IReactorTime) -> None:
        self.count: Count | None = None
        self._clock = clock
        self._pause: IDelayedCall | None = None
        self._counted = False

    @property
    def holds(self) -> bool:
        """Whether the next query has to wait."""
        return self._pause is not None

    def is_due(self, go_on: Callable[[], None]) -> bool:
        """Count the next query, once; where it has to wait, call `go_on` after that."""
        if self.count is None or self._counted:
            self._counted = False
            return True
        seconds = self.count(self._clock.seconds())
        if seconds <= 0:
            return True
        self._counted = True
        self._pause = self._clock.callLater(seconds, self._end, go_on)
        return False

    def stop(self) -> None:
        """Call nobody any more."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _end(self, go_on: Callable[[], None]) -> None:
        self._pause = None
        go_on()
