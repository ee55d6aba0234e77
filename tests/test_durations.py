"""How long something took, each time."""

from math import inf
from unittest import TestCase

from dotproxy.upstream.durations import BOUNDS, Durations


class DurationsTests(TestCase):
    def test_buckets(self) -> None:
        """A duration counts up to each bound that it does not exceed."""
        durations = Durations()
        for seconds in (0.001, 0.0011, 7.0):
            durations.add(seconds)
        up_to = dict(durations.up_to())
        assert [up_to[b] for b in (0.001, 0.0025, 5.0, inf)] == [1, 2, 2, 3]
        assert list(up_to) == [*BOUNDS, inf]
        assert len(durations) == 3
        self.assertAlmostEqual(durations.sum, 7.0021)

    def test_bounds(self) -> None:
        """Others may be given."""
        durations = Durations((2.0,))
        durations.add(1.5)
        assert list(durations.up_to()) == [(2.0, 1), (inf, 1)]
