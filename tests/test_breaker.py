"""Whether somebody is worth asking who has been slow, or gone, of late."""

from random import Random
from unittest import TestCase

from dotproxy.upstream.breaker import (
    FAILURES_BORNE,
    LONGEST,
    SHORTEST,
    Breaker,
    State,
)


class Fixed(Random):
    """Randomness that is always the same."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self._number = number

    def random(self) -> float:
        return self._number


class BreakerTests(TestCase):
    def setUp(self) -> None:
        self.breaker = Breaker(Fixed(1.0))

    def test_begins(self) -> None:
        """At first nobody is asked, and a probe is due, once."""
        assert self.breaker.state is State.OPEN
        assert self.breaker.due(0)
        self.breaker.probe()
        assert self.breaker.state is State.HALF_OPEN
        assert not self.breaker.due(1000)

    def test_in_a_row(self) -> None:
        """So many failures in a row are one too many; a success begins anew."""
        self.breaker.close()
        assert not self.breaker.due(1000)
        few = FAILURES_BORNE - 1
        assert not any(self.breaker.failed() for _ in range(few))
        self.breaker.succeeded()
        assert not any(self.breaker.failed() for _ in range(few))
        assert self.breaker.failed()

    def test_closed_anew(self) -> None:
        """Failures before a probe that went well do not count."""
        self.breaker.failed()
        self.breaker.close()
        assert not any(self.breaker.failed() for _ in range(FAILURES_BORNE - 1))

    def test_pauses(self) -> None:
        """Each pause is twice the one before, up to the longest, until a success."""
        now, pause = 0.0, SHORTEST
        for _ in range(12):
            self.breaker.open(now)
            assert not self.breaker.due(now + pause - 0.001)
            now += pause
            assert self.breaker.due(now)
            pause = min(2 * pause, LONGEST)
            self.breaker.probe()
            self.breaker.close()
        assert pause == LONGEST
        self.breaker.succeeded()
        self.breaker.open(now)
        assert self.breaker.due(now + SHORTEST)

    def test_not_all_at_once(self) -> None:
        """Chance takes away up to half of a pause."""
        breaker = Breaker(Fixed(0.0))
        breaker.open(0)
        assert not breaker.due(SHORTEST / 2 - 0.001)
        assert breaker.due(SHORTEST / 2)

    def test_counted(self) -> None:
        """It counts when one that was asked is left, not probes in vain."""
        self.breaker.open(0)
        assert self.breaker.opened == 0
        self.breaker.close()
        self.breaker.open(0)
        self.breaker.probe()
        self.breaker.open(0)
        assert self.breaker.opened == 1
