"""One upstream server in a private network, asked in clear."""

from collections import deque
from collections.abc import Sequence
from functools import partial

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.config.spelling import joined
from dotproxy.upstream.asked import CROWDED, MOST_WAITING, STOPPED, Asked, Asker
from dotproxy.upstream.health import Health
from dotproxy.upstream.inquiry import RETRY_AFTER, Inquiry, Way
from dotproxy.upstream.interface import UNREACHABLE, UpstreamError
from dotproxy.upstream.ticker import Ticker
from dotproxy.upstream.udp_question import Address
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query

MOST_PORTS = 256
"""Ports open at a time, each for one query: many a process has 1,024 descriptors."""

LATE = UpstreamError("no answer in time", UNREACHABLE)


class Cleartext:
    """Ask one server over UDP, and over TCP what UDP cuts short.

    It is for names that only a private network knows, and that must not leave it.
    Whoever can read or change that network's packets can do it to these.  `most`
    bounds the queries under way; others wait for their turn.
    """

    log = Logger()

    def __init__(self, servers: Sequence[Address], most: int, way: Way) -> None:
        self.name = f"udp://{joined(*servers[0])}"
        self.health = Health()
        self.queries = self.timed_out = 0
        """Those that came, and had no answer in time."""
        self._servers = list(servers)
        self._most = min(most, MOST_PORTS)
        self._way = way
        self._clock = IReactorTime(way.reactor)
        self._waiting: deque[Asked] = deque()
        self._under_way: dict[Asked, Inquiry] = {}
        self._answered_at = float("-inf")
        self._stopped = self._serving = False
        self._ticker = Ticker(self._clock, self._look)

    def __repr__(self) -> str:
        state = "down" if self.health.down else "up"
        under_way, waiting = len(self._under_way), len(self._waiting)
        return f"<Cleartext {self.name} {state}, {under_way} under way, {waiting} wait>"

    @property
    def queries_in_clear(self) -> int:
        """Count the queries that left, repeated ones too."""
        return self._way.sent

    @property
    def waiting(self) -> int:
        """Count the queries that wait for their turn."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """Count the queries that were sent and have no answer yet."""
        return len(self._under_way)

    @property
    def hopeful(self) -> bool:
        """Nothing can be prepared: while it is down only time tells; see Server."""
        return False

    def ask(self, query: Query, asker: Asker) -> Asked:
        """Ask; a query waits while there are too many.  See Server."""
        asked = Asked(query, asker)
        self.queries += 1
        if self._stopped:
            self._fail(asked, STOPPED)
        elif len(self._waiting) >= MOST_WAITING:
            self._fail(asked, CROWDED)
        else:
            if self.health.down:
                self.health.tried(self._clock.seconds())
            self._waiting.append(asked)
            self._serve()
            self._ticker.wake()
        return asked

    @property
    def quiet(self) -> bool:
        """Whether no port is open."""
        return not self._under_way

    def drain(self) -> None:
        """Ask nothing more; see Server."""
        self._stopped = True
        while self._waiting:
            self._fail(self._waiting.popleft(), STOPPED)

    def stop(self) -> None:
        """Close all ports, and fail whatever is under way."""
        self.drain()
        self._ticker.stop()
        for asked in list(self._under_way):
            self._give_up(asked, STOPPED)

    def _serve(self) -> None:
        """Send what waits and is wanted, while there is room.

        What fails at once makes room: for this loop, not for one inside it.
        """
        if self._serving:
            return
        self._serving = True
        while self._waiting and len(self._under_way) < self._most:
            asked = self._waiting.popleft()
            if asked.wanted:
                self._begin(asked)
        self._serving = False

    def _begin(self, asked: Asked) -> None:
        inquiry = Inquiry(asked.query, self._servers, self._way)
        self._under_way[asked] = inquiry
        inquiry.result.addCallbacks(
            partial(self._answered, asked), partial(self._failed, asked)
        )
        inquiry.begin()

    def _answered(self, asked: Asked, answer: Answer) -> None:
        inquiry = self._under_way.pop(asked)
        self._answered_at = self._clock.seconds()
        if self.health.answered(self._answered_at - inquiry.began):
            self.log.info("{name} answers again", name=self.name)
        self._prefer(inquiry.server)
        asked.settle(answer)
        self._serve()

    def _failed(self, asked: Asked, failure: Failure) -> None:
        """Fail a query that got no answer, unless it was given up before."""
        failure.trap(UpstreamError, CancelledError)
        inquiry = self._under_way.pop(asked, None)
        if inquiry is not None:
            error = failure.value
            assert isinstance(error, UpstreamError), "what is cancelled was given up"
            self._note_failure(inquiry, str(error))
            self._fail(asked, error)
            self._serve()

    def _give_up(self, asked: Asked, error: UpstreamError) -> None:
        self._under_way.pop(asked).result.cancel()
        self._fail(asked, error)

    def _fail(self, asked: Asked, error: UpstreamError) -> None:
        asked.fail(UpstreamError(f"{self.name}: {error}", error.code))

    def _prefer(self, server: Address) -> None:
        """Ask the address first that answered last."""
        if server != self._servers[0]:
            self._servers.remove(server)
            self._servers.insert(0, server)

    def _look(self, now: float) -> bool:
        for asked, inquiry in list(self._under_way.items()):
            # What became of one before may have ended it.
            if asked in self._under_way:
                self._look_after(asked, inquiry, now)
        self._waiting, waiting = deque(), self._waiting
        for asked in waiting:
            if asked.query.deadline > now:
                self._waiting.append(asked)
            else:
                self.timed_out += 1
                self._fail(asked, LATE)
        self._serve()
        return bool(self._under_way or self._waiting)

    def _look_after(self, asked: Asked, inquiry: Inquiry, now: float) -> None:
        if asked.query.deadline > now:
            inquiry.look(now)
            return
        # A short wait says nothing against a server.
        if now - inquiry.began >= RETRY_AFTER:
            self._note_failure(inquiry, str(LATE))
        self.timed_out += 1
        self._give_up(asked, LATE)

    def _note_failure(self, inquiry: Inquiry, reason: str) -> None:
        """Count a failure against the server, if it answered nothing meanwhile."""
        if self._answered_at >= inquiry.began:
            return
        if self.health.failed(self._clock.seconds(), reason):
            self.log.warn("{name} is down: {reason}", name=self.name, reason=reason)
