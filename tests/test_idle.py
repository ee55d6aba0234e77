"""How long connections may idle."""

from unittest import TestCase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.upstream.idle import LEAST, IdleLimit
from tests.messages import quick


class IdleLimitTests(TestCase):
    def test_guess(self) -> None:
        """It starts at a guess."""
        assert IdleLimit(8.0).seconds == 8.0

    def test_learned(self) -> None:
        """Where the server closed first, 0.8 of its time is used from then on."""
        limit = IdleLimit(8.0)
        limit.closed_by_peer(5.0)
        assert limit.seconds == 4.0

    def test_shortest(self) -> None:
        """Of several times that a server closed at, the shortest counts."""
        limit = IdleLimit(8.0)
        for after in (5.0, 2.5, 6.0):
            limit.closed_by_peer(after)
        assert limit.seconds == 2.0

    def test_no_longer_than_the_guess(self) -> None:
        """A server that waits longer than we do teaches nothing."""
        limit = IdleLimit(8.0)
        limit.closed_by_peer(60.0)
        assert limit.seconds == 8.0

    def test_restart(self) -> None:
        """A close before one second is a restart and not a policy."""
        limit = IdleLimit(8.0)
        for after in (0.0, 0.5, 0.99):
            limit.closed_by_peer(after)
        assert limit.seconds == 8.0
        limit.closed_by_peer(1.0)
        assert limit.seconds == 0.8

    def test_relaxation(self) -> None:
        """A limit that was kept grows by a tenth."""
        limit = IdleLimit(8.0)
        limit.closed_by_peer(5.0)
        limit.kept()
        assert limit.seconds == pytest.approx(4.4)

    def test_forgotten(self) -> None:
        """One odd close is forgotten in time, and the limit ends at the guess."""
        limit = IdleLimit(8.0)
        limit.closed_by_peer(2.5)
        for _ in range(14):
            limit.kept()
        assert limit.seconds < 8.0
        for _ in range(2):
            limit.kept()
        assert limit.seconds == 8.0

    def test_learned_again(self) -> None:
        """A limit that grew too far is learned anew."""
        limit = IdleLimit(8.0)
        limit.closed_by_peer(5.0)
        for _ in range(4):
            limit.kept()
        limit.closed_by_peer(5.0)
        assert limit.seconds == 4.0

    def test_none(self) -> None:
        """Who keeps no idle connections goes on keeping none."""
        limit = IdleLimit(0.0)
        limit.kept()
        limit.closed_by_peer(5.0)
        assert limit.seconds == 0.0

    @quick
    @given(st.floats(0, 3600), st.lists(st.none() | st.floats(0, 3600)))
    def test_whatever_happens(self, guess: float, story: list[float | None]) -> None:
        """The limit never exceeds the guess, nor 0.8 of a time just learned."""
        limit = IdleLimit(guess)
        for after in story:
            if after is None:
                limit.kept()
            else:
                limit.closed_by_peer(after)
                assert after < LEAST or limit.seconds <= after * 0.8
            assert 0 <= limit.seconds <= guess
