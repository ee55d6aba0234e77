"""Whether somebody is worth asking who has been slow, or gone, of late."""

from enum import Enum
from random import Random

FAILURES_BORNE = 5
"""Failures in a row before nobody is asked.  One alone is often a hiccup."""

SHORTEST, LONGEST = 0.1, 30.0
"""Seconds until the next probe: at first, doubled each time, and at most.  A fleet
finds its server back within half a minute."""


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
        self._pause = SHORTEST
        self._due = float("-inf")

    def due(self, now: float) -> bool:
        """Whether a probe may begin now."""
        return self.state is State.OPEN and now >= self._due

    def probe(self) -> None:
        """Begin a probe; `close` or `open` ends it."""
        self.state = State.HALF_OPEN

    def close(self) -> None:
        """Ask again: a probe went well."""
        self.state = State.CLOSED
        self._failures = 0

    def open(self, now: float) -> None:
        """Ask no more; the next probe is due after a while.

        That is anything from half to the whole of a pause, so that not all who lost the
        same server come back at once.
        """
        if self.state is State.CLOSED:
            self.opened += 1
        self.state = State.OPEN
        self._due = now + self._pause * (1 + self._random.random()) / 2
        self._pause = min(self._pause * 2, LONGEST)

    def failed(self) -> bool:
        """Count a failure; whether it is one too many, and time to `open`."""
        self._failures += 1
        return self._failures >= FAILURES_BORNE

    def succeeded(self) -> None:
        """Count none: it is there, and quick.

        A probe alone does not shorten the pauses: one may pass all of them, and yet
        fail whatever else it is asked.
        """
        self._failures = 0
        self._pause = SHORTEST
