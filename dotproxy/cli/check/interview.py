"""Questions over one verified connection, to learn how a server answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from random import Random
from statistics import median

import dns.message
import dns.rcode
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from dotproxy.cli.check.findings import Answers
from dotproxy.cli.check.together import together
from dotproxy.upstream.asked import Asked
from dotproxy.upstream.connection import Connection, State
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.answer import Answer
from dotproxy.wire.edns import PADDING
from dotproxy.wire.message import AD, NOERROR, SERVFAIL
from dotproxy.wire.query import parse_query
from dotproxy.wire.reply import BARE_OPT

ROUND_TRIPS = 5
"""Questions, one after the other, whose median time is the RTT."""

BURSTS = (4, 8, 16, 32)
"""Queries at once: ever more, so that a weak server is not hit by the most at once."""

OPTION_HEAD = 4
"""Octets in front of an EDNS option's value (RFC 6891 6.1.2)."""

Step = Callable[[str], object]
"""Hear what is being done now."""


@dataclass(frozen=True)
class Names:
    """What servers are asked for.

    `known` exists; `signed` is signed, if anything is; `bogus` fails validation.
    `slow` takes a while to answer; '' stands for a name that nobody knows yet.
    """

    known: str = "example.com"
    signed: str = "."
    bogus: str = "dnssec-failed.org"
    slow: str = ""


def utc_now() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Terms:
    """How servers are examined.  Times are in seconds, padding in octets.

    `idle` is how long to wait for a server to close an idle connection, 0: not at all.
    `now` gives the time by which certificates are judged to end soon.
    """

    timeout: float = 5.0
    idle: float = 0.0
    padding: int = 128
    names: Names = Names()
    now: Callable[[], datetime] = utc_now


class Interview:
    """Ask, and note in `answers` what is learned, in `oddities` what went wrong.

    Queries go out just as the proxy sends them, padding and all.
    """

    def __init__(
        self, connection: Connection, clock: IReactorTime, terms: Terms, random: Random
    ) -> None:
        self.answers = Answers()
        self.oddities: list[str] = []
        self._connection = connection
        self._clock = clock
        self._terms = terms
        self._random = random
        self._closed: Deferred[None] = Deferred()
        self._closed_at: float | None = None
        connection.on_failed = _fail
        connection.on_lost = self._lost

    async def run(self, step: Step) -> None:
        """Ask everything; UpstreamError if not even the first question is answered."""
        step("ask")
        await self._get_to_know()
        for name, part in (
            ("round trips", self._time),
            ("DNSSEC", self._validation),
            ("order of answers", self._order),
            ("queries in flight", self._flight),
        ):
            if self._connection.state is not State.READY:
                self.oddities.append(f"the server hung up before: {name}")
                return
            step(name)
            await self._attempt(name, part)

    async def idle(self) -> None:
        """Wait for the server to close the connection, as long as the terms allow."""
        if self._connection.state is not State.READY:
            return
        self._closed.addTimeout(self._terms.idle, self._clock, lambda *_: None)
        await self._closed
        # Read only now: an answer that is late makes the connection a used one.
        begin = self._connection.last_used
        self.answers.idle_waited_s = round(self._clock.seconds() - begin, 1)
        if self._closed_at is not None:
            self.answers.idle_closed_s = round(self._closed_at - begin, 1)

    def leave(self) -> None:
        """Say goodbye, without one where answers are owed that nobody waits for."""
        self._connection.drain()
        if self._connection.pending:
            self._connection.abort()

    # What is asked.

    async def _get_to_know(self) -> None:
        answer = await self._ask(self._terms.names.known)
        self.answers.rcode = dns.rcode.to_text(dns.rcode.Rcode.make(answer.rcode))
        self.answers.keepalive_s = answer.keepalive
        self.answers.authenticates = _authentic(answer)
        if answer.opt is None:
            return
        self.answers.edns_size = answer.opt.payload
        sizes = [OPTION_HEAD + len(value) for _, value in answer.opt.options]
        if any(code == PADDING for code, _ in answer.opt.options):
            self.answers.padded_to = len(answer.body) + BARE_OPT + sum(sizes)

    async def _time(self) -> None:
        times = []
        for _ in range(ROUND_TRIPS):
            begin = self._clock.seconds()
            await self._ask(self._terms.names.known)
            times.append(self._clock.seconds() - begin)
        self.answers.rtt_ms = round(median(times) * 1000, 1)

    async def _validation(self) -> None:
        """Look for AD, and if it is there, whether what is forged is refused too."""
        if not self.answers.authenticates:
            answer = await self._ask(self._terms.names.signed, "SOA")
            self.answers.authenticates = _authentic(answer)
        if self.answers.authenticates:
            answer = await self._ask(self._terms.names.bogus)
            if answer.rcode in (NOERROR, SERVFAIL):
                self.answers.refuses_bogus = answer.rcode == SERVFAIL

    async def _order(self) -> None:
        """Ask for what takes long, then for what does not, and see who comes first."""
        slow = self._ask(self._terms.names.slow or self._unheard_of())
        # What becomes of it is of no interest; that it is still open is.
        slow.addErrback(lambda _: None)
        await self._ask(self._terms.names.known)
        self.answers.out_of_order = not slow.called
        slow.cancel()

    async def _flight(self) -> None:
        for count in BURSTS:
            asking = [self._ask(self._terms.names.known) for _ in range(count)]
            answered = sum(await together([_came(each) for each in asking]))
            if answered < count:
                raise UpstreamError(f"of {count} at once {answered} were answered")
            self.answers.in_flight = count

    # How it is asked.

    def _ask(self, name: str, rdtype: str = "A") -> Deferred[Answer]:
        """Ask, and fire with the answer; UpstreamError if none comes."""
        question = _Question(self._terms.timeout, self._clock)
        query = parse_query(dns.message.make_query(name, rdtype).to_wire())
        question.asked = Asked(query, question)
        if self._connection.state is State.READY:
            self._connection.ask(question.asked, self._terms.padding)
        else:
            question.asked.fail(UpstreamError("the server takes no more queries"))
        return question.answer

    async def _attempt(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except UpstreamError as fault:
            self.oddities.append(f"{name}: {fault}")

    def _unheard_of(self) -> str:
        return f"{self._random.getrandbits(64):x}.{self._terms.names.known}"

    def _lost(self) -> None:
        self._closed_at = self._clock.seconds()
        for asked in self._connection.pending.unanswered():
            asked.fail(UpstreamError("the server closed the connection"))
        if not self._closed.called:
            self._closed.callback(None)


class _Question:
    """One question, and a Deferred for its answer; cancelling it lets it be."""

    asked: Asked

    def __init__(self, timeout: float, clock: IReactorTime) -> None:
        self.answer: Deferred[Answer] = Deferred(lambda _: self.asked.forget())
        self.answer.addTimeout(timeout, clock, partial(_silent, timeout))

    def answered(self, answer: Answer) -> None:
        self.answer.callback(answer)

    def failed(self, error: UpstreamError) -> None:
        self.answer.errback(error)


def _authentic(answer: Answer) -> bool:
    return answer.body[3] & AD != 0


def _came(answer: Deferred[Answer]) -> Deferred[bool]:
    """Fire with whether the answer came."""

    def did_not(failure: Failure) -> bool:
        failure.trap(UpstreamError)
        return False

    return answer.addCallbacks(lambda _: True, did_not)


def _fail(asked: Asked, error: UpstreamError) -> None:
    asked.fail(error)


def _silent(timeout: float, *_: object) -> Failure:
    return Failure(UpstreamError(f"no answer in {timeout:g} s"))
