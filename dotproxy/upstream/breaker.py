"""Whether somebody is worth asking who has been slow, or gone, of late."""

from enum import Enum
from random import Random

FAILURES_BORNE, LAPSE_BORNE = 5, 0.05
"""Failures in a row, and seconds since the first of them: beyond both nobody is asked.
One hiccup is many failures at once where much is asked."""

SHORTEST, LONGEST = 0.1, 30.0
"""Seconds until the next probe: at first, doubled each time, and at most.  A fleet
finds its server back within half a minute."""

STEADY = 10.0
"""Seconds after which one that was asked again is trusted to be back; before, each
pause is longer than the last, so that nobody goes back and forth."""


class State(Enum):
    """Whether it is asked; the words are those of the metrics."""

    CLOSED = "closed"
    """It is."""
    OPEN = "open"
    """It is not, and is left in peace."""
    HALF_OPEN = "half-open"
    """It is probed, and by nobody who waits."""


class Breaker:
    """Keep from asking what does not answer in time, and say when to try it again.

    It begins open, with a probe due: nobody knows yet.
    """

    def __init__(self, random: Random) -> None:
        self.state = State.OPEN
        self.opened = 0
        """Times that it was left, after it had been asked."""
        self._random = random
        self._failures = 0
        self._failing_since = float("-inf")
        self._pause = SHORTEST
        self._due = float("-inf")
        self._closed_at = float("-inf")

    def due(self, now: float) -> bool:
        """Whether a probe may begin now."""
        return self.state is State.OPEN and now >= self._due

    def probe(self) -> None:
        """Begin a probe; `close` or `open` ends it."""
        self.state = State.HALF_OPEN

    def close(self, now: float) -> None:
        """Ask again: a probe went well."""
        self.state = State.CLOSED
        self._failures = 0
        self._closed_at = now

    def open(self, now: float) -> None:
        """Ask no more; the next probe is due after a while.

        That is anything from half to the whole of a pause, so that not all who lost the
        same server come back at once.
        """
        if self.state is State.CLOSED:
            self.opened += 1
            if now - self._closed_at >= STEADY:
                self._pause = SHORTEST
        self.state = State.OPEN
        self._due = now + self._pause * (1 + self._random.random()) / 2
        self._pause = min(self._pause * 2, LONGEST)

    def failed(self, now: float) -> bool:
        """Count a failure; whether it is one too many, and time to `open`."""
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        long = now - self._failing_since >= LAPSE_BORNE
        return long and self._failures >= FAILURES_BORNE

    def succeeded(self) -> None:
        """Count none: it is there, and quick."""
        self._failures = 0
