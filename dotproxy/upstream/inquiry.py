"""One query on its way to one server in clear, try after try."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorUDP
from twisted.python.failure import Failure

from dotproxy.upstream.interface import NETWORK_ERROR, UNREACHABLE, UpstreamError
from dotproxy.upstream.seen import note_arrived, note_sent_in_clear
from dotproxy.upstream.tcp_question import TcpQuestion
from dotproxy.upstream.udp_question import Address, UdpQuestion
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.message import FormatError
from dotproxy.wire.query import Query, outgoing_in_clear

RETRY_AFTER, PATIENCE = 1.0, 2.0
"""Seconds for a reply before the query is sent again, and after it was sent last."""


@dataclass
class Way:
    """How queries leave in clear; `sent` counts them.

    `reactor` is asked for time and TCP, `udp` for ports.  Of `random` come the IDs, so
    it must not be one that can be guessed (RFC 5452 section 9.2).
    """

    reactor: Any
    random: Random
    udp: IReactorUDP
    sent: int = 0

    def count(self) -> None:
        """Hear that a query left."""
        self.sent += 1


class Inquiry:
    """Ask one address after the other, or the only one twice.

    `result` fires with the answer, or fails with UpstreamError; cancelling it ends
    all.  Each try has an ID and a port of its own, and ends before the next begins,
    so that there is never more than one port open, nor more than one ID to guess.
    An answer cut short is asked for again over TCP, and serves if TCP fails.
    """

    __slots__ = (
        "_code", "_cut_short", "_late_at", "_left", "_query", "_question",
        "_reasons", "_way", "began", "result", "server",
    )  # fmt: skip

    def __init__(self, query: Query, servers: Sequence[Address], way: Way) -> None:
        self.began: float = way.reactor.seconds()
        self.result: Deferred[Answer] = Deferred(lambda _: self._drop())
        self._query = query
        self._way = way
        self._left = [*servers] if len(servers) > 1 else [*servers] * 2
        self._reasons: dict[str, str] = {}
        self._cut_short: Answer | None = None
        self._question: UdpQuestion | TcpQuestion
        self._late_at = 0.0
        self._code = NETWORK_ERROR
        self.server = servers[0]
        """The address that was asked last."""

    def begin(self) -> None:
        """Ask the first; the result may be there before this returns."""
        self._ask_next()

    def look(self, now: float) -> None:
        """Ask the next, if the one asked last is late by `now`."""
        if now >= self._late_at:
            self._drop()
            self._code = UNREACHABLE
            self._go_on("no reply")

    def _ask_next(self) -> None:
        self.server = self._left.pop(0)
        self._ask(UdpQuestion, RETRY_AFTER if self._left else PATIENCE)

    def _ask(self, kind: type[UdpQuestion | TcpQuestion], patience: float) -> None:
        number = self._way.random.getrandbits(16)
        message = outgoing_in_clear(self._query, number)
        if self._query.trace is not None:
            over = "UDP" if kind is UdpQuestion else "TCP"
            note_sent_in_clear(self._query.trace, self.server, over, message)
        question = kind(message, self.server, self._way.count)
        network: Any = self._way.udp if kind is UdpQuestion else self._way.reactor
        self._question = question
        self._late_at = self._way.reactor.seconds() + patience
        question.replied.addCallback(self._replied)
        question.replied.addErrback(self._failed)
        question.send(network)

    def _replied(self, message: bytes) -> None:
        over_udp = isinstance(self._question, UdpQuestion)
        if self._query.trace is not None:
            note_arrived(self._query.trace, message)
        try:
            answer = parse_answer(message)
        except FormatError as fault:
            raise UpstreamError(f"the answer cannot be read: {fault}") from fault
        if answer.truncated and over_udp:
            self._cut_short = answer
            self._ask(TcpQuestion, PATIENCE)
        else:
            self.result.callback(answer)

    def _failed(self, failure: Failure) -> None:
        """Leave an address that failed for good; those that were late we cancelled."""
        if failure.trap(UpstreamError, CancelledError) is UpstreamError:
            self._left = [each for each in self._left if each != self.server]
            self._go_on(failure.getErrorMessage())

    def _go_on(self, reason: str) -> None:
        self._reasons[self.server[0]] = reason
        if self._cut_short is not None:
            self.result.callback(self._cut_short)
        elif self._left:
            self._ask_next()
        else:
            self.result.errback(UpstreamError(self._reason(), self._code))

    def _reason(self) -> str:
        """Say what became of each address; of the only one, without naming it."""
        if len(self._reasons) == 1:
            return next(iter(self._reasons.values()))
        return "; ".join(f"{host}: {why}" for host, why in self._reasons.items())

    def _drop(self) -> None:
        """End the try under way."""
        self._question.replied.cancel()
