"""The gateway on real sockets: accepted, connected, passed on, drained."""

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from dotproxy.config.spelling import joined
from dotproxy.gateway.admission import Admission
from dotproxy.gateway.connector import connector
from dotproxy.gateway.counts import Counts
from dotproxy.gateway.entrance import Entrance
from dotproxy.gateway.guide import Connects, Guide, Signposts
from dotproxy.gateway.limits import GatewayLimits
from dotproxy.gateway.origins import Origins
from dotproxy.gateway.relay import Common
from dotproxy.gateway.relays import Relays
from dotproxy.gateway.targets import Targets
from dotproxy.local.redirects import Redirects
from tests.hellos import server_name, stream
from tests.redirects import redirect, rules_of

LOOPBACK = "127.0.0.1"
NAME = "www.example.org"
HELLO = stream(server_name(NAME.encode()))


class Hearing(Protocol):
    """A peer that keeps what it hears, and has done so once `gone` fires."""

    def __init__(self) -> None:
        self.heard = b""
        self.first: Deferred[None] = Deferred()
        self.gone: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if not self.first.called:
            self.first.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone.callback(None)


def listening() -> socket.socket:
    bound = socket.socket()
    bound.setblocking(False)
    bound.bind((LOOPBACK, 0))
    bound.listen()
    return bound


class EntranceTests(TestCase):
    timeout = 10

    def setUp(self) -> None:
        self.origin = Hearing()
        factory = Factory.forProtocol(lambda: self.origin)
        port: Any = reactor.listenTCP(0, factory, interface=LOOPBACK)
        self.addCleanup(port.stopListening)
        self.bound = listening()
        self.entrance = self.start((LOOPBACK, port.getHost().port))

    def start(self, backend: tuple[str, int], *sources: str) -> Entrance:
        table = Redirects(rules_of(redirect(NAME, backend=joined(*backend))))
        origins: Any = Origins.__new__(Origins)
        guide = Guide(
            Signposts(table.find),
            origins,
            Targets([self.bound.getsockname()]),
            Connects(*[connector(reactor, sources)] * 2),
        )
        limits = GatewayLimits()
        self.counts = Counts()
        common = Common(guide, limits, self.counts, reactor)
        self.relays = Relays(common, Admission(limits, lambda _: True))
        entrance = Entrance(self.bound, self.relays, reactor)
        entrance.startService()
        return entrance

    async def client(self) -> Hearing:
        endpoint = TCP4ClientEndpoint(reactor, *self.entrance.place)
        client: Hearing = await endpoint.connect(Factory.forProtocol(Hearing))
        return client

    async def stop(self) -> None:
        await self.entrance.stopService()
        await self.relays.drain(0.2)

    async def test_relayed(self) -> None:
        """Octets go to and fro; when both have closed, all is closed."""
        client = await self.client()
        client.transport.write(HELLO)
        await self.origin.first
        self.origin.transport.write(b"answer")
        self.origin.transport.loseConnection()
        await self.origin.gone
        await client.gone
        assert client.heard == b"answer"
        assert self.origin.heard == HELLO
        await self.stop()
        assert self.counts.results == {"done": 1}

    async def test_drained(self) -> None:
        """At the end nobody is accepted, and what is open is broken in the end."""
        client = await self.client()
        client.transport.write(HELLO)
        await self.origin.first
        await self.stop()
        await client.gone
        await self.origin.gone
        with self.assertRaises(ConnectionRefusedError):
            await self.client()
        assert self.counts.results == {"stopped": 1}
        await deferLater(reactor, 0)

    async def test_refused(self) -> None:
        """Who names another server hears an alert, and then the end."""
        client = await self.client()
        client.transport.write(stream(server_name(b"other.example")))
        await client.gone
        assert client.heard == b"\x15\3\3\0\2\2\x70"
        await self.stop()
