"""One exchange for all who ask the same."""

from collections.abc import Callable
from typing import NamedTuple

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure
from zope.interface import implementer

from dotproxy.upstream.interface import IUpstream, UpstreamError
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query

MOST_WAITING = 4096
"""Queries that may wait for one exchange; its answer goes to all in one turn."""

ASK_ANEW = 1.5
"""Seconds after which who asks the same starts anew: most clients try again by then,
and what was lost is not found by waiting."""


class Flight(NamedTuple):
    """An exchange under way: until when at the latest, and who waits for it."""

    deadline: float
    waiting: list[Deferred[Answer]]


@implementer(IUpstream)
class Coalesce:
    """Ask once while the answer is on its way.

    `learn` hears each answer once, before those who wait for it.  Whoever leaves
    takes nothing from the others; when all have left, the exchange still goes on,
    and the next who asks joins it.  Where a question is asked anew while the first
    exchange is still under way, the first answer is for all.
    """

    def __init__(
        self, upstream: IUpstream, learn: Callable[[Query, Answer], object]
    ) -> None:
        self._upstream = upstream
        self._learn = learn
        self._flights: dict[bytes, list[Flight]] = {}
        self.joined = 0

    def exchange(self, query: Query) -> Deferred[Answer]:
        """Ask, or join who asked already; see IUpstream.

        Who has less time than the one who asked asks separately.
        """
        flights = self._flights.setdefault(query.key, [])
        if not flights or query.deadline - flights[-1].deadline >= ASK_ANEW:
            return self._begin(query, flights)
        flight = flights[-1]
        if query.deadline < flight.deadline:
            if query.trace is not None:
                says = "alone, since it has less time than who asked"
                query.trace.note("coalesce", says)
            return self._upstream.exchange(query).addCallback(self._learned, query)
        if len(flight.waiting) >= MOST_WAITING:
            return fail(UpstreamError("too many wait for the same answer"))
        self.joined += 1
        if query.trace is not None:
            already = len(flight.waiting)
            says = "waits with {already} more for the same answer"
            query.trace.note("coalesce", says, already=already)
        waiting: Deferred[Answer] = Deferred()
        flight.waiting.append(waiting)
        return waiting

    def _begin(self, query: Query, flights: list[Flight]) -> Deferred[Answer]:
        waiting: Deferred[Answer] = Deferred()
        flight = Flight(query.deadline, [waiting])
        flights.append(flight)
        asking = self._upstream.exchange(query).addCallback(self._landed, query)
        asking.addErrback(self._failed, query, flight)
        return waiting

    def _learned(self, answer: Answer, query: Query) -> Answer:
        self._learn(query, answer)
        return answer

    def _landed(self, answer: Answer, query: Query) -> None:
        self._learn(query, answer)
        for flight in self._flights.pop(query.key, ()):
            for waiting in flight.waiting:
                if not waiting.called:
                    waiting.callback(answer)

    def _failed(self, failure: Failure, query: Query, flight: Flight) -> None:
        flights = self._flights.get(query.key, [])
        if flight in flights:
            flights.remove(flight)
            if not flights:
                del self._flights[query.key]
        for waiting in flight.waiting:
            if not waiting.called:
                waiting.errback(failure)
