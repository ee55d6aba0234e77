"""How long something took, each time: counts that make a histogram."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

BOUNDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
"""Seconds up to which a bucket goes: from a server in the same room to the time-out."""


class Durations:
    """Count durations by buckets: ints, and one sum of seconds."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = BOUNDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Those up to each bound and above the one before; the last is above all."""
        self.sum = 0.0

    def __len__(self) -> int:
        """Return how many there were."""
        return sum(self.counts)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds

    def up_to(self) -> Iterator[tuple[float, int]]:
        """Return each bound and how many took that long or less; infinity at last."""
        return zip((*self.bounds, float("inf")), accumulate(self.counts), strict=True)
