"""One connection to Redis or Valkey: commands go out, replies come in their order."""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from dotproxy.config.access import is_nearby
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.tls import Identity, Unverified
from dotproxy.wire.message import FormatError
from dotproxy.wire.resp import Refusal, Replies, Reply, command

LOGIN_TIMEOUT = 2.0
"""Seconds that a reply to a password may take: some servers ask others about it."""

TURNS = 2
"""Turns of the reactor from the time that a command is given to that when its reply can
have come: it leaves with the next one, and the reply is read with that after it.  A
server is not late where we are, with more to do in a turn than the limit allows."""

LATE = Refusal("LATE no reply in time")
LOST = Refusal("LOST the connection is gone")

Heard = Callable[[Reply], object]
"""Hear the reply to a command, once; LATE or LOST if there is none."""


class Login(NamedTuple):
    """Who we are there, if anybody, and the number of the database."""

    user: str = ""
    password: str = ""
    database: int = 0

    @property
    def commands(self) -> list[tuple[bytes, ...]]:
        """What is said before all else."""
        words = [each.encode() for each in (self.user, self.password) if each]
        authenticate = [(b"AUTH", *words)] if words else []
        number = b"%d" % self.database
        return authenticate + ([(b"SELECT", number)] if self.database else [])


class _Waiting(NamedTuple):
    until: float
    heard: Heard


@implementer(IHandshakeListener)
class RedisConnection(Protocol):
    """Ask over one connection; who has no reply after `limit` seconds waits no longer.

    `ready` fires with the connection once the server has let us in and has replied to
    a first command within the limit; it fails with UpstreamError if that does not come
    to pass; cancelling it hangs up.  With an `identity` the server proves first who it
    is; without, nothing is said to one that is not of a private network.  From then on
    `on_lost` hears once that the connection is gone, and why.
    """

    transport: Any

    def __init__(
        self, login: Login, identity: Identity | None, clock: IReactorTime, limit: float
    ) -> None:
        self._steps = [*login.commands, (b"PING",)]
        self._identity = identity
        self._clock = clock
        self._limit = limit
        self._replies = Replies()
        self._waiting: deque[_Waiting] = deque()
        self._late = 0
        self._timer: IDelayedCall | None = None
        self._closed = False
        self.ready: Deferred[RedisConnection] = Deferred(lambda _: self.abort())
        self.on_lost: Callable[[str], object] = _to_nobody

    @property
    def under_way(self) -> int:
        """Count the commands without a reply, those that nobody waits for included."""
        return len(self._waiting) + self._late

    def ask(self, words: tuple[bytes, ...], heard: Heard) -> None:
        """Send a command."""
        self._send(words, heard, self._limit)

    def abort(self) -> None:
        """Hang up at once; who waits hears that it is lost."""
        if not self._closed:
            self._close()
            self.transport.abortConnection()

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Log in, if nothing need be proved first."""
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        if self._identity is not None:
            return
        address = self.transport.getPeer().host
        if is_nearby(address):
            self._step()
        else:
            reason = f"{address} is not of a private network: ask it over rediss://"
            self._fail(UpstreamError(reason))

    def handshakeCompleted(self) -> None:
        """Verify the server; not an octet is sent to it before."""
        assert self._identity is not None
        try:
            self._identity.verify(self.transport.getHandle())
        except Unverified as refusal:
            self._fail(refusal)
        else:
            self._step()

    def dataReceived(self, data: bytes) -> None:
        """Give each reply to who waits for it, or to nobody if it is late."""
        try:
            replies = self._replies.feed(data)
        except FormatError as fault:
            self._fail(UpstreamError(f"it does not speak RESP: {fault}"))
            return
        for reply in replies:
            if self._late:
                self._late -= 1
            elif self._waiting:
                self._waiting.popleft().heard(reply)
            else:
                self._fail(UpstreamError("it replies to nothing"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say so, to all whom it concerns."""
        refusal = self._identity.refusal if self._identity else ""
        self._fail(UpstreamError(refusal or reason.getErrorMessage()))

    # Logging in.

    def _step(self) -> None:
        """Take the next step towards being ready."""
        words = self._steps.pop(0)
        limit = LOGIN_TIMEOUT if self._steps else self._limit
        self._send(words, lambda reply: self._stepped(words[0], reply), limit)

    def _stepped(self, name: bytes, reply: Reply) -> None:
        if self._closed:
            return
        if reply not in (b"OK", b"PONG"):
            said = reply.code if isinstance(reply, Refusal) else "something else"
            # No more of it: some servers repeat the command, and so the password.
            reason = f"{name.decode()} has the reply {said}"
            self._fail(UpstreamError(reason))
        elif self._steps:
            self._step()
        else:
            self.ready.callback(self)

    # What is under way.

    def _send(self, words: tuple[bytes, ...], heard: Heard, limit: float) -> None:
        self._waiting.append(_Waiting(self._clock.seconds() + limit, heard))
        if self._timer is None:
            self._timer = self._clock.callLater(limit, self._look)
        self.transport.write(command(*words))

    def _look(self) -> None:
        """Give what was asked up to now the turns that it takes."""
        self._grant(TURNS, self._clock.seconds())

    def _grant(self, turns: int, now: float) -> None:
        then = (self._grant, turns - 1) if turns else (self._expire,)
        self._timer = self._clock.callLater(0, *then, now)

    def _expire(self, now: float) -> None:
        """Tell those who have waited too long; whoever hears it may hang up."""
        while self._waiting and self._waiting[0].until <= now:
            self._late += 1
            self._waiting.popleft().heard(LATE)
        self._timer = None
        if self._waiting:
            pause = max(self._waiting[0].until - self._clock.seconds(), 0)
            self._timer = self._clock.callLater(pause, self._look)

    # The end.

    def _fail(self, error: UpstreamError) -> None:
        """Hang up, and tell who waits for the connection, or else its owner."""
        if self._closed:
            return
        if self.ready.called:
            self.on_lost(str(error))
            self.abort()
        else:
            self.abort()
            self.ready.errback(Failure(error))

    def _close(self) -> None:
        self._closed = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            each.heard(LOST)


def _to_nobody(_: object) -> None:
    """Stand where no owner listens yet."""
