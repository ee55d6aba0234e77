"""What a fleet of nodes does, by a model: hit rate, upstream load, connections, memory.

`python -m benchmarks.fleet` prints its tables; `--plots FOLDER` draws them.  It takes
NumPy, which comes with the extra `benchmark`.

Names are asked for as Zipf has it, each by a Poisson process, and hold for one of some
TTLs.  Then a name of rate r and TTL t is asked of the upstream r / (1 + r t) times a
second: once, and then not until the first query behind its end (Jung, Berger and
Balakrishnan, 2003).  What is asked for in the last tenth of its life is asked for anew
behind, so 0.9 t stands in place of t, and a client waits for just those answers that
nobody asked for in that tenth.  Where memory is short a name leaves also when nobody
asked for it during the characteristic time of the cache (Che, Tung and Wang, 2002).
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.plot import Curve, Plot, draw
from dotproxy.local.seal import ROUNDING

Floats = NDArray[np.float64]

BINS = 2_000
"""Groups of names of about the same rank: the first hundreds are a name each."""

LATE = 0.1
"""Share of a life in which a query has its answer asked for anew."""

ENTRY = 335
"""Octets of an answer in the cache: 32 MiB hold some 100,000."""

IDLE = 8.0
"""Seconds that an unused connection to an upstream is kept."""

ON_ONE = 256
"""Queries under way on one connection."""

MOST_CONNECTIONS = 4
"""To one upstream."""

STALE = 86_400.0
"""Seconds that answers stay behind their end, for bad times."""

NODES = (1, 10, 100, 1_000, 10_000)

CLIENTS = tuple(10**power for power in range(3, 10))


@dataclass(frozen=True)
class World:
    """Who asks for what.  Times are in seconds.

    All of it is assumed, and to be replaced by what you see: traces have exponents from
    0.9 to 1.1; the TTLs are a mix of what content networks, sites and infrastructure
    give.  A client asks some 1,700 times a day.
    """

    names: int = 10**7
    exponent: float = 1.0
    rate: float = 0.02
    """Queries a second of one client."""
    ttls: tuple[float, ...] = (20, 60, 300, 3_600, 86_400)
    shares: tuple[float, ...] = (0.05, 0.2, 0.35, 0.25, 0.15)
    round_trip: float = 0.02

    def popularity(self) -> tuple[Floats, Floats]:
        """Return how many names each bin has, and the share of queries of each name."""
        edges = np.unique(np.geomspace(1, self.names + 1, BINS).astype(np.int64))
        counts = np.diff(edges).astype(np.float64)
        middle = np.sqrt(edges[:-1] * (edges[1:] - 1.0))
        weights = middle**-self.exponent
        return counts, weights / (weights * counts).sum()


@dataclass(frozen=True)
class Fleet:
    """Nodes that share the clients evenly, each with a cache of so many octets."""

    nodes: int
    clients: float
    shared: bool = False
    memory: float = float("inf")
    prefetch: bool = True


class Outcome(NamedTuple):
    """What comes of it; rates are per second, of the whole fleet."""

    queries: float
    hits: float
    """Share of queries that are answered from the cache of the node."""
    fleet_hits: float
    """The same, with what the shared cache has."""
    upstream: float
    """Queries to upstreams."""
    lookups: float
    """Look-ups in the shared cache."""
    connections: float
    """To each upstream, of all nodes together."""
    entries: float
    """Answers that hold, in the cache of one node."""
    octets: float
    """Memory that they take, with those that are kept for bad times."""


def outcome(fleet: Fleet, world: World) -> Outcome:
    """Return what the model says of a fleet."""
    counts, shares = world.popularity()
    queries = fleet.clients * world.rate
    # One row for each TTL, one column for each bin of names.
    ttl = np.array(world.ttls)[:, None]
    number = np.array(world.shares)[:, None] * counts
    everywhere = queries * shares
    here = everywhere / fleet.nodes
    early = 1 - LATE if fleet.prefetch else 1.0
    life = ttl * inherited(everywhere, ttl, fleet)
    stay = characteristic(here, life, number, fleet.memory)
    held = np.minimum(life, stay)
    asked = here / (1 + early * here * held)
    waits = asked * np.exp(-here * held * (1 - early))
    below = fleet.nodes * (number * asked).sum()
    waited = fleet.nodes * (number * waits).sum()
    upstream, fleet_waited = below, waited
    if fleet.shared:
        # All nodes together are to the shared cache what clients are to a node.
        shown = np.maximum((1 - LATE) * ttl - ROUNDING, 0)
        each = everywhere / (1 + everywhere * shown)
        upstream = (number * each).sum()
        gone = np.exp(-everywhere * ttl * (1 - early))
        fleet_waited = min(waited, (number * each * gone).sum())
    return Outcome(
        queries=queries,
        hits=1 - waited / queries,
        fleet_hits=1 - fleet_waited / queries,
        upstream=float(upstream),
        lookups=float(below) if fleet.shared else 0.0,
        connections=fleet.nodes * connections(upstream / fleet.nodes, world),
        entries=float((number * occupied(here, held)).sum()),
        octets=min(
            ENTRY * float((number * occupied(here, life + STALE)).sum()), fleet.memory
        ),
    )


def inherited(everywhere: Floats, ttl: Floats, fleet: Fleet) -> Floats:
    """Return the share of a TTL for which a node keeps what it takes.

    What the shared cache has is on average half as old as it may be there, which is
    nine tenths of its life.
    """
    if not fleet.shared or fleet.nodes == 1:
        return np.ones_like(everywhere * ttl)
    others = everywhere * (1 - 1 / fleet.nodes)
    return 1 - occupied(others, ttl) * (1 - LATE) / 2


def occupied(rate: Floats, life: Floats) -> Floats:
    """Return the share of time for which a name is in a cache."""
    return rate * life / (1 + rate * life)


def characteristic(
    rate: Floats, life: Floats, number: Floats, memory: float
) -> Floats | float:
    """Return for how long a cache of this memory holds what nobody asks for."""
    room = memory / ENTRY
    low, high = 1e-6, 1e9
    if (number * occupied(rate, life)).sum() <= room:
        return high
    for _ in range(60):
        middle = (low * high) ** 0.5
        filled = (number * occupied(rate, np.minimum(life, middle))).sum()
        low, high = (middle, high) if filled < room else (low, middle)
    return low


def connections(rate: float, world: World) -> float:
    """Return how many connections a node has to an upstream, on average."""
    under_way = rate * world.round_trip
    needed = min(max(1, np.ceil(under_way / ON_ONE)), MOST_CONNECTIONS)
    return float(needed * (1 - np.exp(-rate * IDLE)))


def plots(world: World) -> Iterator[tuple[str, Plot]]:
    """Return the plots, each with the name of its file."""
    for name, title, unit, field, log in (
        ("hit-rate", "Answered by the fleet itself", "share", "fleet_hits", False),
        ("upstream", "Queries to upstreams", "per second", "upstream", True),
        ("connections", "Connections to one upstream", "of all", "connections", True),
        ("memory", "Memory of a node", "octets", "octets", True),
    ):
        curves = []
        for nodes in NODES:
            for shared in (False, True):
                if nodes == 1 and shared:
                    continue
                values = [
                    float(getattr(outcome(Fleet(nodes, each, shared), world), field))
                    for each in CLIENTS
                ]
                curves.append(Curve(f"{nodes:,}", values, shared))
        yield name, Plot(title, unit, CLIENTS, curves, log)


def table(world: World) -> str:
    """Return the model's figures as a table of Markdown."""
    lines = [
        "| clients | nodes | queries of a node | from its cache | from any cache,"
        " shared | to upstreams | shared | connections | MB of a node |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for clients in (10**3, 10**5, 10**7, 10**9):
        for nodes in (each for each in NODES if each <= clients / 100):
            fleet = Fleet(nodes, clients)
            alone = outcome(fleet, world)
            shared = outcome(replace(fleet, shared=True), world)
            lines.append(
                f"| {clients:,} | {nodes:,} | {alone.queries / nodes:,.0f}/s"
                f" | {alone.hits:.1%} | {shared.fleet_hits:.1%}"
                f" | {alone.upstream:,.0f}/s | {shared.upstream:,.0f}/s"
                f" | {alone.connections:,.0f} | {alone.octets / 1e6:,.0f} |"
            )
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> None:
    """Print the table, and draw the plots."""
    parser = argparse.ArgumentParser(prog="benchmarks.fleet", description=__doc__)
    parser.add_argument("--plots", type=Path, help="a folder for the plots, as SVG")
    options = parser.parse_args(words)
    world = World()
    print(table(world))
    if options.plots:
        for name, plot in plots(world):
            (options.plots / f"fleet-{name}.svg").write_text(draw(plot))


if __name__ == "__main__":
    main()
