"""The connections to one upstream, made and ended as they are needed."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any
from typing import Protocol as TypingProtocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.upstream.addresses import AddressSource
from dotproxy.upstream.asked import Asked
from dotproxy.upstream.connection import SILENCE_BORNE, Connection, Ending, State
from dotproxy.upstream.dial import Attempt, Dial
from dotproxy.upstream.durations import Durations
from dotproxy.upstream.idle import SHARE, IdleLimit
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.tls import Unverified
from dotproxy.upstream.warnings import Warnings


@dataclass(frozen=True)
class Limits:
    """Bounds on one upstream's connections; times in seconds, padding in octets."""

    connect_timeout: float = 3.0
    idle_timeout: float = 8.0
    max_in_flight: int = 256
    max_connections: int = 4
    padding: int = 128


class Owner(TypingProtocol):
    """Who hears what becomes of the connections."""

    def connected(self, connection: Connection) -> None:
        """Hear that a connection is ready."""

    def unreachable(self, reason: str) -> None:
        """Hear that none could be made."""

    def answered(self, connection: Connection, seconds: float) -> None:
        """Hear that an answer came, and how long it took."""

    def failed(self, asked: Asked, error: UpstreamError) -> None:
        """Hear that a query gets no answer where it was under way."""

    def lost(self, queries: list[Asked], reason: str) -> None:
        """Hear of queries whose connection is gone, the oldest first.

        `reason` is what this says against the server; '' if it says nothing.
        """

    def silent(self, queries: list[Asked], reason: str) -> None:
        """Hear of queries whose connection owes an answer for too long."""


class Pool:
    """Keep as few connections as will do, and none that is idle or suspect."""

    log = Logger()

    def __init__(
        self,
        addresses: AddressSource,
        attempt: Attempt,
        clock: IReactorTime,
        limits: Limits,
    ) -> None:
        self.opened = self.closed_by_peer = self.suspected = 0
        self.refused = self.unreached = 0
        """Times that who answered was not who it must be, and that nobody did."""
        self.closed: Counter[Ending] = Counter()
        self.last_closed: tuple[Ending, float] | None = None
        """Why and when a connection ended last."""
        self.warnings = Warnings()
        self.handshakes = Durations()
        """How long it took to have a connection, TCP and TLS and all."""
        self._faulty = self._late = 0
        self._dialled_at = 0.0
        self._addresses = addresses
        self._attempt = attempt
        self._clock = clock
        self._limits = limits
        self._idle = IdleLimit(limits.idle_timeout)
        self._connections: list[Connection] = []
        self._dialling: Deferred[Any] | None = None
        self.owner: Owner

    @property
    def connections(self) -> tuple[Connection, ...]:
        """All that are open, in the order they were made."""
        return tuple(self._connections)

    @property
    def faulty(self) -> int:
        """Count the messages that answered nothing that was asked."""
        return self._faulty + sum(c.pending.faulty for c in self._connections)

    @property
    def late(self) -> int:
        """Count the answers that came after their deadline."""
        return self._late + sum(c.pending.late for c in self._connections)

    @property
    def hopeful(self) -> bool:
        """Whether a connection is ready or being made, so that asking may help."""
        return self._dialling is not None or self._count_ready() > 0

    def ask(self, asked: Asked) -> bool:
        """Send a query over the first connection that has room; False if none has."""
        return any(self.ask_over(connection, asked) for connection in self._connections)

    def ask_over(self, connection: Connection, asked: Asked) -> bool:
        """Send a query over this connection; False if it has no room."""
        room = len(connection.pending) < self._limits.max_in_flight
        if room and connection.state is State.READY:
            connection.ask(asked, self._limits.padding)
            return True
        return False

    def dial(self) -> None:
        """Make a connection, unless one is being made or there are enough."""
        if (
            self._dialling is None
            and self._count_ready() < self._limits.max_connections
        ):
            # Set before the call-backs, which may run at once and unset it.
            self._dialled_at = self._clock.seconds()
            self._dialling = dialling = self._addresses.resolve()
            dialling.addCallback(self._connect)
            dialling.addCallbacks(self._connected, self._not_connected)
            dialling.addErrback(lambda bug: self.log.failure("in a pool", bug))

    def awaits(self, question: bytes) -> bool:
        """Whether a connection waits for this very question: asked here, it would
        wait for itself."""
        return self._addresses.came_back(question)

    def look(self, now: float) -> bool:
        """Do what time demands; return whether there is anything to look after."""
        for connection in self.connections:
            connection.expire(now)
            if connection.state is State.DRAINING:
                connection.close_if_drained()
            elif connection.overdue(now):
                self._suspect(connection)
            elif self._idles(connection, now):
                self._idle.kept()
                connection.drain(Ending.IDLE)
        return bool(self._connections)

    def suspect_all(self) -> None:
        """Trust no connection any more: we were asleep, and who knows what has become
        of it.  What is under way is asked again beside; this speaks against nobody."""
        for connection in self.connections:
            if connection.state is State.READY:
                connection.drain(Ending.SLEPT)
                self.owner.silent(connection.pending.unanswered(), "")

    def drain(self) -> None:
        """Hang up where nothing is under way, and elsewhere when that has ended."""
        self._stop_dialling()
        for connection in self.connections:
            connection.drain()

    def stop(self) -> None:
        """Hang up on everybody, at once."""
        self._stop_dialling()
        for connection in self.connections:
            connection.abort()

    def _stop_dialling(self) -> None:
        if self._dialling is not None:
            self._dialling.cancel()

    def _count_ready(self) -> int:
        return sum(c.state is State.READY for c in self._connections)

    def _connect(self, addresses: list[str]) -> Deferred[tuple[str, Connection]]:
        dial = Dial(self._attempt, self._clock)
        connecting = dial.run(addresses, self._limits.connect_timeout)
        return connecting.addBoth(self._learn, dial)

    def _learn(self, outcome: object, dial: Dial[Connection]) -> object:
        for address in dial.failed:
            self._addresses.failed(address)
        return outcome

    def _connected(self, won: tuple[str, Connection]) -> None:
        address, connection = won
        self._dialling = None
        self._addresses.worked(address)
        self.opened += 1
        self.handshakes.add(self._clock.seconds() - self._dialled_at)
        connection.on_answer = partial(self.owner.answered, connection)
        connection.on_failed = self.owner.failed
        connection.on_lost = partial(self._lost, connection)
        self._connections.append(connection)
        self._warn(address, connection)
        self.owner.connected(connection)

    def _warn(self, address: str, connection: Connection) -> None:
        """Say once what is wrong, or new, with a peer that may pass."""
        for news in self.warnings.hear(connection.doubt, connection.proof):
            self.log.warn("{at} {news}", at=address, news=news)

    def _not_connected(self, failure: Failure) -> None:
        self._dialling = None
        if failure.check(Unverified):
            self.refused += 1
        elif not failure.check(CancelledError):
            self.unreached += 1
        self.owner.unreachable(failure.getErrorMessage())

    def _suspect(self, connection: Connection) -> None:
        """Stop trusting a connection that owes an answer; it may still bring it."""
        self.suspected += 1
        connection.drain(Ending.SILENT)
        reason = f"no answer for {SILENCE_BORNE} s"
        self.owner.silent(connection.pending.unanswered(), reason)

    def _lost(self, connection: Connection) -> None:
        self._connections.remove(connection)
        self._note_end(connection)
        unanswered = connection.pending.unanswered()
        if connection.closed_by_peer:
            self.closed_by_peer += 1
            if not unanswered:
                self._idle.closed_by_peer(self._clock.seconds() - connection.last_used)
        # Of one that was suspected, this was said when it was.
        barren = unanswered and not connection.answers and not connection.drained
        reason = "connection lost before the first answer" if barren else ""
        self.owner.lost(unanswered, reason)

    def _note_end(self, connection: Connection) -> None:
        """Count a connection that is gone, and what was counted on it."""
        self._faulty += connection.pending.faulty
        self._late += connection.pending.late
        ending = connection.ending or Ending.LOST
        self.closed[ending] += 1
        self.last_closed = ending, self._clock.seconds()

    def _idles(self, connection: Connection, now: float) -> bool:
        """Whether a connection is unused for too long, by the server's word or ours."""
        if connection.pending:
            return False
        limit = self._idle.seconds
        if connection.keepalive is not None:
            limit = connection.keepalive * SHARE
        return now - connection.last_used >= limit
