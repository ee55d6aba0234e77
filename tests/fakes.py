"""Stand-ins for the tests: upstreams that answer when told to, and real messages."""

from collections.abc import Sequence
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

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


class FakePool:
    """Connections that there are, or not."""

    def __init__(self) -> None:
        self.hopeful = False


@implementer(IUpstream)
class FakeUpstream:
    """An upstream that answers when it is told to.

    `asked` holds each query and who waits for its answer; `cancelled` the queries
    that were let go.  What stands in `at_once` is the answer or the failure that
    the next queries get without delay, and in `last_word` what is said in the very
    moment of being let go.  As a real one does, it notes that it is tried while it
    is down.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.health = Health()
        self.pool = FakePool()
        self.asked: list[tuple[Query, Deferred[Answer]]] = []
        self.cancelled: list[Query] = []
        self.at_once: Answer | Exception | None = None
        self.last_word: Answer | None = None
        self.stopped = False
        self._clock = clock

    def exchange(self, query: Query) -> Deferred[Answer]:
        """Note the query; wait to be told, or answer at once."""
        if self.health.down:
            self.health.tried(self._clock.seconds())
        answering = self._answering(query)
        self.asked.append((query, answering))
        return answering

    def stop(self) -> None:
        """Fail whatever is under way, and all that comes."""
        self.stopped = True
        self.at_once = UpstreamError(f"{self.name}: stopped")
        for _, answering in self.asked:
            if not answering.called:
                answering.errback(self.at_once)

    def go_down(self, reason: str = "refused") -> None:
        """Fare badly, once more."""
        self.health.failed(self._clock.seconds(), reason)

    def come_up(self) -> None:
        """Fare well again."""
        self.health.answered(0.01)

    def answer(self, rcode: int = NOERROR, **parts: Any) -> Answer:
        """Answer the last query; return the answer."""
        query, answering = self.asked[-1]
        answer = make_answer(query, rcode, **parts)
        answering.callback(answer)
        return answer

    def fail(self, reason: str = "refused", code: int = NETWORK_ERROR) -> None:
        """Fail the last query."""
        self.asked[-1][1].errback(UpstreamError(f"{self.name}: {reason}", code))

    def _answering(self, query: Query) -> Deferred[Answer]:
        if isinstance(self.at_once, Answer):
            return succeed(self.at_once)
        if isinstance(self.at_once, Exception):
            return fail(self.at_once)
        return Deferred(lambda answering: self._let_go(query, answering))

    def _let_go(self, query: Query, answering: Deferred[Answer]) -> None:
        self.cancelled.append(query)
        if self.last_word is not None:
            answering.callback(self.last_word)


def counts(upstreams: Sequence[FakeUpstream]) -> list[int]:
    """Return how many queries each upstream got."""
    return [len(upstream.asked) for upstream in upstreams]
