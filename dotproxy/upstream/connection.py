"""One TLS connection to an upstream: many queries under way, answers in any order."""

from collections.abc import Callable
from enum import Enum
from random import Random

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from dotproxy.upstream.asked import Asked
from dotproxy.upstream.interface import UNREACHABLE, UpstreamError
from dotproxy.upstream.tls import Identity, Unverified
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.framing import Frames, frame
from dotproxy.wire.message import HEADER, NOERROR, QR, RCODE, FormatError, fold
from dotproxy.wire.query import outgoing

GRACE = 1.0
"""Seconds for the peer to say goodbye; without a limit it may never (RFC 8446 6.1)."""

FAULTS_BORNE = 8
"""Messages that answer nothing we asked, before the connection is given up."""

RECEIVED_AT_ONCE = 2**16
"""Octets taken from TLS in one go."""


class State(Enum):
    """Where a connection is in its life; it only ever moves down this list."""

    HANDSHAKE = "handshake"
    READY = "ready"
    DRAINING = "draining"
    """Takes no more queries, and ends when those under way are answered."""
    CLOSED = "closed"


@implementer(IHandshakeListener)
class Connection(Protocol):
    """Ask over one connection, under random IDs, and match what comes back.

    `ready` fires with the connection once the peer is verified, and fails with
    UpstreamError if that does not come to pass; cancelling it hangs up.  Not an
    octet of a query is written before.  `on_answer` hears the seconds that each
    answer took, `on_lost` that the connection is gone.
    """

    transport: TLSMemoryBIOProtocol

    def __init__(self, identity: Identity, clock: IReactorTime, random: Random) -> None:
        self._identity = identity
        self._clock = clock
        self._random = random
        self._frames = Frames()
        self._asked: dict[int, Asked] = {}
        self._expired: set[int] = set()
        self._last_answer = self.last_used = clock.seconds()
        self._farewell: IDelayedCall | None = None
        self.state = State.HANDSHAKE
        self.ready: Deferred[Connection] = Deferred(lambda _: self.abort())
        self.on_answer: Callable[[float], None] = _to_nobody
        self.on_lost: Callable[[Connection], None] = _to_nobody
        self.doubt = ""
        """What is wrong with the peer, where the profile lets it pass."""
        self.keepalive: float | None = None
        """Seconds that the server keeps this connection idle, if it said so."""
        self.closed_by_peer = True
        self.answers = self.late = self.faulty = 0

    def __repr__(self) -> str:
        return f"<Connection {self.state.value}, {len(self._asked)} under way>"

    @property
    def under_way(self) -> int:
        """Count the queries that were sent and not answered."""
        return len(self._asked)

    def ask(self, asked: Asked, padding: int) -> None:
        """Send a query under an ID that no other query under way has."""
        number = self._fresh_id()
        now = self._clock.seconds()
        if not self._asked:
            self._last_answer = now
        asked.since = self.last_used = now
        self._asked[number] = asked
        self.transport.write(frame(outgoing(asked.query, number, padding)))

    def silence(self, now: float) -> float:
        """Return for how long the oldest query has waited without any answer coming.

        Only answers end a silence: neither later queries (they would put it off for
        ever) nor octets that never become a message.
        """
        for oldest in self._asked.values():
            return now - max(oldest.since, self._last_answer)
        return 0.0

    def expire(self, now: float) -> None:
        """Fail the queries whose deadline has passed.

        Their IDs are not used again here: an answer may still come.
        """
        over = [n for n, asked in self._asked.items() if asked.query.deadline <= now]
        for number in over:
            self._expired.add(number)
            late = UpstreamError("no answer in time", UNREACHABLE)
            self._asked.pop(number).fail(late)

    def unanswered(self) -> list[Asked]:
        """Return the queries under way, the oldest first."""
        return list(self._asked.values())

    def drain(self) -> None:
        """Take no more queries, and hang up when those under way are answered."""
        if self.state is State.READY:
            self.state = State.DRAINING
        self.close_if_drained()

    def close_if_drained(self) -> None:
        """Hang up politely if draining is done, and less politely after a grace."""
        if self.state is State.DRAINING and not self._asked and not self._farewell:
            self.closed_by_peer = False
            self._farewell = self._clock.callLater(GRACE, self.abort)
            self.transport.loseConnection()

    def abort(self) -> None:
        """Hang up at once."""
        if self.state is not State.CLOSED:
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
            self._refuse(Failure(refusal))
            return
        self.state = State.READY
        self.last_used = self._clock.seconds()
        self.ready.callback(self)

    def dataReceived(self, data: bytes) -> None:
        """Match all that has come, then hang up if that was all to wait for."""
        for message in self._frames.feed(data + self._drained()):
            if self.state not in (State.READY, State.DRAINING):
                return
            self._received(message)
        self.close_if_drained()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say so, to whoever waits for the handshake or else to the owner."""
        before, self.state = self.state, State.CLOSED
        if self._farewell is not None and self._farewell.active():
            self._farewell.cancel()
        if before is State.HANDSHAKE:
            self._refuse(self._refusal(reason))
        else:
            self.on_lost(self)

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
        number = int.from_bytes(message[:2], "big")
        asked = self._asked.get(number)
        if asked is None and number in self._expired:
            self._expired.discard(number)
            self.late += 1
            return
        if asked is None or not _replies_to(message, asked.query.question):
            self._fault()
            return
        del self._asked[number]
        try:
            answer = parse_answer(message)
        except FormatError as fault:
            asked.fail(UpstreamError(f"the answer cannot be read: {fault}"))
            self._fault()
            return
        self._answered(asked, answer)

    def _answered(self, asked: Asked, answer: Answer) -> None:
        now = self._last_answer = self.last_used = self._clock.seconds()
        self.answers += 1
        keepalive = answer.keepalive
        if keepalive is not None:
            self.keepalive = keepalive
            if not keepalive:
                self.drain()
        self.on_answer(now - asked.since)
        asked.settle(answer)

    def _fault(self) -> None:
        self.faulty += 1
        if self.faulty >= FAULTS_BORNE:
            self.abort()

    # What goes out.

    def _fresh_id(self) -> int:
        while True:
            number = self._random.getrandbits(16)
            if number not in self._asked and number not in self._expired:
                return number

    def _refuse(self, failure: Failure) -> None:
        self.abort()
        if not self.ready.called:
            self.ready.errback(failure)

    def _refusal(self, reason: Failure) -> Failure:
        if self._identity.complaint:
            return Failure(Unverified(self._identity.complaint))
        return Failure(UpstreamError(f"no TLS: {_words(reason)}"))


def _replies_to(message: bytes, question: bytes) -> bool:
    """Whether a message answers this question (RFC 7858 section 3.3).

    An error may leave the question away; then the ID must do.
    """
    if len(message) < HEADER.size or not message[2] & QR:
        return False
    if message[4:6] == b"\0\0":
        return message[3] & RCODE != NOERROR
    repeated = message[HEADER.size : HEADER.size + len(question)]
    return message[4:6] == b"\0\1" and (
        repeated == question or fold(repeated) == fold(question)
    )


def _to_nobody(_: object) -> None:
    """Stand where no owner listens yet, or any more."""


def _words(reason: Failure) -> str:
    """Say why a handshake failed; OpenSSL's errors are triples that end in words."""
    error = reason.value
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        return ", ".join(words for _, _, words in error.args[0])
    return reason.getErrorMessage()
