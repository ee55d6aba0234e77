"""The model of a fleet, held against what can be known without it."""

from math import exp
from random import Random
from unittest import TestCase
from xml.etree import ElementTree

import pytest

from benchmarks.fleet import (
    ENTRY,
    Fleet,
    World,
    connections,
    outcome,
    plots,
    table,
)
from benchmarks.plot import draw

ONE_NAME = World(names=1, ttls=(100,), shares=(1,), rate=1.0)


def simulated(rate: float, ttl: float, seed: int = 1) -> tuple[float, float]:
    """Ask for one name at this rate, event by event, with prefetch.

    Returns the share of queries that nobody had to wait for, and the rate upstream.
    """
    random, queries = Random(seed), 100_000
    learned, asked, waited, now = -ttl, 0, 0, 0.0
    for _ in range(queries):
        now += random.expovariate(rate)
        age = now - learned
        if age >= 0.9 * ttl:
            asked, learned = asked + 1, now
            waited += age >= ttl
    return 1 - waited / queries, asked / now


class ModelTests(TestCase):
    def test_one_name(self) -> None:
        """Without prefetch it is the formula: r t / (1 + r t) hits."""
        said = outcome(Fleet(1, 0.05, prefetch=False), ONE_NAME)
        assert said.hits == pytest.approx(5 / 6)
        assert said.upstream == pytest.approx(0.05 / 6)
        assert said.entries == pytest.approx(5 / 6)

    def test_simulated(self) -> None:
        """With prefetch it is what comes of asking, event by event."""
        for rate in (0.01, 0.1, 1.0):
            hits, upstream = simulated(rate, 100)
            said = outcome(Fleet(1, rate), ONE_NAME)
            assert said.hits == pytest.approx(hits, abs=0.01)
            assert said.upstream == pytest.approx(upstream, rel=0.02)

    def test_nodes(self) -> None:
        """More nodes hit less and ask more; with a shared cache they ask as one."""
        world = World(names=10_000)
        one = outcome(Fleet(1, 10_000), world)
        ten = outcome(Fleet(10, 10_000), world)
        shared = outcome(Fleet(10, 10_000, shared=True), world)
        assert ten.hits < one.hits
        assert ten.upstream > one.upstream
        assert shared.upstream == pytest.approx(one.upstream, rel=0.1)
        assert shared.fleet_hits == pytest.approx(one.hits, rel=0.1)
        # What is taken from the shared cache is older, and ends sooner.
        assert shared.hits < ten.hits

    def test_memory(self) -> None:
        """A cache that is too small hits less, and is never larger than it may be."""
        world = World(names=10_000)
        room = 500 * ENTRY
        large = outcome(Fleet(1, 10_000), world)
        small = outcome(Fleet(1, 10_000, memory=room), world)
        assert small.hits < large.hits
        assert small.entries == pytest.approx(500, rel=0.01)
        assert small.octets == room

    def test_connections(self) -> None:
        """One for who asks often, more for very many, none for who hardly asks."""
        world = World()
        assert connections(100, world) == pytest.approx(1)
        assert connections(0.01, world) == pytest.approx(1 - exp(-0.08))
        assert connections(10**6, world) == 4

    def test_shares(self) -> None:
        """All queries are for some name."""
        counts, shares = World().popularity()
        assert (counts * shares).sum() == pytest.approx(1)
        assert counts.sum() == World().names


class PlotTests(TestCase):
    def test_drawn(self) -> None:
        """Each plot is SVG with a curve for each fleet, inside its frame."""
        for _, plot in plots(World(names=1_000)):
            tree = ElementTree.fromstring(draw(plot))
            curves = tree.findall("{http://www.w3.org/2000/svg}polyline")
            assert len(curves) == len(plot.curves) == 9
            for curve in curves:
                for place in curve.attrib["points"].split():
                    x, y = map(float, place.split(","))
                    assert 70 <= x <= 530
                    assert 40 <= y <= 350

    def test_table(self) -> None:
        """The table has a row for each fleet that has clients enough."""
        assert len(table(World(names=1_000)).splitlines()) == 2 + 2 + 4 + 5 + 5
