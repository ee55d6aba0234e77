"""Whether somebody is worth asking who has been slow, or gone, of late."""

from random import Random
from unittest import TestCase

from dotproxy.upstream.breaker import (
    FAILURES_BORNE,
    LAPSE_BORNE,
    LONGEST,
    SHORTEST,
    STEADY,
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
        """So many failures in a row are too many; a success begins anew."""
        self.breaker.close(0)
        assert not self.breaker.due(1000)
        few = FAILURES_BORNE - 1
        assert not any(map(self.breaker.failed, range(few)))
        self.breaker.succeeded()
        assert not any(map(self.breaker.failed, range(few)))
        assert self.breaker.failed(few)

    def test_at_once(self) -> None:
        """Failures that come at once are one hiccup, however many they are."""
        self.breaker.close(0)
        assert not any(self.breaker.failed(0) for _ in range(100))
        assert not self.breaker.failed(LAPSE_BORNE - 0.001)
        assert self.breaker.failed(LAPSE_BORNE)

    def test_closed_anew(self) -> None:
        """Failures before a probe that went well do not count."""
        self.breaker.failed(0)
        self.breaker.close(0)
        assert not any(map(self.breaker.failed, range(FAILURES_BORNE - 1)))

    def test_pauses(self) -> None:
        """Each pause is twice the one before, up to the longest."""
        now, pause = 0.0, SHORTEST
        for _ in range(12):
            self.breaker.open(now)
            assert not self.breaker.due(now + pause - 0.001)
            now += pause
            assert self.breaker.due(now)
            pause = min(2 * pause, LONGEST)
            self.breaker.probe()
        assert pause == LONGEST

    def test_steady(self) -> None:
        """Pauses are short again for one that was back for a while, and only then."""
        self.breaker.open(0)
        self.breaker.close(100)
        self.breaker.open(100 + STEADY - 0.001)
        assert not self.breaker.due(100 + STEADY + SHORTEST)
        self.breaker.close(200)
        self.breaker.open(200 + STEADY)
        assert self.breaker.due(200 + STEADY + SHORTEST)

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
        self.breaker.close(0)
        self.breaker.open(0)
        self.breaker.probe()
        self.breaker.open(0)
        assert self.breaker.opened == 1
