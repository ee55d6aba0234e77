"""DNS over TCP, towards the clients (RFC 7766).

1. A client may send many queries on end; each is answered when its answer is
   there, in any order.
2. There are only so many under way at once; what came beyond waits, and no more
   is read meanwhile.
3. A client that does not read its answers gets no new query begun.
4. One that closes its side still gets the answers to what it asked.
5. Silence ends the connection: soon before the first query, later between two.
"""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import connectionDone
from twisted.names.dns import DNSProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from dotproxy.server.responder import Responder
from dotproxy.wire.framing import Frames, frame

if TYPE_CHECKING:
    from twisted.internet.tcp import Server


@dataclass(frozen=True)
class StreamLimits:
    """Bounds on TCP clients; times in seconds (RFC 7766 sections 6.2.3 and 10)."""

    first_query: float = 5.0
    """For the first query to arrive, as a whole."""
    idle: float = 10.0
    """Between a query or an answer and the next query."""
    under_way: int = 100
    """Queries of one connection that are asked at the same time."""
    unread: int = 256 * 1024
    """Octets of answers kept for a client that does not read them."""
    per_client: int = 100
    """Connections of one address."""
    in_all: int = 4000
    """Connections of all clients together."""


DEFAULT_LIMITS = StreamLimits()


@implementer(IHalfCloseableProtocol, IPushProducer)
class StreamProtocol(DNSProtocol):
    """One TCP client.  `lost` fires with None when its connection is gone."""

    controller: Responder
    transport: "Server"

    def __init__(
        self,
        controller: Responder,
        clock: IReactorTime,
        limits: StreamLimits,
    ) -> None:
        super().__init__(controller, clock)
        self.lost: Deferred[None] = Deferred()
        self._clock = clock
        self._limits = limits
        self._frames = Frames()
        self._backlog: deque[bytes] = deque()
        self._under_way = 0
        self._choked = False
        self._unread = 0
        self._finished = False
        self._dismissed = False
        self._gone = False
        self._working = False
        self._last_used = clock.seconds()
        self._allowed = limits.first_query
        self._timer: IDelayedCall | None = None

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Start the clock, and ask to be told when the client does not read."""
        super().connectionMade()
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        self._timer = self._clock.callLater(self._allowed, self._look)

    def dataReceived(self, data: bytes) -> None:
        """Begin what has come as a whole; keep what is beyond the limit.

        What comes after `finish` is dropped.  It is read all the same: closing with
        octets unread resets a connection, and the last replies would be lost.
        """
        if self._finished:
            return
        messages = self._frames.feed(data)
        if messages:
            self._touch()
            self._backlog.extend(messages)
            self._work()

    def readConnectionLost(self) -> None:
        """Take note that no more will come; answers are still owed."""
        self._finished = True
        self._work()

    def writeConnectionLost(self) -> None:
        """Ignore the end of our own side: Twisted closes the rest."""

    def pauseProducing(self) -> None:
        """Begin nothing new: the client does not read what it got."""
        if not self._choked:
            # Twisted says it again at every write.
            self._choked = True
            self._unread = 0
            self._work()

    def resumeProducing(self) -> None:
        """Go on: the client has read."""
        self._choked = False
        self._work()

    def stopProducing(self) -> None:
        """Begin nothing new: the connection is going."""
        self._choked = True

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Drop what waits; answers that still come are dropped as they do."""
        super().connectionLost(reason)
        self._gone = True
        self._backlog.clear()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self.lost.callback(None)

    # Queries in, answers out.

    def finish(self) -> None:
        """Take no more queries; answer those that have come, then close."""
        if not self._finished:
            self._finished = True
            self.transport.resumeProducing()
            self._work()

    def _work(self) -> None:
        """Begin what there is room for; read on, or not, or say goodbye.

        A reply may be there at once, and would call this anew for each in turn.
        """
        if self._working:
            return
        self._working = True
        while self._backlog and self._has_room():
            self._begin(self._backlog.popleft())
        self._working = False
        if self._finished:
            if not (self._backlog or self._under_way):
                self._say_goodbye()
        elif self._backlog or self._choked:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    def _has_room(self) -> bool:
        return not self._choked and self._under_way < self._limits.under_way

    def _begin(self, message: bytes) -> None:
        reply = self.controller.respond(message, datagram=False)
        if isinstance(reply, bytes):
            self._send(reply)
        elif reply is not None:
            self._under_way += 1
            reply.addCallback(self._answered)

    def _answered(self, reply: bytes) -> None:
        self._under_way -= 1
        if not self._gone:
            self._send(reply)
            self._work()

    def _send(self, reply: bytes) -> None:
        self._touch()
        if self._choked:
            self._unread += len(reply)
            if self._unread > self._limits.unread:
                self.transport.abortConnection()
                return
        self.transport.write(frame(reply))

    def _say_goodbye(self) -> None:
        """Close once the client has read all; Twisted waits for producers first."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    # Time.

    def _touch(self) -> None:
        self._last_used = self._clock.seconds()
        self._allowed = self._limits.idle

    def _look(self) -> None:
        """Hang up on a client that was silent for too long; else look again.

        What it did not read holds the connection open after a goodbye: so it gets
        one, and no second.
        """
        rest = self._last_used + self._allowed - self._clock.seconds()
        if rest <= 0 and not self._under_way:
            if self._choked or self._dismissed:
                self.transport.abortConnection()
                return
            self._dismissed = True
            self._say_goodbye()
        self._timer = self._clock.callLater(max(rest, 1.0), self._look)
