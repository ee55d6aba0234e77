"""Which upstreams are asked for a query, in which order, and when the next."""

from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from zlib import crc32

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from dotproxy.upstream.asked import Server
from dotproxy.upstream.exchange import Exchange
from dotproxy.upstream.health import PAUSE_WHILE_DARK, PAUSE_WHILE_SERVED
from dotproxy.upstream.interface import IUpstream, UpstreamError
from dotproxy.upstream.seen import candidates
from dotproxy.upstream.ticker import Ticker, until
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query

EXPLORATION = 1 / 64
"""Share of queries that "fastest" lends to another, to see whether it got faster."""

Order = Callable[[Sequence[Server], Query], list[Server]]
"""Put upstreams in the order in which a query should ask them."""


@implementer(IUpstream)
class Strategy:
    """Ask a group of upstreams as if they were one.

    Whatever the order, one that is down is not asked first.  While another serves,
    a query is lent to it as a probe now and then; while none does, every query
    asks all that may be tried again, or fails at once if there are none.
    """

    def __init__(
        self,
        upstreams: Sequence[Server],
        order: Order,
        clock: IReactorTime,
        race: bool = False,
    ) -> None:
        self.upstreams = upstreams
        self._order = order
        self._clock = clock
        self._race = race
        self.name = ""
        """How the order is called where it is configured."""
        self.hedges = 0
        """Times that another upstream was asked since the one before was late."""
        self._exchanges: list[Exchange] = []
        self._ticker = Ticker(clock, self._look)

    def exchange(self, query: Query) -> Deferred[Answer]:
        """Ask; see IUpstream."""
        at_once, later = self._candidates(query)
        if query.trace is not None:
            order = candidates(at_once, later)
            said = {"strategy": self.name, "order": order}
            query.trace.note("strategy", "{strategy}: {order}", **said)
        if not at_once:
            reasons = (f"{u.name}: {u.health.reason}" for u in self.upstreams)
            return fail(UpstreamError("; ".join(reasons)))
        exchange = Exchange(query, at_once + later, self._clock)
        while exchange.asked < len(at_once) and exchange.ask_next():
            pass
        if not exchange.settled:
            self._exchanges.append(exchange)
            self._ticker.wake()
        return exchange.result

    def drain(self) -> Deferred[None]:
        """Finish what is under way, then hang up; fires when that is done.

        Nothing may be asked from now on.  It takes until the last deadline, and a
        moment for the goodbye.  Cancel it before `stop`.
        """
        settled = until(lambda: all(e.settled for e in self._exchanges), self._clock)
        # What is left then are ticks that find nothing to do.
        return settled.addCallback(self._hang_up).addCallback(lambda _: self.stop())

    def stop(self) -> None:
        """Stop every upstream, which fails what is under way."""
        for upstream in self.upstreams:
            upstream.stop()
        self._ticker.stop()

    def _hang_up(self, _: object) -> Deferred[None]:
        for upstream in self.upstreams:
            upstream.drain()
        return until(self._is_quiet, self._clock)

    def _is_quiet(self) -> bool:
        return all(upstream.quiet for upstream in self.upstreams)

    def _candidates(self, query: Query) -> tuple[list[Server], list[Server]]:
        """Choose whom to ask at once, and whom after those, in this order."""
        now = self._clock.seconds()
        ordered = self._order(self.upstreams, query)
        serving = [u for u in ordered if not u.health.down]
        if len(serving) == len(ordered) and not self._race:
            return serving[:1], serving[1:]
        down = [u for u in ordered if u.health.down]
        worth_trying = [
            u for u in down if u.hopeful or u.health.due(now, PAUSE_WHILE_DARK)
        ]
        if not serving:
            return worth_trying, []
        probes = [u for u in down if u.health.due(now, PAUSE_WHILE_SERVED)][:1]
        first = serving if self._race else serving[:1]
        # The one asked last sets the time for the next: so the probe goes before.
        later = [u for u in serving + worth_trying if u not in first + probes]
        return probes + first, later

    def _look(self, now: float) -> bool:
        """Ask the next where one is late, and end what has reached its deadline."""
        self._exchanges = [e for e in self._exchanges if not e.settled]
        for exchange in self._exchanges:
            if exchange.query.deadline <= now:
                exchange.conclude()
            elif exchange.late_at <= now and not exchange.settled:
                self.hedges += exchange.ask_next()
        return bool(self._exchanges)


def order_by(strategy: str, random: Random) -> Order:
    """Return the order that goes by this name; KeyError if there is none."""
    return {
        "failover": lambda: _as_given,
        "race": lambda: _as_given,
        "split": lambda: _by_name,
        "fastest": lambda: _fastest(random),
        "random": lambda: _at_random(random),
        "round-robin": _in_turn,
    }[strategy]()


def _as_given(upstreams: Sequence[Server], query: Query) -> list[Server]:
    return list(upstreams)


def _by_name(upstreams: Sequence[Server], query: Query) -> list[Server]:
    """Give each name its upstream, so that none of them sees all names."""
    return _rotated(upstreams, crc32(query.name))


def _in_turn() -> Order:
    turns = count()
    return lambda upstreams, query: _rotated(upstreams, next(turns))


def _at_random(random: Random) -> Order:
    return lambda upstreams, query: random.sample(upstreams, len(upstreams))


def _fastest(random: Random) -> Order:
    """Order by usual time to answer; those never measured come first."""

    def order(upstreams: Sequence[Server], query: Query) -> list[Server]:
        if random.random() < EXPLORATION:
            return random.sample(upstreams, len(upstreams))
        return sorted(upstreams, key=lambda u: u.health.usual or 0.0)

    return order


def _rotated(upstreams: Sequence[Server], turn: int) -> list[Server]:
    start = turn % len(upstreams)
    return [*upstreams[start:], *upstreams[:start]]
