"""One TLS connection to an upstream: many queries under way, answers in any order."""

from collections.abc import Callable
from enum import Enum
from random import Random

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from dotproxy.upstream.asked import Asked
from dotproxy.upstream.interface import UNREACHABLE, UpstreamError
from dotproxy.upstream.pending import Pending
from dotproxy.upstream.proof import Proof
from dotproxy.upstream.seen import note_arrived, note_sent
from dotproxy.upstream.tls import Identity, Unverified
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.framing import Frames, frame
from dotproxy.wire.message import FormatError
from dotproxy.wire.query import outgoing

GRACE = 1.0
"""Seconds for the peer to say goodbye; without a limit it may never (RFC 8446 6.1)."""

FAULTS_BORNE = 8
"""Messages that answer nothing we asked, before the connection is given up."""

EXPIRED_BORNE = 1024
"""Queries never answered, before the connection, short of their IDs, is retired."""

SILENCE_BORNE, LAG_BORNE = 1.5, 3.0
"""Seconds that a server may owe an answer, and send none; and that it may be behind
while it does send some, as after a burst."""

RECEIVED_AT_ONCE = 2**16
"""Octets taken from TLS in one go."""


class Ending(Enum):
    """Why a connection ended, as far as is known."""

    PEER = "peer"
    """The server said goodbye."""
    LOST = "lost"
    """It broke off."""
    IDLE = "idle"
    """Nothing was asked for too long."""
    TOLD = "told"
    """The server asked for it (RFC 7828 section 3.4)."""
    SILENT = "silent"
    """It owed an answer for too long."""
    SLEPT = "slept"
    """This machine slept, and who knows what has become of it."""
    FAULTY = "faulty"
    """It brought too much that answers nothing."""
    SPENT = "spent"
    """It ran out of IDs."""
    STOPPED = "stopped"
    """A reload, or the end of the program."""


class State(Enum):
    """Where a connection is in its life; it only ever moves down this list."""

    HANDSHAKE = "handshake"
    READY = "ready"
    DRAINING = "draining"
    """Takes no more queries, and ends when those under way are answered."""
    CLOSING = "closing"
    """Hears nothing any more."""
    CLOSED = "closed"


@implementer(IHandshakeListener)
class Connection(Protocol):
    """Ask over one connection, under random IDs, and match what comes back.

    `ready` fires with the connection once the peer is verified, and fails with
    UpstreamError if that does not come to pass; cancelling it hangs up.  Not an
    octet of a query is written before.  From then on `on_answer` hears the seconds
    that each answer took, `on_failed` of queries that get none here, and `on_lost`
    that the connection is gone.
    """

    transport: TLSMemoryBIOProtocol

    def __init__(self, identity: Identity, clock: IReactorTime, random: Random) -> None:
        self._identity = identity
        self._clock = clock
        self._frames = Frames()
        self._farewell: IDelayedCall | None = None
        self.pending = Pending(random)
        self.state = State.HANDSHAKE
        self.ready: Deferred[Connection] = Deferred(lambda _: self.abort())
        self.on_answer: Callable[[float], object] = _to_nobody
        self.on_failed: Callable[[Asked, UpstreamError], object] = _to_nobody
        self.on_lost: Callable[[], object] = _to_nobody
        self.doubt = ""
        """What is wrong with the peer, where the profile lets it pass."""
        self.keepalive: float | None = None
        """Seconds that the server keeps this connection idle, if it said so."""
        self.last_used = self.since = self._heard_at = clock.seconds()
        self.closed_by_peer = True
        self.ending: Ending | None = None
        self.drained = False
        """Whether it was told to take no more queries."""
        self.answers = 0

    @property
    def proof(self) -> Proof | None:
        """What the peer showed."""
        return self._identity.proof

    def __repr__(self) -> str:
        return f"<Connection {self.state.value}, {len(self.pending)} under way>"

    def ask(self, asked: Asked, padding: int) -> None:
        """Send a query, in a TLS record of its own.

        Several in one would save some work, but nsd and dnsdist were seen to answer
        the first, and to leave the others until another record comes.
        """
        self.last_used = self._clock.seconds()
        number = self.pending.add(asked, self.last_used)
        message = outgoing(asked.query, number, padding)
        if asked.query.trace is not None:
            note_sent(asked.query.trace, self, message)
        self.transport.write(frame(message))

    def expire(self, now: float) -> None:
        """Fail the queries whose deadline has passed."""
        for asked in self.pending.expire(now):
            self.on_failed(asked, UpstreamError("no answer in time", UNREACHABLE))
        if self.pending.expired > EXPIRED_BORNE:
            self.drain(Ending.SPENT)

    def overdue(self, now: float) -> bool:
        """Whether the server owes an answer for so long that it is not to be trusted.

        One that is slow with a burst is not dead: to ask it all again would make it
        slower still.
        """
        lag = self.pending.lag(now)
        return lag >= LAG_BORNE or min(lag, now - self._heard_at) >= SILENCE_BORNE

    def drain(self, why: Ending = Ending.STOPPED) -> None:
        """Take no more queries, and hang up when those under way are answered."""
        if self.state is State.READY:
            self.state = State.DRAINING
            self.drained = True
            self.ending = why
        self.close_if_drained()

    def close_if_drained(self) -> None:
        """Hang up politely if draining is done, and less politely after a grace."""
        if self.state is State.DRAINING and not self.pending and not self._farewell:
            self.closed_by_peer = False
            self._farewell = self._clock.callLater(GRACE, self.abort)
            self.transport.loseConnection()

    def abort(self, why: Ending = Ending.STOPPED) -> None:
        """Hang up at once."""
        if self.state not in (State.CLOSING, State.CLOSED):
            self.state = State.CLOSING
            self.ending = self.ending or why
            self.closed_by_peer = False
            self.transport.abortConnection()

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Send small messages at once: Nagle's algorithm would hold them back."""
        self.transport.setTcpNoDelay(True)

    def handshakeCompleted(self) -> None:
        """Verify the peer; only then is the connection ready.

        That the handshake is complete proves nothing: some versions of Twisted say
        so after a refusal, too.
        """
        try:
            self.doubt = self._identity.verify(self.transport.getHandle())
        except Unverified as refusal:
            self._refuse(refusal)
            return
        self.state = State.READY
        self.since = self.last_used = self._clock.seconds()
        self.ready.callback(self)

    def dataReceived(self, data: bytes) -> None:
        """Match all that has come, then hang up if that was all to wait for."""
        for message in self._frames.feed(data + self._drained()):
            if self.state in (State.READY, State.DRAINING):
                self._received(message)
        self.close_if_drained()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say so, to whoever waits for the handshake or else to the owner."""
        self.state = State.CLOSED
        if self.ending is None:
            said = reason.check(ConnectionDone) is not None
            self.ending = Ending.PEER if said else Ending.LOST
        if self._farewell is not None and self._farewell.active():
            self._farewell.cancel()
        if self.ready.called:
            self.on_lost()
        elif self._identity.refusal:
            self._refuse(Unverified(self._identity.refusal))
        else:
            self._refuse(UpstreamError(f"no TLS: {_words(reason)}"))

    # What comes in.

    def _drained(self) -> bytes:
        """Take what TLS holds already: servers send a record for each answer.

        Parsing them all at once saves a fifth of the work.  Whatever is wrong with
        the stream, Twisted meets again when it reads on.
        """
        receive = self.transport.getHandle().recv
        pieces = []
        try:
            while True:
                pieces.append(receive(RECEIVED_AT_ONCE))
        except SSL.Error:
            return b"".join(pieces)

    def _received(self, message: bytes) -> None:
        now = self._clock.seconds()
        sent = self.pending.take(message)
        if sent is not None:
            self.last_used = self._heard_at = now
            if sent.asked.query.trace is not None:
                note_arrived(sent.asked.query.trace, message)
            try:
                self._answered(sent.asked, parse_answer(message), now - sent.at)
            except FormatError as fault:
                self.pending.faulty += 1
                reason = f"the answer cannot be read: {fault}"
                self.on_failed(sent.asked, UpstreamError(reason))
        if self.pending.faulty >= FAULTS_BORNE:
            self.abort(Ending.FAULTY)

    def _answered(self, asked: Asked, answer: Answer, seconds: float) -> None:
        self.answers += 1
        keepalive = answer.keepalive
        if keepalive is not None:
            self.keepalive = keepalive
            if not keepalive:
                self.drain(Ending.TOLD)
        self.on_answer(seconds)
        asked.settle(answer)

    def _refuse(self, error: UpstreamError) -> None:
        self.abort()
        if not self.ready.called:
            self.ready.errback(Failure(error))


def _to_nobody(*_: object) -> None:
    """Stand where no owner listens yet, or any more."""


def _words(reason: Failure) -> str:
    """Say why a handshake failed; OpenSSL's errors are triples that end in words."""
    error = reason.value
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        return ", ".join(words for _, _, words in error.args[0])
    return reason.getErrorMessage()
