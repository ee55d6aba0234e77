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


class Flight(NamedTuple):
    """An exchange under way: until when at the latest, and who waits for it."""

    deadline: float
    waiting: list[Deferred[Answer]]


@implementer(IUpstream)
class Coalesce:
    """Ask once while the answer is on its way.

    `learn` hears each answer once, before those who wait for it.  Whoever leaves
    takes nothing from the others; when all have left, the exchange still goes on,
    and the next who asks joins it.
    """

    def __init__(
        self, upstream: IUpstream, learn: Callable[[Query, Answer], object]
    ) -> None:
        self._upstream = upstream
        self._learn = learn
        self._flights: dict[bytes, Flight] = {}
        self.joined = 0

    def exchange(self, query: Query) -> Deferred[Answer]:
        """Ask, or join who asked already; see IUpstream.

        Who has less time than the one who asked asks separately.
        """
        flight = self._flights.get(query.key)
        if flight is None:
            return self._begin(query)
        if query.deadline < flight.deadline:
            return self._upstream.exchange(query).addCallback(self._learned, query)
        if len(flight.waiting) >= MOST_WAITING:
            return fail(UpstreamError("too many wait for the same answer"))
        self.joined += 1
        waiting: Deferred[Answer] = Deferred()
        flight.waiting.append(waiting)
        return waiting

    def _begin(self, query: Query) -> Deferred[Answer]:
        waiting: Deferred[Answer] = Deferred()
        self._flights[query.key] = Flight(query.deadline, [waiting])
        asking = self._upstream.exchange(query).addCallback(self._landed, query)
        asking.addErrback(self._failed, query)
        return waiting

    def _learned(self, answer: Answer, query: Query) -> Answer:
        self._learn(query, answer)
        return answer

    def _landed(self, answer: Answer, query: Query) -> None:
        self._learn(query, answer)
        for waiting in self._flights.pop(query.key).waiting:
            if not waiting.called:
                waiting.callback(answer)

    def _failed(self, failure: Failure, query: Query) -> None:
        for waiting in self._flights.pop(query.key).waiting:
            if not waiting.called:
                waiting.errback(failure)
