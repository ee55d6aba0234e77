"""The way of a query: what is known here first, then whoever can be asked."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple
from typing import Protocol as TypingProtocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.local.memory import Memory
from dotproxy.local.replies import CACHE, ERROR, LOCAL, UPSTREAM, count
from dotproxy.upstream.coalesce import Coalesce
from dotproxy.upstream.interface import NETWORK_ERROR, IUpstream, UpstreamError
from dotproxy.upstream.ticker import Ticker
from dotproxy.wire.answer import Answer
from dotproxy.wire.edns import explanation
from dotproxy.wire.message import SERVFAIL
from dotproxy.wire.query import Query
from dotproxy.wire.reply import from_answer, status


class Local(TypingProtocol):
    """Somebody who knows some answers."""

    def answer(self, query: Query) -> bytes | None:
        """Return the reply to `query`, or None to leave it to the next."""


class Patient(NamedTuple):
    """A query that gets a stale answer, unless a fresh one is there in time."""

    query: Query
    until: float
    reply: Deferred[bytes]


class Forwarder:
    """Answer queries: ask the locals in their order, then the upstream.

    What upstreams say goes into the memory, which is asked after the locals.  A
    stale answer waits `stale_timeout` seconds for a fresh one (RFC 8767 section 5).
    """

    log = Logger()

    def __init__(
        self,
        locals_: Sequence[Local],
        memory: Memory,
        upstream: IUpstream,
        clock: IReactorTime,
        stale_timeout: float = 1.8,
    ) -> None:
        self._locals = locals_
        self._memory = memory
        self.cache = memory.cache
        self.replies = memory.replies
        self._coalesce = Coalesce(upstream, memory.learn)
        self._clock = clock
        self._stale_timeout = stale_timeout
        self._patient: deque[Patient] = deque()
        self._ticker = Ticker(clock, self._look)
        self.failed = self.refreshed = 0
        """Queries without an answer, and answers asked for anew before their end."""
        memory.cache.on_due = self._refresh

    def resolve(self, query: Query) -> bytes | Deferred[bytes]:
        """Return the reply, or fire with it; fails only if cancelled.

        Where no answer is to be had the reply is a stale one, or else SERVFAIL,
        and says why to a client that understands EDNS (RFC 8914).
        """
        for local in self._locals:
            reply = local.answer(query)
            if reply is not None:
                if query.trace is not None:
                    by = type(local).__name__
                    query.trace.note("local", "{by} has the answer", by=by)
                query.source = LOCAL
                return count(self.replies.local, reply)
        reply = self._memory.answer(query)
        if reply is not None:
            return reply
        replying = self._ask(query)
        if self._memory.cache.has_stale(query) and not replying.called:
            return self._wait(query, replying)
        return replying

    def known(self, query: Query) -> bytes | None:
        """Return the reply if it is in the cache, and ask nobody."""
        reply = self.cache.answer(query)
        if reply is None:
            return None
        query.source = CACHE
        return count(self.replies.cache, reply)

    @property
    def joined(self) -> int:
        """Count the queries that shared what another had asked."""
        return self._coalesce.joined

    def _ask(self, query: Query) -> Deferred[bytes]:
        answering = self._coalesce.exchange(query)
        replying: Deferred[bytes] = answering.addCallback(self._answered, query)
        return replying.addErrback(self._apologise, query)

    def flush(self, name: bytes | None = None, subtree: bool = False) -> int:
        """Forget what was learned of a name, or of all; see `Memory.flush`."""
        return self._memory.flush(name, subtree)

    def stop(self) -> None:
        """Stop the clock; whoever waits for an answer fails as the upstream does."""
        self._ticker.stop()

    def _answered(self, answer: Answer, query: Query) -> bytes:
        stale = None if answer.helpful else self._memory.stale(query)
        if stale is not None:
            return stale
        query.source = UPSTREAM
        return count(self.replies.upstream, from_answer(query, answer))

    def _apologise(self, failure: Failure, query: Query) -> bytes:
        if failure.check(CancelledError):
            failure.raiseException()
        error = failure.value
        if isinstance(error, UpstreamError):
            stale = self._memory.stale(query)
            if stale is not None:
                return stale
            code, reason = error.code, str(error)
        else:
            self.log.failure("no reply could be made", failure)
            code, reason = NETWORK_ERROR, "internal error"
        if query.trace is not None:
            query.trace.note("failed", "no answer: {reason}", reason=reason)
        self.failed += 1
        query.source = ERROR
        said = status(query, SERVFAIL, explanation(code, reason))
        return count(self.replies.error, said)

    def _refresh(self, query: Query) -> None:
        """Ask again before the answer ends, for nobody in particular."""
        self.refreshed += 1
        if query.trace is not None:
            query.trace.note("refresh", "asked for anew, before its end")
        self._coalesce.exchange(query).addErrback(self._let_be)

    def _let_be(self, failure: Failure) -> None:
        """Do without a fresh answer; the one that there is holds for a while."""
        if failure.check(UpstreamError) is None:
            self.log.failure("an answer could not be refreshed", failure)

    def _wait(self, query: Query, replying: Deferred[bytes]) -> Deferred[bytes]:
        """Fire with the reply, or with a stale one if that takes too long."""
        reply: Deferred[bytes] = Deferred()
        until = self._clock.seconds() + self._stale_timeout
        if query.trace is not None:
            says = "what is kept serves unless an answer comes within {seconds} s"
            query.trace.note("stale", says, seconds=self._stale_timeout)
        self._patient.append(Patient(query, until, reply))
        self._ticker.wake()

        def give(outcome: bytes | Failure) -> None:
            if not reply.called:
                reply.callback(outcome)

        replying.addBoth(give)
        return reply

    def _look(self, now: float) -> bool:
        while self._patient and self._patient[0].until <= now:
            query, _, reply = self._patient.popleft()
            stale = None if reply.called else self._memory.stale(query)
            if stale is not None:
                reply.callback(stale)
        return bool(self._patient)
