"""Who and what comes most often."""

from collections import Counter
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.journal.top import HALF, Sketch, Top
from tests.words import Time


class SketchTests(TestCase):
    def test_exact(self) -> None:
        """Where there is room for all, counts are what they are."""
        sketch = Sketch(3)
        for item in "abcabca":
            sketch.add(item)
        assert sketch.counts() == {"a": 3, "b": 2, "c": 2}

    def test_replaced(self) -> None:
        """Who is new takes the place of the rarest, and its count and one more."""
        sketch = Sketch(2)
        for item in "aaab":
            sketch.add(item)
        sketch.add("c")
        assert sketch.counts() == {"a": 3, "c": 2}

    @given(st.lists(st.sampled_from("abcdefghijkl"), max_size=300), st.integers(1, 8))
    def test_bounds(self, items: list[str], places: int) -> None:
        """Counts are never too low, too high by the share of a place at most, and
        who comes more often than that share is there."""
        sketch, true = Sketch(places), Counter(items)
        for item in items:
            sketch.add(item)
        counts, share = sketch.counts(), len(items) / places
        assert len(counts) <= places
        assert sum(counts.values()) == len(items)
        for item, count in counts.items():
            assert true[item] <= count <= true[item] + share
        assert {item for item, count in true.items() if count > share} <= set(counts)


class TopTests(TestCase):
    def setUp(self) -> None:
        self.time = Time()
        self.top = Top(self.time, places=10)

    def add(self, items: str) -> None:
        for item in items:
            self.top.add(item)

    def test_order(self) -> None:
        """Those come first that came most often, and of equals the first by name."""
        self.add("cbbaadd" + "d")
        assert self.top.first(3) == [("d", 3), ("a", 2), ("b", 2)]

    def test_hour(self) -> None:
        """What is half an hour old still counts, and what is an hour old does not."""
        self.add("aa")
        self.time.now += HALF
        self.add("ab")
        assert self.top.first(9) == [("a", 3), ("b", 1)]
        self.time.now += HALF
        self.add("c")
        assert self.top.first(9) == [("a", 1), ("b", 1), ("c", 1)]

    def test_pause(self) -> None:
        """After an hour without any nothing of before counts."""
        self.add("aa")
        self.time.now += 2 * HALF
        self.add("b")
        assert self.top.first(9) == [("b", 1)]
