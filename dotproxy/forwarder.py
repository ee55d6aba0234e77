"""The way of a query: what is known here first, then whoever can be asked."""

from collections.abc import Sequence
from typing import Protocol as TypingProtocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.upstream.interface import NETWORK_ERROR, IUpstream, UpstreamError
from dotproxy.wire.edns import explanation
from dotproxy.wire.message import SERVFAIL
from dotproxy.wire.query import Query
from dotproxy.wire.reply import from_answer, status


class Local(TypingProtocol):
    """Somebody who knows some answers."""

    def answer(self, query: Query) -> bytes | None:
        """Return the reply to `query`, or None to leave it to the next."""


class Forwarder:
    """Answer queries: ask the locals in their order, then the upstream."""

    log = Logger()

    def __init__(self, locals_: Sequence[Local], upstream: IUpstream) -> None:
        self._locals = tuple(locals_)
        self._upstream = upstream
        self.failed = 0

    def resolve(self, query: Query) -> bytes | Deferred[bytes]:
        """Return the reply, or fire with it; fails only if cancelled.

        Where no answer is to be had the reply is SERVFAIL, and says why to a
        client that understands EDNS (RFC 8914).
        """
        for local in self._locals:
            reply = local.answer(query)
            if reply is not None:
                return reply
        answering = self._upstream.exchange(query)
        replying: Deferred[bytes] = answering.addCallback(
            lambda answer: from_answer(query, answer)
        )
        return replying.addErrback(self._apologise, query)

    def _apologise(self, failure: Failure, query: Query) -> bytes:
        if failure.check(CancelledError):
            failure.raiseException()
        self.failed += 1
        error = failure.value
        if isinstance(error, UpstreamError):
            return status(query, SERVFAIL, explanation(error.code, str(error)))
        self.log.failure("no reply could be made", failure)
        return status(query, SERVFAIL, explanation(NETWORK_ERROR, "internal error"))
