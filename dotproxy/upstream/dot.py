"""One upstream server, asked over TLS (RFC 7858)."""

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from dotproxy.upstream.asked import CROWDED, MOST_WAITING, STOPPED, Asked, Asker
from dotproxy.upstream.connection import Connection
from dotproxy.upstream.health import Health
from dotproxy.upstream.interface import UNREACHABLE, UpstreamError
from dotproxy.upstream.pool import Pool
from dotproxy.upstream.proof import Match
from dotproxy.upstream.ticker import Ticker
from dotproxy.wire.query import Query

REPLAYS_IN_VAIN = 1
"""Times that a query is asked again after a connection that answered nothing."""

MOST_REPLAYS = 4
"""Times that a query is asked again at all."""

LATE = UpstreamError("no connection in time", UNREACHABLE)
CIRCULAR = UpstreamError("its address is looked up by asking us")


class DoT:
    """Ask one server, whatever becomes of the connections to it.

    A connection is made when a query needs one.  When it is lost, each query under
    way on it is asked once more, on one that was just made, or just answered:
    another that was pooled may be as dead.  When it falls silent, it gets no new
    query, and those under way are asked once more beside it; the first answer counts.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        pool: Pool,
        clock: IReactorTime,
        pin_matches: Mapping[Match, int] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.pin_matches = pin_matches
        """Chains that were right but for their pins, by which of these they have."""
        self.health = Health()
        self.pool = pool
        self.queries = self.replayed = self.timed_out = 0
        """Those that came, were asked again, and had no answer in time."""
        self.queries_in_clear = 0
        self._clock = clock
        self._waiting: deque[Asked] = deque()
        self._stopped = False
        self._ticker = Ticker(clock, self._look)
        pool.owner = self

    def __repr__(self) -> str:
        state = "down" if self.health.down else "up"
        connections = ", ".join(map(repr, self.pool.connections))
        return f"<DoT {self.name} {state}, {len(self._waiting)} wait, [{connections}]>"

    @property
    def now(self) -> float:
        """The time of the clock that its connections are kept by."""
        return self._clock.seconds()

    @property
    def waiting(self) -> int:
        """Count the queries that wait for a connection."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """Count the queries that were sent and have no answer yet."""
        return sum(len(each.pending) for each in self.pool.connections)

    @property
    def hopeful(self) -> bool:
        """Whether a connection is ready or being made; see Server."""
        return self.pool.hopeful

    def ask(self, query: Query, asker: Asker) -> Asked:
        """Ask; a query waits for a connection if there is none.  See Server."""
        asked = Asked(query, asker)
        self.queries += 1
        if self._stopped:
            self._give_up(asked, STOPPED)
        elif len(self._waiting) >= MOST_WAITING:
            self._give_up(asked, CROWDED)
        else:
            if self._ticker.overslept():
                self.pool.suspect_all()
            if self.health.down:
                self.health.tried(self._clock.seconds())
            if not self.pool.ask(asked):
                self._wait(asked)
            self._ticker.wake()
        return asked

    @property
    def quiet(self) -> bool:
        """Whether no connection is left."""
        return not self.pool.connections

    def drain(self) -> None:
        """Ask nothing more, and hang up when what is under way has ended."""
        self._retire()
        self.pool.drain()

    def stop(self) -> None:
        """Hang up, and fail whatever is under way."""
        self._retire()
        self._ticker.stop()
        self.pool.stop()

    def _retire(self) -> None:
        self._stopped = True
        for asked in self._no_longer_waiting():
            self._give_up(asked, STOPPED)

    # What the pool tells.

    def connected(self, connection: Connection) -> None:
        """Send what waited.

        One that nobody waits for any more goes out only to an upstream that is
        down: its answer shows that the upstream is back.
        """
        self._serve(connection, even_unwanted=self.health.down)
        if self._waiting:
            self.pool.dial()

    def unreachable(self, reason: str) -> None:
        """Make do with the connections that are left; fail what finds no room."""
        if not self.pool.hopeful:
            self._note_failure(reason)
        for asked in self._no_longer_waiting():
            if not (asked.wanted and self.pool.ask(asked)):
                self._give_up(asked, UpstreamError(reason))

    def answered(self, connection: Connection, seconds: float) -> None:
        """Note the answer, and use the room that it makes."""
        if self.health.answered(seconds):
            self.log.info("{name} answers again", name=self.name)
        self._serve(connection)

    def failed(self, asked: Asked, error: UpstreamError) -> None:
        """Fail a query that is under way nowhere else."""
        self.timed_out += error.code == UNREACHABLE
        self._give_up(asked, error)

    def lost(self, queries: list[Asked], reason: str) -> None:
        """Ask once more what may be; fail the rest.

        A connection that answered before it was lost may belong to a server that
        takes so many queries and then hangs up: that is no reason to give up soon.
        """
        self._note_failure(reason)
        for asked in reversed(queries):
            if asked.query.trace is not None:
                asked.query.trace.note("connection", "lost while it owed the answer")
            self._replay(asked, REPLAYS_IN_VAIN if reason else MOST_REPLAYS)
            self._give_up(asked, UpstreamError("connection lost"))

    def silent(self, queries: list[Asked], reason: str) -> None:
        """Ask once more, beside a connection that may or may not answer yet."""
        self._note_failure(reason)
        for asked in reversed(queries):
            if asked.query.trace is not None:
                asked.query.trace.note("connection", "{reason}", reason=reason)
            self._replay(asked, REPLAYS_IN_VAIN)

    # What waits, and what is asked again.

    def _wait(self, asked: Asked) -> None:
        """Let a query wait for a connection; what is asked again goes first."""
        if asked.query.trace is not None:
            asked.query.trace.note("connection", "none has room, so it waits for one")
        if asked.replays:
            self._waiting.appendleft(asked)
        else:
            self._waiting.append(asked)
        self.pool.dial()

    def _serve(self, connection: Connection, even_unwanted: bool = False) -> None:
        """Send what waits over a connection that is alive, while it has room."""
        while self._waiting:
            asked = self._waiting[0]
            wanted = asked.wanted or even_unwanted
            if wanted and not self.pool.ask_over(connection, asked):
                return
            self._waiting.popleft()

    def _no_longer_waiting(self) -> deque[Asked]:
        waiting, self._waiting = self._waiting, deque()
        return waiting

    def _replay(self, asked: Asked, most: int) -> None:
        """Ask again what waits nowhere else, and was not asked too often."""
        alone = asked.chances == 1
        if asked.wanted and alone and asked.replays < most and not self._stopped:
            asked.replays += 1
            asked.chances += 1
            self.replayed += 1
            if asked.query.trace is not None:
                asked.query.trace.note(
                    "retry", "{upstream}, once more", upstream=self.name
                )
            self._wait(asked)

    def _give_up(self, asked: Asked, error: UpstreamError) -> None:
        """Count one chance of an answer less, and fail if it was the last."""
        asked.chances -= 1
        if not asked.chances:
            asked.fail(UpstreamError(f"{self.name}: {error}", error.code))

    def _look(self, now: float) -> bool:
        if self._ticker.overslept():
            self.pool.suspect_all()
        busy = self.pool.look(now)
        for asked in self._no_longer_waiting():
            if asked.query.deadline <= now:
                self.timed_out += 1
                self._give_up(asked, LATE)
            elif self.pool.awaits(asked.query.question):
                self._give_up(asked, CIRCULAR)
            else:
                self._waiting.append(asked)
        if self._waiting:
            # What it waits for may be gone by now.
            self.pool.dial()
        return busy or bool(self._waiting)

    def _note_failure(self, reason: str) -> None:
        """Count what speaks against the server, and log it if it is news."""
        if not reason or self._stopped:
            return
        if self.health.failed(self._clock.seconds(), reason):
            self.log.warn("{name} is down: {reason}", name=self.name, reason=reason)
