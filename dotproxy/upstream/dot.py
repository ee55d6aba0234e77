"""One upstream server, asked over TLS (RFC 7858)."""

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from dotproxy.upstream.asked import Asked
from dotproxy.upstream.health import Health
from dotproxy.upstream.interface import UNREACHABLE, IUpstream, UpstreamError
from dotproxy.upstream.pool import Pool
from dotproxy.upstream.ticker import Ticker
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query

MOST_WAITING = 1024
"""Queries that may wait for a connection; more would only wait for their deadline."""


@implementer(IUpstream)
class DoT:
    """Ask one server, whatever becomes of the connections to it.

    A connection is made when a query needs one.  When it is lost, each query under
    way on it is asked once more, on one made after the loss: another that was
    pooled may be as dead.  When it falls silent, it gets no new query, and those
    under way are asked once more beside it; the first answer counts.
    """

    log = Logger()

    def __init__(self, name: str, pool: Pool, clock: IReactorTime) -> None:
        self.name = name
        self.health = Health()
        self.pool = pool
        self.replayed = 0
        self._clock = clock
        self._waiting: list[Asked] = []
        self._stopped = False
        self._ticker = Ticker(clock, self._look)
        pool.owner = self

    def __repr__(self) -> str:
        state = "down" if self.health.down else "up"
        connections = ", ".join(map(repr, self.pool.connections))
        return f"<DoT {self.name} {state}, {len(self._waiting)} wait, [{connections}]>"

    def exchange(self, query: Query) -> Deferred[Answer]:
        """Ask; see IUpstream.  A query waits for a connection if there is none."""
        if self._stopped:
            return fail(UpstreamError(f"{self.name}: stopped"))
        if len(self._waiting) >= MOST_WAITING:
            return fail(UpstreamError(f"{self.name}: too many queries wait"))
        now = self._clock.seconds()
        if self.health.down:
            self.health.tried(now)
        asked = Asked(query, now)
        if not self.pool.ask(asked):
            self._wait(asked)
        self._ticker.wake()
        return asked.answer

    def stop(self) -> None:
        """Hang up, and fail whatever is under way."""
        self._stopped = True
        self._ticker.stop()
        self.pool.stop()
        waiting, self._waiting = self._waiting, []
        for asked in waiting:
            self._give_up(asked, "stopped")

    # What the pool tells.

    def connected(self) -> None:
        """Send the queries that waited.

        One that nobody waits for any more goes out only to an upstream that is
        down: its answer shows that the upstream is back.
        """
        waiting, self._waiting = self._waiting, []
        for asked in waiting:
            if (asked.wanted or self.health.down) and not self.pool.ask(asked):
                self._wait(asked)

    def unreachable(self, reason: str) -> None:
        """Make do with the connections that are left; fail what finds no room."""
        if not (self.pool.hopeful or self._stopped):
            self._note_failure(reason)
        waiting, self._waiting = self._waiting, []
        for asked in waiting:
            if not self.pool.ask(asked):
                self._give_up(asked, reason)

    def lost(self, queries: list[Asked], reason: str) -> None:
        """Ask once more what may be; fail what was asked twice in vain."""
        self._note_failure(reason)
        for asked in queries:
            self._replay(asked)
            self._give_up(asked, "connection lost")

    def silent(self, queries: list[Asked], reason: str) -> None:
        """Ask once more, beside a connection that may or may not answer yet."""
        self._note_failure(reason)
        for asked in queries:
            self._replay(asked)

    def answered(self, seconds: float) -> None:
        """Note the answer, and use the room that it makes."""
        if self.health.answered(seconds):
            self.log.info("{name} answers again", name=self.name)
        if self._waiting:
            self._serve_waiting()

    # What waits, and what is asked again.

    def _wait(self, asked: Asked) -> None:
        self._waiting.append(asked)
        self.pool.dial()

    def _replay(self, asked: Asked) -> None:
        if asked.wanted and not (asked.replayed or self._stopped):
            asked.replayed = True
            asked.chances += 1
            self.replayed += 1
            self._wait(asked)

    def _give_up(self, asked: Asked, reason: str) -> None:
        """Count one chance of an answer less, and fail if it was the last."""
        asked.chances -= 1
        if not asked.chances:
            asked.fail(UpstreamError(f"{self.name}: {reason}"))

    def _serve_waiting(self) -> None:
        """Send what waits for room; what was replayed wants a new connection."""
        for asked in self._waiting[:]:
            if not asked.replayed:
                if not self.pool.ask(asked):
                    return
                self._waiting.remove(asked)

    def _look(self, now: float) -> bool:
        busy = self.pool.look(now)
        for asked in self._waiting[:]:
            if asked.query.deadline <= now:
                self._waiting.remove(asked)
                asked.fail(UpstreamError(f"{self.name}: no connection", UNREACHABLE))
        return busy or bool(self._waiting)

    def _note_failure(self, reason: str) -> None:
        """Count what speaks against the server, and log it if it is news."""
        if reason and self.health.failed(self._clock.seconds(), reason):
            self.log.warn("{name} is down: {reason}", name=self.name, reason=reason)
