"""All addresses that are served, some of which come and go."""

import errno
import socket

from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from dotproxy.config.certificate import Certificate
from dotproxy.config.model import DEFAULT_LISTEN, Config, ConfigError, Listen
from dotproxy.local.designation import Designated
from dotproxy.server import listeners as module
from dotproxy.server.listeners import Listeners
from dotproxy.server.sockets import ListenError, Sockets, bind
from dotproxy.upstream.interface import IUpstream
from tests.clients import Address, Held, UdpClient, Zone, numbers, query
from tests.credentials import folder_of, issue, write
from tests.test_factory import make_factory

LOOPBACK = "127.0.0.1"
ONE, TWO = Listen(LOOPBACK, 0), Listen("127.0.0.2", 0)


def configured(*listen: Listen) -> Config:
    return Config(listen, (), lab=True)


class ListenersTests(TestCase):
    """The sockets are those of the system."""

    timeout = 10

    def start(self, upstream: IUpstream, *listen: Listen) -> None:
        self.listeners = Listeners(make_factory(upstream, Clock()), reactor)
        self.change(*listen)
        self.listeners.startService()
        self.addCleanup(self.listeners.stopService)

    def change(self, *listen: Listen) -> None:
        """Serve these from now on."""
        config = configured(*listen)
        self.listeners.serve(config, self.listeners.bind(config))

    def where(self, place: int = 0) -> Address:
        host, _, port = self.listeners.addresses[place].rpartition(":")
        return host, int(port)

    def udp(self) -> UdpClient:
        client = UdpClient()
        port = reactor.listenUDP(0, client, interface=LOOPBACK)
        self.addCleanup(port.stopListening)
        return client

    async def until_closed(self, where: Address) -> None:
        """Wait until an address may be bound."""
        while True:
            try:
                bind(*where).close()
                return
            except ListenError:
                await deferLater(reactor, 0.01)


class ChangeTests(ListenersTests):
    """Another configuration, while the service runs."""

    async def test_add(self) -> None:
        """An address is added, and the one that stays is not touched."""
        self.start(Zone(), ONE)
        before = self.where()
        self.change(TWO, ONE)
        assert self.where() == before
        for place in (0, 1):
            reply = await self.udp().ask(query(place), self.where(place))
            assert numbers([reply]) == [place]

    async def test_remove(self) -> None:
        """One that is removed is closed, and the other stays."""
        self.start(Zone(), ONE, TWO)
        gone = self.where(1)
        self.change(ONE)
        assert len(self.listeners.addresses) == 1
        await self.until_closed(gone)
        assert numbers([await self.udp().ask(query(1), self.where())]) == [1]
        assert not self.listeners.owe

    async def test_remove_under_way(self) -> None:
        """Who asked there before still gets a reply."""
        upstream = Held()
        self.start(upstream, ONE, TWO)
        gone = self.where(1)
        replying = self.udp().ask(query(1), gone)
        while not upstream.asked:
            await deferLater(reactor, 0.001)
        self.change(ONE)
        await deferLater(reactor, 0.1)
        assert self.listeners.owe
        upstream.answer(0)
        assert numbers([await replying]) == [1]
        await self.until_closed(gone)

    async def test_remove_in_vain(self) -> None:
        """Whom nobody answers there holds the address open only for so long."""
        self.patch(module, "LONGEST_DRAIN", 0.1)
        upstream = Held()
        self.start(upstream, ONE, TWO)
        gone = self.where(1)
        self.udp().transport.write(query(1), gone)
        while not upstream.asked:
            await deferLater(reactor, 0.001)
        self.change(ONE)
        await self.until_closed(gone)

    async def test_stop_while_leaving(self) -> None:
        """The end comes at once, also for one that is being removed."""
        upstream = Held()
        self.start(upstream, ONE, TWO)
        gone = self.where(1)
        self.udp().transport.write(query(1), gone)
        while not upstream.asked:
            await deferLater(reactor, 0.001)
        self.change(ONE)
        await self.listeners.stopService()
        bind(*gone).close()

    async def test_inherited(self) -> None:
        """A socket that is bound already is served in place of one of ours."""
        self.start(Zone(), ONE)
        before, sockets = self.where(), bind("127.0.0.2", 0)
        address = sockets.udp.getsockname()
        inherited = {Listen(*address): sockets}
        config = configured(ONE, *inherited)
        bound = self.listeners.bind(config, inherited)
        assert bound.sockets == inherited
        self.listeners.serve(config, bound)
        assert [self.where(0), self.where(1)] == [before, address]
        assert numbers([await self.udp().ask(query(1), address)]) == [1]

    async def test_same(self) -> None:
        """Where all stays nothing is bound."""
        self.start(Zone(), ONE, TWO)
        assert self.listeners.bind(configured(TWO, ONE)).sockets == {}


class TLSTests(ListenersTests):
    """Listeners over TLS among them."""

    def change_to(self, files: Certificate | None, *listen: Listen) -> None:
        config = replace(
            Config((ONE,), (), lab=True, certificate=(files,) if files else ()),
            listen=listen,
        )
        self.listeners.serve(config, self.listeners.bind(config))

    async def test_designated(self) -> None:
        """Clients are told what is served over TLS: ports, addresses and the name."""
        files = write(folder_of(self.addCleanup), issue("dns.example"))
        self.start(Zone(), ONE)
        assert self.listeners.designated() == []
        self.change_to(files, ONE, Listen(LOOPBACK, 0, True))
        plain, encrypted = self.listeners.addresses
        port = int(encrypted.rpartition(":")[2])
        assert encrypted == f"tls://127.0.0.1:{port}"
        assert plain.startswith("127.0.0.1:")
        name = b"\3dns\7example\0"
        assert self.listeners.designated() == [Designated(name, port, (LOOPBACK,))]
        self.change_to(files, ONE)
        assert self.listeners.designated() == []

    async def test_nameless(self) -> None:
        """Without a name that can be asked for, nothing is told."""
        files = write(folder_of(self.addCleanup), issue("not a name"))
        self.start(Zone(), ONE)
        self.change_to(files, Listen(LOOPBACK, 0, True))
        assert self.listeners.designated() == []

    async def test_faulty(self) -> None:
        """A certificate that is no good changes nothing, and binds nothing."""
        folder = folder_of(self.addCleanup)
        files = write(folder, issue("dns.example"))
        self.start(Zone(), ONE)
        write(folder, issue("dns.example"), "other")
        mixed = Certificate(files.chain, str(folder / "other.key"))
        with self.assertRaises(ConfigError):
            self.change_to(mixed, ONE, Listen(LOOPBACK, 0, True))
        assert len(self.listeners.addresses) == 1


class FaultTests(ListenersTests):
    """What cannot be bound changes nothing."""

    def refused(self, *listen: Listen) -> ConfigError:
        with self.assertRaises(ConfigError) as caught:
            self.listeners.bind(configured(*listen))
        return caught.exception

    async def test_taken(self) -> None:
        """If one of two is taken, the other is given back, and all is as before."""
        self.start(Zone(), ONE)
        sockets, free = bind("127.0.0.2", 0), bind("127.0.0.3", 0)
        self.addCleanup(sockets.close)
        _, taken = sockets.udp.getsockname()
        _, port = free.udp.getsockname()
        free.close()
        fault = self.refused(ONE, Listen("127.0.0.3", port), Listen("127.0.0.2", taken))
        assert f"listen 127.0.0.2:{taken} (UDP): already in use: stop" in str(fault)
        bind("127.0.0.3", port).close()
        assert len(self.listeners.addresses) == 1
        assert numbers([await self.udp().ask(query(1), self.where())]) == [1]

    async def test_ourselves(self) -> None:
        """Where it is ourselves who have it, the fault says what to do."""
        self.start(Zone(), ONE)
        _, port = self.where()
        fault = self.refused(Listen("0.0.0.0", port))
        assert str(fault) == (
            f"listen 0.0.0.0:{port} meets 127.0.0.1:{port}, which is served until now:"
            " remove that first, and add this by another reload, or restart"
        )

    async def test_no_room(self) -> None:
        """So it is where there is no room for the copies that Twisted makes."""
        self.start(Zone(), ONE)
        bound: list[Sockets] = []

        class Last(socket.socket):
            def dup(self) -> "Last":
                raise OSError(errno.EMFILE, "Too many open files")

        def bind_last(host: str, port: int) -> Sockets:
            udp = Last(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind((host, 0))
            bound.append(Sockets(udp, socket.socket()))
            return bound[-1]

        self.patch(module, "bind", bind_last)
        assert "Too many open files" in str(self.refused(ONE, TWO))
        assert [each.fileno() for each in bound[0]] == [-1, -1]

    async def test_no_ipv6(self) -> None:
        """The default still does without IPv6 where the machine has none."""
        self.start(Zone(), ONE)

        def missing(host: str, port: int) -> Sockets:
            raise ListenError(host, OSError(errno.EADDRNOTAVAIL, "no"))

        self.patch(module, "bind", missing)
        config = replace(configured(ONE), listen=DEFAULT_LISTEN)
        assert self.listeners.bind(config).sockets == {}
