"""One address that is served, over UDP and TCP."""

import socket
from unittest import SkipTest

from twisted.internet import reactor
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from dotproxy.server.listener import Listener
from dotproxy.server.sockets import ListenError, bind
from dotproxy.upstream.interface import IUpstream
from tests.clients import Address, Held, TcpClient, UdpClient, Zone, numbers, query
from tests.test_factory import make_factory

LOOPBACK = "127.0.0.1"


class ListenerTests(TestCase):
    timeout = 5

    def start(self, upstream: IUpstream, host: str = LOOPBACK) -> Address:
        """Serve with this upstream behind, and return where."""
        self.sockets = bind(host, 0)
        where: Address = self.sockets.udp.getsockname()[:2]
        self.factory = make_factory(upstream, Clock())
        self.listener = Listener(self.sockets, self.factory, reactor)
        self.listener.startService()
        self.addCleanup(self.stop)
        return where

    async def stop(self) -> None:
        if self.listener.running:
            await self.listener.stopService()

    def udp(self, host: str = LOOPBACK) -> UdpClient:
        client = UdpClient()
        port = reactor.listenUDP(0, client, interface=host)
        self.addCleanup(port.stopListening)
        return client

    async def tcp(self, where: Address) -> TcpClient:
        endpoint = HostnameEndpoint(reactor, *where)
        client: TcpClient = await endpoint.connect(Factory.forProtocol(TcpClient))
        self.addCleanup(client.transport.abortConnection)
        return client

    async def test_address(self) -> None:
        """The address that is served can be asked for, before and after the start."""
        where = self.start(Zone())
        assert self.listener.address == f"127.0.0.1:{where[1]}"

    async def test_both(self) -> None:
        """Queries are answered over UDP and over TCP."""
        where = self.start(Zone())
        reply = await self.udp().ask(query(1), where)
        assert reply[:4] == b"\0\1\x81\x80"
        client = await self.tcp(where)
        client.ask(query(2))
        assert numbers(await client.told(1)) == [2]
        assert client.replies[0][2:] == reply[2:]

    async def test_ipv6(self) -> None:
        """IPv6 clients are answered, too."""
        try:
            where = self.start(Zone(), "::1")
        except ListenError as fault:
            if fault.absent:
                raise SkipTest("this machine has no IPv6") from None
            raise
        reply = await self.udp("::1").ask(query(1), where)
        assert numbers([reply]) == [1]
        client = await self.tcp(where)
        client.ask(query(2))
        assert numbers(await client.told(1)) == [2]

    async def test_long_answer(self) -> None:
        """What is too long for a datagram is had over TCP (RFC 7766 section 5)."""
        where = self.start(Zone())
        wish = query(1, "big.lab.example", "TXT")
        cut_short = await self.udp().ask(wish, where)
        assert cut_short[2] & 0x02
        client = await self.tcp(where)
        client.ask(wish)
        (whole,) = await client.told(1)
        assert not whole[2] & 0x02
        assert len(whole) > 2900

    async def test_copies(self) -> None:
        """The sockets that were bound are given back, Twisted has its own."""
        self.start(Zone())
        assert [each.fileno() for each in self.sockets] == [-1, -1]

    async def test_stop(self) -> None:
        """Who stops hangs up on the clients, and gives the address back."""
        upstream = Held()
        where = self.start(upstream)
        clients = [await self.tcp(where), await self.tcp(where)]
        clients[0].ask(query(1))
        self.udp().transport.write(query(2, "ns.lab.example"), where)
        while len(upstream.asked) < 2:
            await deferLater(reactor, 0.001)
        await self.listener.stopService()
        assert not self.listener.running
        assert [await client.gone for client in clients] == [False, False]
        upstream.answer(0, 1)
        assert len(self.factory.streams) == 0
        bind(*where).close()

    async def test_nobody_there(self) -> None:
        """After the end, nobody is let in."""
        where = self.start(Zone())
        await self.listener.stopService()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(where, 5)

    async def test_drain(self) -> None:
        """Who asked gets a reply; who comes later is not served."""
        upstream = Held()
        where = self.start(upstream)
        stream, datagrams = await self.tcp(where), self.udp()
        stream.ask(query(1))
        replying = datagrams.ask(query(2, "ns.lab.example"), where)
        while len(upstream.asked) < 2:
            await deferLater(reactor, 0.001)
        self.listener.drain()
        datagrams.transport.write(query(3, "mx.lab.example"), where)
        stream.ask(query(4, "mx.lab.example"))
        await deferLater(reactor, 0.02)
        assert len(upstream.asked) == 2
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(where, 5)
        assert self.listener.owes
        over_tcp, over_udp = upstream.numbers.index(1), upstream.numbers.index(2)
        upstream.answer(over_tcp)
        assert await stream.gone
        assert numbers(stream.replies) == [1]
        assert self.listener.owes
        upstream.answer(over_udp)
        assert self.listener.owes, "the reply has not left yet"
        assert numbers([await replying]) == [2]
        assert not self.listener.owes

    async def test_others(self) -> None:
        """Clients that came in at another address stay."""
        where = self.start(Zone())
        sockets = bind(LOOPBACK, 0)
        there: Address = sockets.udp.getsockname()[:2]
        other = Listener(sockets, self.factory, reactor)
        other.startService()
        mine, others = await self.tcp(where), await self.tcp(there)
        for client in (mine, others):
            client.ask(query(1))
            await client.told(1)
        other.drain()
        await other.stopService()
        await others.gone
        mine.ask(query(2))
        assert numbers(await mine.told(2)) == [1, 2]
