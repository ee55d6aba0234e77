"""A Redis for the tests: it says what it is told to, over a connection in memory."""

from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from dotproxy.upstream.redis import TURNS, Login, RedisConnection
from dotproxy.upstream.tls import Identity
from dotproxy.wire.resp import command

LIMIT = 0.005

NOBODY = Login()


class Turns(Clock):
    """A clock of a reactor: what a turn puts off until at once comes with the next."""

    def advance(self, amount: float) -> None:
        """Let time pass, and take one turn."""
        self.rightNow += amount
        for call in [it for it in self.calls if it.getTime() <= self.rightNow]:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)


class Wire(StringTransport):
    """A connection that notes whether somebody hung up."""

    def __init__(self, peer: str = "127.0.0.1") -> None:
        super().__init__(peerAddress=IPv4Address("TCP", peer, 6379))

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Be asked not to hold back what is small."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Be asked to look after the peer."""

    def getHandle(self) -> Any:
        """Return what a TLS connection would be verified by."""
        return self


class FakeRedis:
    """One connection, and the server at its other end."""

    def __init__(
        self,
        clock: Clock,
        login: Login = NOBODY,
        peer: str = "127.0.0.1",
        identity: object = None,
    ) -> None:
        self.clock = clock
        self.wire = Wire(peer)
        judge = cast("Identity | None", identity)
        self.connection = RedisConnection(login, judge, clock, LIMIT)

    def connect(self) -> None:
        """Let the connection be made."""
        self.connection.makeConnection(self.wire)

    def start(self) -> None:
        """Connect, and reply to the first command."""
        self.connect()
        self.reply(b"+PONG\r\n")
        self.took()

    def took(self) -> bytes:
        """Return what has come since it was asked last."""
        octets = self.wire.value()
        self.wire.clear()
        return octets

    def took_words(self, *words: bytes) -> bool:
        """Whether just this command has come since."""
        return self.took() == command(*words)

    def reply(self, octets: bytes) -> None:
        """Say something."""
        self.connection.dataReceived(octets)

    def value(self, value: bytes) -> None:
        """Reply with a value."""
        self.reply(b"$%d\r\n%b\r\n" % (len(value), value))

    def be_late(self) -> None:
        """Let the limit pass, and the turns that are granted."""
        self.clock.advance(LIMIT)
        for _ in range(TURNS + 1):
            self.clock.advance(0)

    def vanish(self) -> None:
        """Close the connection."""
        self.connection.connectionLost(Failure(ConnectionDone("gone")))

    @property
    def hung_up(self) -> bool:
        """Whether the other end has hung up on us."""
        return self.wire.disconnected or self.wire.disconnecting
