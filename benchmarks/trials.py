"""What is measured of a server, all of it from outside.

A trial asks one server in one way and gives figures by their keys: rates in queries a
second, CPU in seconds a query, latencies in seconds, memory in 10^6 octets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.contenders import Contender
from benchmarks.encrypted import HELLO, ask_over_https, idle_memory
from benchmarks.load import Names, Outcome, ask, at_full_speed, at_rate
from benchmarks.servers import Server
from benchmarks.upstream import Upstream
from benchmarks.usage import cpu_seconds_of_all, resident
from tests.functional.processes import Stage

Figures = dict[str, float]

FEW, MANY = 1_000, 1_000_000
"""Names in the cache for the hits of all servers, and for those of a large one."""

CALM = 200
"""Queries a second at which latencies are taken: far from what any server can do."""

FASTEST = 10_000
"""Queries a second that 200 under way allow when each takes at least 20 ms."""

QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


class Plan(NamedTuple):
    """How often and for how long all is done."""

    runs: int
    seconds: int
    """Of each load that has no other end."""
    misses: int
    """Names that are asked for once, and are in the cache then."""


@dataclass(frozen=True)
class Bench:
    """What servers are measured with: a core of their own, upstreams, names."""

    stage: Stage
    near: Upstream
    far: Upstream
    names: Names
    plan: Plan


def start(bench: Bench, server: Server) -> Figures:
    """Tell how long the start took, and how large the server is then."""
    return {"start": server.seconds, "idle memory": resident(server.process.pid)}


def udp_hits(bench: Bench, server: Server) -> Figures:
    """Ask for what is in the cache, as fast as it goes."""
    file = warmed(bench, server)
    return costs("hit", server, file, at_full_speed("-l", str(bench.plan.seconds)))


def tcp_hits(bench: Bench, server: Server) -> Figures:
    """Do the same over some TCP connections."""
    file = warmed(bench, server)
    words = at_full_speed("-m", "tcp", "-l", str(bench.plan.seconds))
    return costs("TCP hit", server, file, words)


def dot_hits(bench: Bench, server: Server) -> Figures:
    """Do the same over TLS."""
    file = warmed(bench, server)
    words = at_full_speed("-m", "dot", "-l", str(bench.plan.seconds))
    before = cpu_seconds_of_all(server.process.pid)
    outcome = ask(server.tls_port, file, *words)
    return cost("DoT hit", server, before, outcome)


def doh_hits(bench: Bench, server: Server) -> Figures:
    """Do the same over HTTPS."""
    file = warmed(bench, server)
    before = cpu_seconds_of_all(server.process.pid)
    outcome = ask_over_https(server.https_port, file, bench.plan.seconds)
    return cost("DoH hit", server, before, outcome)


def idle_clients(bench: Bench, server: Server) -> Figures:
    """Tell what a client takes that is connected, and asks nothing."""
    pid = server.process.pid
    return {
        "DoT memory": idle_memory(pid, server.tls_port, "dot"),
        "DoH memory": idle_memory(pid, server.https_port, "h2", HELLO),
    }


def hit_latency(bench: Bench, server: Server) -> Figures:
    """Ask for what is in the cache, without haste."""
    file = warmed(bench, server)
    words = at_rate(CALM, "-l", str(bench.plan.seconds))
    return latencies("hit", ask(server.port, file, *words))


def miss_latency(bench: Bench, server: Server) -> Figures:
    """Ask for what must be asked of the upstream, without haste."""
    return latencies("miss", ask_calmly(bench, server))


def misses(bench: Bench, server: Server) -> Figures:
    """Ask for many names once, as fast as it goes."""
    file = bench.names.fresh(bench.plan.misses)
    return costs("miss", server, file, at_full_speed("-n", "1"))


def full_memory(bench: Bench, server: Server) -> Figures:
    """Tell how large the server is, now that its cache holds many names."""
    return {"full memory": resident(server.process.pid)}


def far_latency(bench: Bench, server: Server) -> Figures:
    """Ask for what must come from afar, without haste."""
    return latencies("far miss", ask_calmly(bench, server))


def far_misses(bench: Bench, server: Server) -> Figures:
    """Ask for what must come from afar, 200 at a time."""
    file = bench.names.fresh(FASTEST * (bench.plan.seconds + 1))
    words = at_full_speed("-n", "1", "-l", str(bench.plan.seconds))
    return {"far miss rate": ask(server.port, file, *words).rate}


def large_hits(bench: Bench, server: Server) -> Figures:
    """Ask for a million names that are in the cache, as fast as it goes."""
    file = bench.names.fresh(MANY)
    ask(server.port, file, *at_full_speed("-n", "1"))
    words = at_full_speed("-l", str(bench.plan.seconds))
    figures = costs("large hit", server, bench.names.shuffled(file), words)
    return {**figures, "large memory": resident(server.process.pid)}


def shared_hits(bench: Bench, server: Server) -> Figures:
    """Ask two workers for what is in the cache; they share the one core."""
    file = warmed(bench, server)
    words = at_full_speed("-l", str(bench.plan.seconds))
    return costs("shared hit", server, file, words)


def shared_misses(bench: Bench, server: Server) -> Figures:
    """Ask them for many names once: each tells the other what it learns."""
    file = bench.names.fresh(bench.plan.misses)
    return costs("shared miss", server, file, at_full_speed("-n", "1"))


def warmed(bench: Bench, server: Server) -> Path:
    """Put names into the server's cache."""
    file = bench.names.fresh(FEW)
    ask(server.port, file, *at_full_speed("-n", "1"))
    return file


def ask_calmly(bench: Bench, server: Server) -> Outcome:
    """Ask for each of some new names once."""
    file = bench.names.fresh(CALM * bench.plan.seconds)
    return ask(server.port, file, *at_rate(CALM, "-n", "1"))


def costs(what: str, server: Server, file: Path, words: tuple[str, ...]) -> Figures:
    """Ask, and tell the rate and what a query costs the server in CPU."""
    before = cpu_seconds_of_all(server.process.pid)
    return cost(what, server, before, ask(server.port, file, *words))


def cost(what: str, server: Server, before: float, outcome: Outcome) -> Figures:
    """Tell the same of a load that began after so many seconds of CPU."""
    spent = cpu_seconds_of_all(server.process.pid) - before
    return {f"{what} rate": outcome.rate, f"{what} CPU": spent / outcome.good}


def latencies(what: str, outcome: Outcome) -> Figures:
    """Tell the latencies that most queries, and nearly all, stay within."""
    return {f"{what} {name}": outcome.quantile(q) for name, q in QUANTILES.items()}


def caches(contender: Contender) -> bool:
    """Whether hits can be measured."""
    return contender.caches


def forwards(contender: Contender) -> bool:
    """Whether misses can."""
    return contender.forwards


class Trial(NamedTuple):
    """One way to measure."""

    name: str
    """What --only takes."""
    run: Callable[[Bench, Server], Figures]
    suits: Callable[[Contender], bool]


NEAR = (
    Trial("start", start, bool),
    Trial("hits", udp_hits, caches),
    Trial("tcp", tcp_hits, lambda each: each.caches and each.forwards),
    Trial("latency", hit_latency, caches),
    Trial("latency", miss_latency, forwards),
    Trial("misses", misses, forwards),
    Trial("misses", full_memory, lambda each: each.caches and each.forwards),
)
"""The trials of a server that asks the upstream itself, in their order."""

FAR = (
    Trial("far", far_latency, forwards),
    Trial("far", far_misses, forwards),
)
"""Those of one that asks it through the relay."""

LARGE = (Trial("large", large_hits, bool),)
"""Those of one with room for a million names."""

SHARED = (
    Trial("workers", shared_hits, bool),
    Trial("workers", shared_misses, bool),
)
"""Those of one that has two workers."""

ENCRYPTED = (
    Trial("dot", dot_hits, bool),
    Trial("doh", doh_hits, bool),
    Trial("doh", idle_clients, bool),
)
"""Those of one whose clients ask over TLS and HTTPS."""

ALL = (*NEAR, *ENCRYPTED, *FAR, *SHARED, *LARGE)

NAMES = tuple(dict.fromkeys(trial.name for trial in ALL))
"""What --only takes, in its order."""
