"""One address that is served over TLS."""

import socket
from typing import Any, cast

import dns.message
from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from dotproxy.config.model import Listen
from dotproxy.server.credentials import read_credentials
from dotproxy.server.encryption import Encryption
from dotproxy.server.limits import Limits
from dotproxy.server.sockets import bind_stream
from dotproxy.server.stream import BUFFER
from dotproxy.server.stream_listener import StreamListener
from dotproxy.upstream.interface import IUpstream
from tests.clients import Address, Held, TcpClient, Zone, numbers, query
from tests.credentials import folder_of, issue, write
from tests.handshakes import client
from tests.messages import odd_option
from tests.test_factory import make_factory

LOOPBACK = "127.0.0.1"

LIMITS = Limits(first_query=5, idle=10)


@implementer(IOpenSSLClientConnectionCreator)
class Trusting:
    """Begin TLS with whomever."""

    def clientConnectionForTLS(self, _: object) -> SSL.Connection:
        return client()


class TlsClient(TcpClient):
    """A client whose transport has no socket of its own."""

    def connectionMade(self) -> None:
        pass


class StreamListenerTests(TestCase):
    timeout = 10

    def start(self, upstream: IUpstream, limits: Limits = LIMITS) -> Address:
        """Serve with this upstream behind, and return where."""
        bound = bind_stream(LOOPBACK, 0)
        where: Address = bound.getsockname()
        encryption = Encryption()
        files = write(folder_of(self.addCleanup), issue("dns.example"))
        encryption.use(read_credentials([files]))
        self.clock = Clock()
        self.factory = make_factory(upstream, self.clock, limits=limits)
        listen = Listen(LOOPBACK, 0, encrypted=True)
        self.listener = StreamListener(bound, listen, self.factory, encryption, reactor)
        assert self.listener.address == f"tls://127.0.0.1:{where[1]}"
        self.listener.startService()
        self.addCleanup(self.stop)
        return where

    async def stop(self) -> None:
        if self.listener.running:
            await self.listener.stopService()

    async def tls(self, where: Address) -> TlsClient:
        plain = HostnameEndpoint(reactor, *where)
        endpoint = wrapClientTLS(Trusting(), plain)
        made: TlsClient = await endpoint.connect(Factory.forProtocol(TlsClient))
        # Twisted cannot abort what is over already.
        self.addCleanup(lambda: made.gone.called or made.transport.abortConnection())
        return made

    def tcp(self, where: Address) -> socket.socket:
        made = socket.create_connection(where, 5)
        self.addCleanup(made.close)
        made.setblocking(False)
        return made

    async def closed(self, plain: socket.socket) -> None:
        """Wait until the other side has hung up."""
        while True:
            try:
                if not plain.recv(1000):
                    return
            except BlockingIOError:
                await deferLater(reactor, 0.001)
            except ConnectionResetError:
                return

    async def until(self, count: int) -> None:
        """Wait until so many clients are in."""
        while len(self.factory.streams) != count:
            await deferLater(reactor, 0.001)

    async def test_pipelined(self) -> None:
        """Many queries on end are all answered."""
        asks = await self.tls(self.start(Zone()))
        asks.ask(*(query(number, f"n{number}.lab.example") for number in range(200)))
        while len(asks.replies) < 200:
            self.clock.advance(0)
            await deferLater(reactor, 0.001)
        assert sorted(numbers(asks.replies)) == list(range(200))

    async def test_out_of_order(self) -> None:
        """Replies go out as the answers come (RFC 7766 section 7)."""
        upstream = Held()
        asks = await self.tls(self.start(upstream))
        asks.ask(query(1), query(2, "ns.lab.example"))
        while len(upstream.asked) < 2:
            await deferLater(reactor, 0.001)
        upstream.answer(1)
        assert numbers(await asks.told(1)) == [2]
        upstream.answer(0)
        assert numbers(await asks.told(2)) == [2, 1]

    async def test_padded(self) -> None:
        """Who pads its query gets whole blocks, and who does not, does not."""
        asks = await self.tls(self.start(Zone()))
        plain = dns.message.make_query("www.lab.example", "A", id=1, use_edns=0)
        padded = dns.message.make_query(
            "www.lab.example", "A", id=2, options=[odd_option(12, bytes(9))]
        )
        asks.ask(plain.to_wire(), padded.to_wire())
        sizes = {reply[1]: len(reply) for reply in await asks.told(2)}
        assert sizes[2] == 468
        assert sizes[1] < 200

    async def test_slow_reader(self) -> None:
        """Octets unsent are counted where they are: below TLS."""
        asks = await self.tls(self.start(Zone()))
        asks.ask(query(1))
        await asks.told(1)
        (stream,) = cast(list[Any], list(self.factory.streams))
        assert stream.transport.transport.bufferSize == BUFFER

    async def test_slow_handshake(self) -> None:
        """Who does not come to the point is hung up on, like anybody."""
        where = self.start(Zone())
        silent = self.tcp(where)
        slow = self.tcp(where)
        slow.send(b"\x16\3\1\2\0\1")
        await self.until(2)
        self.clock.advance(4.9)
        assert len(self.factory.streams) == 2
        self.clock.advance(0.2)
        await self.closed(silent)
        await self.closed(slow)
        await self.until(0)

    async def test_no_tls(self) -> None:
        """What is no TLS ends the connection at once, and is no bug of ours."""
        where = self.start(Zone())
        for octets in (b"GET / HTTP/1.0\r\n\r\n", bytes(100), b"\x15\3\3\0\2\1\0"):
            plain = self.tcp(where)
            plain.send(octets)
            await self.closed(plain)
        await self.until(0)

    async def test_limit(self) -> None:
        """Clients over TLS count like those over TCP: one too many turns out one."""
        where = self.start(Zone(), Limits(per_client=1))
        first = self.tcp(where)
        await self.until(1)
        asks = await self.tls(where)
        await self.closed(first)
        asks.ask(query(1))
        await asks.told(1)

    async def test_drain(self) -> None:
        """Who asked gets a reply and a goodbye; who comes later is not served."""
        upstream = Held()
        where = self.start(upstream)
        asks = await self.tls(where)
        asks.ask(query(1))
        while not upstream.asked:
            await deferLater(reactor, 0.001)
        self.listener.drain()
        await deferLater(reactor, 0.02)
        assert self.listener.owes
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(where, 5)
        upstream.answer(0)
        assert await asks.gone
        assert numbers(asks.replies) == [1]
        await self.until(0)
        assert not self.listener.owes

    async def test_stop(self) -> None:
        """Who stops hangs up on all, in the middle of a handshake, too."""
        where = self.start(Held())
        asks, plain = await self.tls(where), self.tcp(where)
        await self.until(2)
        stopping: Deferred[Any] = self.listener.stopService()
        await stopping
        await asks.gone
        await self.closed(plain)
        await self.until(0)
