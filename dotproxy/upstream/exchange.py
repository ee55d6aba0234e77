"""One query on its way through the upstreams of a group."""

from collections.abc import Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from dotproxy.upstream.asked import Asked, Server
from dotproxy.upstream.interface import (
    NETWORK_ERROR,
    UNREACHABLE,
    UpstreamError,
)
from dotproxy.upstream.seen import rcode_of
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query


class Exchange:
    """Ask one upstream after the other, until one settles the question.

    The next is asked when one fails, or says that it cannot tell, or is late by
    its own measure; those asked before may still answer.  The first that settles
    it wins.  If none does, `result` has the best that was said, or fails with an
    UpstreamError that holds every upstream's own.
    """

    __slots__ = (
        "_asked", "_candidates", "_clock", "_code", "_errors", "_open", "_second_best",
        "late_at", "query", "result", "settled",
    )  # fmt: skip

    def __init__(
        self, query: Query, candidates: Iterable[Server], clock: IReactorTime
    ) -> None:
        self.query = query
        self.late_at = float("inf")
        """When the upstream asked last is late, on the clock."""
        self.result: Deferred[Answer] = Deferred(self._forget)
        self._clock = clock
        self._candidates = iter(candidates)
        self._asked: list[Asked] = []
        self._open = 0
        self.settled = False
        """Whether the result is there, or nobody waits for it any more."""
        self._second_best: Answer | None = None
        self._errors: list[str] = []
        self._code = NETWORK_ERROR

    @property
    def asked(self) -> int:
        """Count the upstreams that were asked."""
        return len(self._asked)

    def ask_next(self) -> bool:
        """Ask the next upstream; False if there is none, no time, or no need."""
        now = self._clock.seconds()
        over = self.settled or now >= self.query.deadline
        upstream = None if over else next(self._candidates, None)
        if upstream is None:
            self.late_at = float("inf")
            return False
        if self.query.trace is not None:
            said = {"upstream": upstream.name, "reason": self._reason(now)}
            self.query.trace.note("ask", "{upstream}, {reason}", **said)
        self.late_at = now + upstream.health.patience
        self._open += 1
        self._asked.append(upstream.ask(self.query, self))
        return True

    def conclude(self) -> None:
        """End with what there is: the second best, or an error."""
        if self.settled:
            return
        if self._second_best is not None:
            self._settle(self._second_best)
            return
        code = UNREACHABLE if self._open else self._code
        reason = "; ".join(self._errors) or "no answer in time"
        self._forget()
        self.result.errback(Failure(UpstreamError(reason, code)))

    def answered(self, answer: Answer) -> None:
        """Hear an answer; see Asker."""
        self._open -= 1
        if answer.helpful:
            self._settle(answer)
            return
        if self.query.trace is not None:
            rcode = rcode_of(answer)
            self.query.trace.note("answer", "{rcode} is no help", rcode=rcode)
        # An answer cut short still beats an excuse.
        if self._second_best is None or answer.truncated:
            self._second_best = answer
        self._go_on()

    def failed(self, error: UpstreamError) -> None:
        """Hear that an upstream has no answer; see Asker."""
        self._open -= 1
        if self.query.trace is not None:
            self.query.trace.note("answer", "none, {error}", error=str(error))
        self._errors.append(str(error))
        if error.code == UNREACHABLE:
            self._code = UNREACHABLE
        self._go_on()

    def _reason(self, now: float) -> str:
        """Say why another is asked now."""
        if not self._asked:
            return "which comes first"
        if now >= self.late_at:
            return "since the one before is late"
        if self._errors or self._second_best is not None:
            return "since another did not help"
        return "at the same time"

    def _go_on(self) -> None:
        if not (self.ask_next() or self._open):
            self.conclude()

    def _settle(self, answer: Answer) -> None:
        self._forget()
        self.result.callback(answer)

    def _forget(self, _: object = None) -> None:
        """Let go of those still asked; their answers count for their health only."""
        self.settled = True
        for asked in self._asked:
            asked.forget()
