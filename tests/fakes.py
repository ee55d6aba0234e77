"""Stand-ins for the tests: upstreams that answer when told to, and real messages."""

from collections.abc import Sequence
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from dotproxy.upstream.asked import Asked, Asker
from dotproxy.upstream.health import Health
from dotproxy.upstream.interface import NETWORK_ERROR, IUpstream, UpstreamError
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.query import Query, parse_query

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)


def make_query(
    name: str = "example.com", rdtype: str = "A", edns: bool = True
) -> Query:
    """Return a query as a client asks it, under the ID 0x1234, without a deadline."""
    use_edns = 0 if edns else False
    message = dns.message.make_query(name, rdtype, use_edns=use_edns, id=0x1234)
    return parse_query(message.to_wire())


def make_answer(
    query: Query,
    rcode: int = NOERROR,
    truncated: bool = False,
    address: str = "192.0.2.1",
) -> Answer:
    """Return what an upstream answers: one address, unless `rcode` is an error."""
    message = dns.message.make_response(dns.message.from_wire(query.wire))
    message.set_rcode(dns.rcode.Rcode(rcode))
    if rcode == NOERROR:
        owner = message.question[0].name
        message.answer.append(dns.rrset.from_text(owner, 300, "IN", "A", address))
    if truncated:
        message.flags |= dns.flags.TC
    return parse_answer(message.to_wire())


@implementer(IUpstream)
class FakeUpstream:
    """An upstream that answers when it is told to.

    `asked` holds each query and who waits for its answer; `cancelled` the queries
    that were let go.  What stands in `at_once` is the answer or the failure that the
    next queries get without delay.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[tuple[Query, Deferred[Answer]]] = []
        self.cancelled: list[Query] = []
        self.at_once: Answer | UpstreamError | None = None

    def exchange(self, query: Query) -> Deferred[Answer]:
        """Note the query; wait to be told, or answer at once."""
        answering: Deferred[Answer] = Deferred(lambda _: self.cancelled.append(query))
        if isinstance(self.at_once, Answer):
            answering.callback(self.at_once)
        elif self.at_once is not None:
            answering.errback(self.at_once)
        self.asked.append((query, answering))
        return answering

    def stop(self) -> None:
        """Fail whatever is under way."""
        for _, answering in self.asked:
            if not answering.called:
                answering.errback(UpstreamError(f"{self.name}: stopped"))

    def answer(self, rcode: int = NOERROR, **parts: Any) -> Answer:
        """Answer the last query; return the answer."""
        query, answering = self.asked[-1]
        answer = make_answer(query, rcode, **parts)
        answering.callback(answer)
        return answer

    def fail(self, reason: str = "refused", code: int = NETWORK_ERROR) -> None:
        """Fail the last query."""
        self.asked[-1][1].errback(UpstreamError(f"{self.name}: {reason}", code))


class FakeServer:
    """One server that answers when it is told to.

    `asked` holds what it was asked.  What stands in `at_once` is the answer or the
    failure that the next queries get without delay.  As a real one does, it notes
    that it is tried while it is down.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.health = Health()
        self.hopeful = False
        self.quiet = True
        self.queries_in_clear = 0
        self.asked: list[Asked] = []
        self.queries = self.timed_out = self.waiting = self.in_flight = 0
        self.at_once: Answer | UpstreamError | None = None
        self.drained = self.stopped = False
        self._clock = clock
        self._told: list[Asked] = []

    @property
    def forgotten(self) -> list[Query]:
        """The queries that nobody waits for any more, though nothing was said."""
        untold = [asked for asked in self.asked if asked not in self._told]
        return [asked.query for asked in untold if not asked.wanted]

    def ask(self, query: Query, asker: Asker) -> Asked:
        """Note the query; wait to be told, or answer at once."""
        if self.health.down:
            self.health.tried(self._clock.seconds())
        self.asked.append(Asked(query, asker))
        if self.at_once is not None:
            self._tell(self.asked[-1], self.at_once)
        return self.asked[-1]

    def drain(self) -> None:
        """Note that nothing more will come."""
        self.drained = True

    def stop(self) -> None:
        """Fail whatever is under way, and all that comes."""
        self.stopped = True
        self.at_once = UpstreamError(f"{self.name}: stopped")
        for asked in self.asked:
            self._tell(asked, self.at_once)

    def go_down(self, reason: str = "refused") -> None:
        """Fare badly, once more."""
        self.health.failed(self._clock.seconds(), reason)

    def come_up(self) -> None:
        """Fare well again."""
        self.health.answered(0.01)

    def answer(self, rcode: int = NOERROR, **parts: Any) -> Answer:
        """Answer the last query; return the answer."""
        answer = make_answer(self.asked[-1].query, rcode, **parts)
        self._tell(self.asked[-1], answer)
        return answer

    def fail(self, reason: str = "refused", code: int = NETWORK_ERROR) -> None:
        """Fail the last query."""
        self._tell(self.asked[-1], UpstreamError(f"{self.name}: {reason}", code))

    def _tell(self, asked: Asked, outcome: Answer | UpstreamError) -> None:
        self._told.append(asked)
        if isinstance(outcome, Answer):
            asked.settle(outcome)
        else:
            asked.fail(outcome)


def counts(upstreams: Sequence[FakeServer]) -> list[int]:
    """Return how many queries each upstream got."""
    return [len(upstream.asked) for upstream in upstreams]
