"""Who and what comes most often, out of any number, in bounded memory.

That is the Space-Saving sketch (Metwally, Agrawal, El Abbadi 2005): who is new takes
the place of the rarest, and its count.  So counts are never too low; and whatever
comes more often than once in as many as there are places is among them.
"""

from collections.abc import Callable
from heapq import heappop, heappush

PLACES = 1000
"""What is counted at a time: some 200 KB for names."""

HALF = 1800.0
"""Seconds for which is counted before it begins anew.  What was counted until then is
added for as long again, so that it is always of the last half hour or hour."""


class Sketch:
    """Count what comes."""

    def __init__(self, places: int = PLACES) -> None:
        self._places = places
        self._counts: dict[str, int] = {}
        # The rarest is the first whose count is still what it was; those that rose
        # meanwhile are put back.
        self._rarest: list[tuple[int, str]] = []

    def add(self, item: str) -> None:
        """Count one."""
        counts = self._counts
        count = counts.get(item)
        if count is not None:
            counts[item] = count + 1
            return
        least = self._make_room() if len(counts) >= self._places else 0
        counts[item] = least + 1
        heappush(self._rarest, (least + 1, item))

    def counts(self) -> dict[str, int]:
        """Return how often each came, at most."""
        return self._counts.copy()

    def _make_room(self) -> int:
        """Forget the rarest, and return how often it came."""
        while True:
            count, item = heappop(self._rarest)
            now = self._counts[item]
            if now == count:
                del self._counts[item]
                return count
            heappush(self._rarest, (now, item))


class Top:
    """Count what comes in the last hour or so; `seconds` is a clock."""

    def __init__(self, seconds: Callable[[], float], places: int = PLACES) -> None:
        self._seconds = seconds
        self._places = places
        self._now, self._before = Sketch(places), Sketch(places)
        self._until = seconds() + HALF

    def add(self, item: str) -> None:
        """Count one."""
        if self._seconds() >= self._until:
            self._turn()
        self._now.add(item)

    def first(self, many: int) -> list[tuple[str, int]]:
        """Return those that came most often, and how often, at most."""
        counts = self._now.counts()
        for item, count in self._before.counts().items():
            counts[item] = counts.get(item, 0) + count
        ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        return ranked[:many]

    def _turn(self) -> None:
        late = self._seconds() - self._until
        self._before = Sketch(self._places) if late >= HALF else self._now
        self._now = Sketch(self._places)
        self._until = self._seconds() + HALF
