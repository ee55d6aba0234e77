"""DNS over TCP, towards the clients (RFC 7766).

1. A client may send many queries on end; each is answered when its answer is
   there, in any order.
2. There are only so many under way at once; what came beyond waits, and no more
   is read meanwhile.  A few are begun in each turn; see `Turns`.
3. A client that does not read its answers gets no new query begun.
4. One that closes its side still gets the answers to what it asked.
5. Silence ends the connection: soon before the first query, later between two.
   So does what is no query: there is no telling what would come next.
"""

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorTime,
    ISSLTransport,
)
from twisted.internet.protocol import connectionDone
from twisted.names.dns import DNSProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from dotproxy.journal.note import DOT, TCP, Transport
from dotproxy.server.clients import Clients
from dotproxy.server.pace import Pace
from dotproxy.server.responder import Responder
from dotproxy.server.speech import Begin, Plain, Speech
from dotproxy.server.turns import PORTION, Turns

if TYPE_CHECKING:
    from twisted.internet.tcp import Server

    from dotproxy.server.behalf import Behalf

BUFFER = 16 * 1024
"""Octets read in one go, and octets unsent at which a client counts as one that does
not read: Twisted has one number for both.  Few, for there may be thousands."""


GRAIN = 0.5
"""Seconds to which the order is kept in which clients were last of use: to keep it for
each query would cost more than it tells."""


@implementer(IHalfCloseableProtocol, IPushProducer)
class StreamProtocol(DNSProtocol):
    """One TCP client.  `lost` fires with None when its connection is gone.

    `network` says whose it is, for the limits; see `network_of`.
    """

    controller: Responder
    transport: "Server"
    network: str | bytes = ""
    source: str | None = None
    """The client's address, for the journal."""

    def __init__(
        self,
        controller: Responder,
        clock: IReactorTime,
        clients: Clients,
        turns: Turns,
    ) -> None:
        super().__init__(controller, clock)
        self.lost: Deferred[None] = Deferred()
        self._clock = clock
        self._clients = clients
        self._limits = clients.limits
        self._turns = turns
        self.begin: Begin | None = None
        """How the client speaks, as its first octets tell; None if that is settled."""
        self._speech: Speech = Plain()
        self.behalf: Behalf | None = None
        """Who knows for whom the client asks, if it is a proxy that says so."""
        self._under_way = 0
        self._choked = False
        self._finished = False
        self._dismissed = False
        self._gone = False
        self.proto: Transport = TCP
        self._gathered = 0
        self._gathering = False
        self._last_used = self._last_told = clock.seconds()
        self._allowed = self._limits.first_query
        self._timer: IDelayedCall | None = None
        self.pace = Pace(clock)

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Start the clock, and ask to be told when the client does not read."""
        super().connectionMade()
        self.transport.setTcpNoDelay(True)
        tcp: Any = self.transport
        if ISSLTransport.providedBy(self.transport):
            tcp = tcp.transport
            if self.proto == TCP:
                self.proto = DOT
        tcp.bufferSize = BUFFER
        self.transport.registerProducer(self, True)
        self._timer = self._clock.callLater(self._allowed, self._look)

    def dataReceived(self, data: bytes) -> None:
        """Begin what has come as a whole; keep what is beyond the limit.

        After `finish` no query is taken.  All is read, though: closing with octets
        unread resets a connection, and the last replies would be lost.
        """
        if self._dismissed:
            return
        if self.begin is not None:
            agreed = getattr(self.transport, "negotiatedProtocol", None)
            begun = self.begin(data, agreed)
            if begun is None:
                return
            self._speech, self.begin = begun, None
        speech = self._speech
        held = speech.held
        speech.feed(data)
        if speech.wishes:
            self._touch()
        if speech.held < held:
            self._clients.left(self, speech.held)
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
            self._plan()

    def resumeProducing(self) -> None:
        """Go on: the client has read."""
        self._choked = False
        self._clients.read(self)
        self._work()

    def stopProducing(self) -> None:
        """Begin nothing new: the connection is going."""
        self._choked = True

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Drop what waits; answers that still come are dropped as they do."""
        super().connectionLost(reason)
        self._gone = True
        self._speech.wishes.clear()
        self._turns.leave(self._work)
        self.pace.stop()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self.lost.callback(None)

    def turn_out(self) -> None:
        """Hang up at once: this one costs too much, or another needs the place."""
        self._gone = True
        self._speech.wishes.clear()
        self.transport.abortConnection()

    # Queries in, answers out.

    def finish(self) -> None:
        """Take no more queries; answer those that have come, then close."""
        if not self._finished:
            self._finished = True
            self._speech.farewell()
            self.transport.resumeProducing()
            self._work()

    def _work(self) -> None:
        """Begin a few, if there is room, and see what is next."""
        turns = self._turns
        least = turns.left - PORTION if turns.left > PORTION else 0
        self._gathering = True
        while (
            self._speech.wishes
            and turns.left > least
            and not turns.crowded
            and self._may_begin()
            and self._is_due()
        ):
            turns.left -= 1
            self._begin(*self._speech.wishes.popleft())
        self._gathering = False
        self._write()
        self._plan()

    def _plan(self) -> None:
        """Wait for the next turn; read on, or not, or say goodbye."""
        if self._gone:
            return
        waiting = self._speech.wishes
        if waiting and self._may_begin():
            self._turns.wait(self._work)
        if self._finished or self._speech.over:
            self._finished = True
            if not (waiting or self._under_way or self._speech.held):
                self._say_goodbye()
        elif self._choked or (waiting and not self._speech.held) or self._speech.full:
            # Who has no room makes it by what is read.
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    def _may_begin(self) -> bool:
        room = not (self._choked or self._speech.held or self.pace.holds)
        wishes = len(self._speech.wishes) > 0
        return room and wishes and self._under_way < self._limits.under_way

    def _is_due(self) -> bool:
        """Count the next query for the client's rate; False if that has to wait."""
        if self.pace.is_due(self._work):
            return True
        self._speech.thin_out()
        return False

    def _begin(self, message: bytes, number: int) -> None:
        responder, source = self.controller, self.source
        if self.behalf is not None:
            responder, source = self.behalf.of(self._speech, number)
        reply = responder.respond(message, self.proto, source)
        if isinstance(reply, bytes):
            self._send(reply, number)
        elif reply is not None:
            self._under_way += 1
            self._turns.begun()
            reply.addCallback(self._answered, number)
        else:
            self._speech.refuse(number, responder.refusal)
            if self._speech.over:
                self.transport.pauseProducing()

    def _answered(self, reply: bytes, number: int) -> None:
        """Send, and leave what is next to another turn: this one is an answer's."""
        self._under_way -= 1
        self._turns.ended()
        if not self._gone:
            self._touch()
            self._send(reply, number)
            self._plan()

    def _send(self, reply: bytes, number: int) -> None:
        self._speech.say(number, reply)
        if self._choked or self._speech.held:
            self._clients.keep(self, len(reply), self._clock.seconds())
        self._gathered += len(reply)
        if not self._gathering or self._gathered > BUFFER:
            self._write()

    def _write(self) -> None:
        """Write what was gathered, as one segment, and over TLS as one record."""
        unsent = self._speech.take()
        if unsent and not self._gone:
            self.transport.write(unsent)
        self._gathered = 0

    def _say_goodbye(self) -> None:
        """Close once the client has read all; Twisted waits for producers first."""
        if self._dismissed:
            return
        self._dismissed = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    # Time.

    def _touch(self) -> None:
        self._last_used = now = self._clock.seconds()
        self._allowed = self._limits.idle
        if now - self._last_told > GRAIN:
            self._last_told = now
            self._clients.touch(self)

    def _look(self) -> None:
        """Hang up on a client that was silent for too long; else look again.

        What it did not read holds the connection open after a goodbye: so it gets
        one, and no second.
        """
        rest = self._last_used + self._allowed - self._clock.seconds()
        if rest <= 0 and not (self._under_way or self._may_begin()):
            if self._choked or self._dismissed or self._speech.held:
                self.transport.abortConnection()
                return
            self._say_goodbye()
        self._timer = self._clock.callLater(max(rest, 1.0), self._look)
