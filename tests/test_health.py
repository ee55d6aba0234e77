"""How an upstream fares."""

from unittest import TestCase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.upstream.health import (
    LEAST_PATIENCE,
    MOST_PATIENCE,
    MOST_REASONS,
    PAUSE_WHILE_DARK,
    PAUSE_WHILE_SERVED,
    Health,
)
from tests.messages import quick

FAILED_AT = 1000.0


def failed(times: int) -> Health:
    """Return the health of an upstream that failed so often, the last time now."""
    health = Health()
    for _ in range(times):
        health.failed(FAILED_AT, "refused")
    return health


def pause(health: Health, longest: float) -> float:
    """Return for how many hundredths of a second no try is due, as seconds."""
    hundredths = range(10000)
    return next(n for n in hundredths if health.due(FAILED_AT + n / 100, longest)) / 100


class OutageTests(TestCase):
    def test_at_first(self) -> None:
        """An upstream is up until it fails."""
        health = Health()
        assert (health.down, health.failures, health.reason) == (False, 0, "")
        assert health.usual is None

    def test_down(self) -> None:
        """One failure makes it down, and more leave it so."""
        health = Health()
        for count in (1, 2, 3):
            health.failed(FAILED_AT, "refused")
            assert (health.down, health.failures) == (True, count)
        assert health.reason == "refused"

    def test_outages(self) -> None:
        """An outage counts once, however often it is met; answers count each."""
        health = failed(3)
        health.answered(0.01)
        health.failed(FAILED_AT, "refused")
        health.answered(0.02)
        assert (health.outages, len(health.durations)) == (2, 2)
        self.assertAlmostEqual(health.durations.sum, 0.03)

    def test_recovery(self) -> None:
        """One answer ends an outage, however long; only that one is told to end it."""
        for times in (1, 20):
            health = failed(times)
            assert health.answered(0.01)
            assert (health.down, health.failures) == (False, 0)
            assert not health.answered(0.01)

    def test_never_down(self) -> None:
        """An answer of one that was up ends no outage."""
        assert not Health().answered(0.01)

    def test_news(self) -> None:
        """Each reason is news once, in whatever order they come."""
        health = Health()
        said = ["refused", "refused", "no route", "no route", "refused"]
        news = [health.failed(FAILED_AT, reason) for reason in said]
        assert news == [True, False, True, False, False]
        assert health.reason == "refused"

    def test_news_but_for_numbers(self) -> None:
        """The same reason at another time is no other reason."""
        health = Health()
        assert health.failed(FAILED_AT, "expired, the system clock is 10:59")
        assert not health.failed(FAILED_AT, "expired, the system clock is 11:00")

    def test_too_much_news(self) -> None:
        """Who finds ever more reasons is not listened to for ever."""
        health = Health()
        news = [health.failed(FAILED_AT, "x" * count) for count in range(20)]
        assert news == [True] * MOST_REASONS + [False] * (20 - MOST_REASONS)

    def test_news_after_recovery(self) -> None:
        """A new outage is news, even for the old reason."""
        health = failed(1)
        health.answered(0.01)
        assert health.failed(FAILED_AT, "refused")


class PauseTests(TestCase):
    def test_while_served(self) -> None:
        """The pause doubles from 0.1 s up to 5 s while another upstream answers."""
        pauses = [pause(failed(times), PAUSE_WHILE_SERVED) for times in range(1, 10)]
        assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]

    def test_while_dark(self) -> None:
        """The pause doubles from 0.1 s up to 0.5 s while none answers."""
        pauses = [pause(failed(times), PAUSE_WHILE_DARK) for times in range(1, 6)]
        assert pauses == [0.1, 0.2, 0.4, 0.5, 0.5]

    def test_for_days(self) -> None:
        """The pause stays at its bound however often the upstream failed."""
        assert pause(failed(5000), PAUSE_WHILE_SERVED) == 5.0
        assert pause(failed(5000), PAUSE_WHILE_DARK) == 0.5

    def test_tried(self) -> None:
        """A try starts the pause anew, so that not everybody tries at once."""
        health = failed(3)
        assert health.due(FAILED_AT + 0.5, PAUSE_WHILE_SERVED)
        health.tried(FAILED_AT + 0.5)
        assert not health.due(FAILED_AT + 0.85, PAUSE_WHILE_SERVED)
        assert health.due(FAILED_AT + 0.95, PAUSE_WHILE_SERVED)
        assert health.failures == 3

    def test_after_recovery(self) -> None:
        """After an answer the pause starts at 0.1 s again."""
        health = failed(20)
        health.answered(0.01)
        health.failed(FAILED_AT, "refused")
        assert pause(health, PAUSE_WHILE_SERVED) == 0.1


class PatienceTests(TestCase):
    def test_unknown(self) -> None:
        """Before the first answer an upstream gets all the time there is."""
        assert Health().patience == 1.0

    def test_first_answer(self) -> None:
        """The first answer sets the usual time, and half of it as its deviation."""
        health = Health()
        health.answered(0.1)
        assert health.usual == 0.1
        assert health.patience == pytest.approx(0.1 + 4 * 0.05)

    def test_next_answer(self) -> None:
        """The next moves the time by an eighth, the deviation by a quarter, in turn.

        The deviation is taken from the old time (RFC 6298 section 2.3).
        """
        health = Health()
        health.answered(0.1)
        health.answered(0.2)
        assert health.usual == pytest.approx(0.1125)
        assert health.patience == pytest.approx(0.1125 + 4 * 0.0625)

    def test_steady(self) -> None:
        """One that always takes the same time is late soon after it."""
        health = Health()
        for _ in range(200):
            health.answered(0.4)
        assert health.patience == pytest.approx(0.4)

    def test_bounds(self) -> None:
        """Patience is at least 0.1 s and at most 1 s."""
        fast, slow = Health(), Health()
        fast.answered(0.001)
        slow.answered(3.0)
        assert (fast.patience, slow.patience) == (0.1, 1.0)

    def test_failure(self) -> None:
        """A failure says nothing about how long answers take."""
        health = Health()
        health.answered(0.1)
        before = (health.usual, health.patience)
        health.failed(FAILED_AT, "refused")
        assert (health.usual, health.patience) == before

    @quick
    @given(st.lists(st.floats(0, 60), min_size=1))
    def test_whatever_the_times(self, times: list[float]) -> None:
        """The usual time lies among those seen, and patience within its bounds."""
        health = Health()
        for seconds in times:
            health.answered(seconds)
        assert health.usual is not None
        assert min(times) - 1e-9 <= health.usual <= max(times) + 1e-9
        assert LEAST_PATIENCE <= health.patience <= MOST_PATIENCE
