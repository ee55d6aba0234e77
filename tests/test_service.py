"""The whole: joined, started and stopped."""

import errno
import gc
import os
import signal
import socket
import time

import dns.message
from msgspec.structs import replace
from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

import dotproxy
from dotproxy.cache_file import CacheFile
from dotproxy.clock import uptime
from dotproxy.config.caching import Caching
from dotproxy.config.gateway import Gateway
from dotproxy.config.model import (
    DEFAULT_LISTEN,
    Config,
    ConfigError,
    Forward,
    Listen,
    Upstream,
)
from dotproxy.config.rule import Rule
from dotproxy.local.cache import Cache
from dotproxy.local.snapshot import dump
from dotproxy.proxy import Proxy
from dotproxy.server import listeners
from dotproxy.server.sockets import ListenError, Sockets, bind, bind_stream
from dotproxy.service import Options, assemble, makeService
from dotproxy.wire.query import parse_query
from tests.clients import (
    BROKEN_PEM,
    Address,
    TcpClient,
    UdpClient,
    Zone,
    file_of,
    numbers,
    query,
)

LOOPBACK = "127.0.0.1"
LAB = Config((Listen(LOOPBACK, 0),), (), lab=True)
NOBODY = Upstream(("192.0.2.1",), server_name="dns.example")


def where(proxy: Proxy, place: int = 0) -> Address:
    """Return the address and the port that a proxy serves."""
    host, _, port = proxy.listeners.addresses[place].rpartition(":")
    return host, int(port)


def kept(proxy: Proxy) -> CacheFile:
    """Return what keeps the cache of a proxy."""
    (part,) = (part for part in proxy if isinstance(part, CacheFile))
    return part


def refusing() -> Upstream:
    """Return an upstream that refuses every connection."""
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        port: int = server.getsockname()[1]
    return Upstream((LOOPBACK,), port=port, server_name="dns.example")


def selectables() -> set[object]:
    """Return the sockets that the reactor looks after."""
    return {*reactor.getReaders(), *reactor.getWriters()}


class ProxyTests(TestCase):
    """A proxy in this process, and the lab behind it."""

    timeout = 10

    def start(self, config: Config) -> Proxy:
        proxy = assemble(config, reactor)
        proxy.startService()
        self.addCleanup(self.stop, proxy)
        return proxy

    async def stop(self, proxy: Proxy) -> None:
        if proxy.running:
            await proxy.stopService()

    def udp(self) -> UdpClient:
        client = UdpClient()
        port = reactor.listenUDP(0, client, interface=LOOPBACK)
        self.addCleanup(port.stopListening)
        return client

    async def tcp(self, server: Address) -> TcpClient:
        endpoint = TCP4ClientEndpoint(reactor, *server)
        client: TcpClient = await endpoint.connect(Factory.forProtocol(TcpClient))
        self.addCleanup(client.transport.abortConnection)
        return client

    async def test_answers(self) -> None:
        """Queries over UDP and TCP are answered by the upstream."""
        server = where(self.start(LAB))
        reply = await self.udp().ask(query(7), server)
        assert reply[:8] == b"\0\7\x81\x80\0\1\0\2"
        client = await self.tcp(server)
        client.ask(query(8), query(9, "big.lab.example", "TXT"))
        assert sorted(numbers(await client.told(2))) == [8, 9]

    async def test_local_answers(self) -> None:
        """What is never forwarded is answered here."""
        wish = dns.message.make_query("lab.example", "AXFR", use_edns=0)
        reply = await self.udp().ask(wish.to_wire(), where(self.start(LAB)))
        assert b"zone transfers are not forwarded" in reply

    async def test_late(self) -> None:
        """The configured time-out holds: the client hears of a failure in time."""
        config = replace(LAB, forward=Forward(timeout=0.4))
        server = where(self.start(config))
        before = reactor.seconds()
        reply = await self.udp().ask(query(7, "slow.lab.example"), server)
        assert reply[:4] == b"\0\7\x81\x82"
        assert reactor.seconds() - before < 0.6

    async def test_listeners(self) -> None:
        """Every configured address is served."""
        listen = (Listen(LOOPBACK, 0), Listen("127.0.0.2", 0))
        proxy = self.start(replace(LAB, listen=listen))
        client = self.udp()
        for place in range(2):
            reply = await client.ask(query(place), where(proxy, place))
            assert numbers([reply]) == [place]

    async def test_gateway(self) -> None:
        """The gateway is bound before the start, and ends with the rest."""
        proxy = assemble(replace(LAB, gateway=Gateway(("127.0.0.1:0",))), reactor)
        host, _, port = proxy.gateway.addresses[0].rpartition(":")
        with self.assertRaises(ListenError):
            bind_stream(host, int(port))
        proxy.startService()
        client = await self.tcp((host, int(port)))
        await proxy.stopService()
        await client.gone
        bind_stream(host, int(port)).close()

    async def test_leases(self) -> None:
        """What the gateway leased is kept beside the cache."""
        file = self.mktemp()
        gateway = Gateway(("0.0.0.0:0",), leases=("127.64.0.0/16",))
        config = replace(LAB, gateway=gateway, cache=Caching(file=file))
        for expected in (None, "a.example"):
            proxy = assemble(config, reactor)
            assert proxy.rules.leases.name_at("127.64.0.1") == expected
            proxy.rules.leases.lease("a.example")
            proxy.startService()
            await proxy.stopService()

    async def test_stop(self) -> None:
        """When it has stopped, nothing of it is left: no socket and no delayed call."""
        await deferLater(reactor, 0)
        before, delayed = selectables(), set(reactor.getDelayedCalls())
        proxy = self.start(LAB)
        server = where(proxy)
        client = await self.tcp(server)
        client.ask(query(1), query(2, "slow.lab.example"))
        await client.told(1)
        await proxy.stopService()
        bind(*server).close()
        assert await client.gone
        assert sorted(numbers(client.replies)) == [1, 2]
        assert selectables() == before
        assert set(reactor.getDelayedCalls()) == delayed

    async def test_stop_while_stale(self) -> None:
        """So it is while a client waits, and would get a stale answer soon."""
        file = self.keep("slow.lab.example", age=400)
        await deferLater(reactor, 0)
        before, delayed = selectables(), set(reactor.getDelayedCalls())
        proxy = self.start(replace(LAB, cache=Caching(file=file)))
        await kept(proxy).read
        client = await self.tcp(where(proxy))
        client.ask(query(1, "slow.lab.example"), query(2))
        assert numbers(await client.told(1)) == [2]
        await proxy.stopService()
        await client.gone
        assert selectables() == before
        assert set(reactor.getDelayedCalls()) == delayed

    async def test_cache(self) -> None:
        """Who asks what was asked before is answered from memory."""
        server, client = where(self.start(LAB)), self.udp()
        first = await client.ask(query(1, "slow.lab.example"), server)
        before = reactor.seconds()
        for number in (2, 3):
            reply = await client.ask(query(number, "slow.lab.example"), server)
            assert numbers([reply]) == [number]
            assert reply[2:12] == first[2:12]
        assert reactor.seconds() - before < 0.9

    async def test_cache_file(self) -> None:
        """What was asked is known after a restart, though nobody can be asked then."""
        cache = Caching(file=os.path.abspath(self.mktemp()))
        first = self.start(replace(LAB, cache=cache))
        client = self.udp()
        await kept(first).read
        await client.ask(query(1), where(first))
        await first.stopService()
        second = self.start(Config(LAB.listen, (refusing(),), cache=cache))
        await kept(second).read
        reply = await client.ask(query(2), where(second))
        assert reply[:8] == b"\0\2\x81\x80\0\1\0\2"

    async def test_garbage(self) -> None:
        """What lives as long as the process is not looked through for garbage."""
        gc.unfreeze()
        self.addCleanup(gc.unfreeze)
        self.start(LAB)
        assert gc.get_freeze_count() > 10_000

    async def test_no_cache_file(self) -> None:
        """Without a name no file is kept."""
        proxy = self.start(LAB)
        assert not any(isinstance(part, CacheFile) for part in proxy)

    def keep(self, name: str, age: int) -> str:
        """Make a file that knows what the lab says of a name, since so long."""
        cache = Cache(Caching(), lambda: 0)
        wish = parse_query(query(0, name))
        cache.learn(wish, self.successResultOf(Zone().exchange(wish)))
        path = os.path.abspath(self.mktemp())
        with open(path, "wb") as file:
            file.write(dump(cache.entries()))
        os.utime(path, times=(0, time.time() - age))
        return path

    async def test_log(self) -> None:
        """At the start one line says what is served, and who is asked."""
        with capturedLogs() as events:
            proxy = self.start(LAB)
        ours = [
            formatEvent(event)
            for event in events
            if event["log_namespace"] == "dotproxy.proxy.Proxy"
        ]
        assert ours == [
            f"dotproxy {dotproxy.__version__} serves {proxy.listeners.addresses[0]},"
            " asks dns.lab.example over TLS"
        ]

    async def test_log_in_clear(self) -> None:
        """It tells whom it asks in clear."""
        home = Upstream(("10.0.0.1",), 53, group="home", cleartext=True)
        forward = Rule("forward", (".home.arpa",), group="home")
        with capturedLogs() as events:
            self.start(replace(LAB, upstream=(home,), rule=(forward,)))
        said = [formatEvent(event) for event in events]
        expected = "asks dns.lab.example over TLS, and udp://10.0.0.1:53 in clear"
        assert [each for each in said if each and each.endswith(expected)]


class AssembleTests(SynchronousTestCase):
    """What is bound, and what is not; the sockets are those of the system."""

    def taken(self, kind: socket.SocketKind) -> int:
        """Take a port for UDP or TCP and return it."""
        other = socket.socket(socket.AF_INET, kind)
        self.addCleanup(other.close)
        other.bind((LOOPBACK, 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port: int = other.getsockname()[1]
        return port

    def without(self, missing: str, fault: int = errno.EADDRNOTAVAIL) -> list[Sockets]:
        """Let the system fail to bind one host, and choose the port for others.

        What is bound is put into the list.
        """
        bound: list[Sockets] = []

        def bind_or_not(host: str, port: int) -> Sockets:
            if host == missing:
                raise ListenError(f"[{host}]:{port} (UDP)", OSError(fault, "no"))
            bound.append(bind(LOOPBACK, 0))
            self.addCleanup(bound[-1].close)
            return bound[-1]

        self.patch(listeners, "bind", bind_or_not)
        return bound

    def refused(self, config: Config) -> ListenError:
        with self.assertRaises(ListenError) as caught:
            assemble(config, reactor)
        return caught.exception

    def closed(self, bound: list[Sockets]) -> bool:
        return all(each.fileno() == -1 for sockets in bound for each in sockets)

    def test_bound_before_start(self) -> None:
        """The sockets are there before the start, so that rights may be dropped."""
        bound = self.without("nothing")
        proxy = assemble(replace(LAB, upstream=(NOBODY,), lab=False), reactor)
        assert not proxy.running
        assert proxy.listeners.addresses == [bound[0].address]
        assert not self.closed(bound)

    def test_upstreams(self) -> None:
        """Without the lab, the configured upstreams are asked."""
        self.without("nothing")
        proxy = assemble(Config(DEFAULT_LISTEN, (NOBODY,)), reactor)
        assert [upstream.name for upstream in proxy.core.upstreams.upstreams] == [
            "dns.example"
        ]

    def test_no_ipv6(self) -> None:
        """The default does without IPv6 where the machine has none."""
        bound = self.without("::1")
        proxy = assemble(Config(DEFAULT_LISTEN, (NOBODY,)), reactor)
        assert proxy.listeners.addresses == [each.address for each in bound]
        assert len(bound) == 1

    def test_no_ipv6_though_asked_for(self) -> None:
        """Who asks for IPv6 hears that there is none, and nothing stays bound."""
        bound = self.without("::1")
        config = replace(LAB, listen=(Listen(LOOPBACK, 0), Listen("::1", 0)))
        assert str(self.refused(config)) == (
            "listen [::1]:0 (UDP): this machine has no such address"
        )
        assert len(bound) == 1
        assert self.closed(bound)

    def test_default_in_use(self) -> None:
        """That another has the default for IPv6 is a fault, unlike no IPv6."""
        bound = self.without("::1", errno.EADDRINUSE)
        fault = self.refused(Config(DEFAULT_LISTEN, (NOBODY,)))
        assert "listen [::1]:5300 (UDP): already in use" in str(fault)
        assert self.closed(bound)

    def test_no_ipv4(self) -> None:
        """A machine without any of the defaults is a fault: nobody would be served."""
        self.without(LOOPBACK)
        assert self.refused(Config(DEFAULT_LISTEN, (NOBODY,))).absent

    def test_in_use(self) -> None:
        """A port in use is a fault that names it, and nothing stays bound."""
        for kind, name in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")):
            first, second = bind(LOOPBACK, 0), self.taken(kind)
            free = first.udp.getsockname()[1]
            first.close()
            listen = (Listen(LOOPBACK, free), Listen(LOOPBACK, second))
            fault = self.refused(replace(LAB, listen=listen))
            assert f"listen 127.0.0.1:{second} ({name}): already in use" in str(fault)
            bind(LOOPBACK, free).close()

    def test_gateway_in_use(self) -> None:
        """If the gateway's port is in use, nothing stays bound."""
        bound = self.without("nothing")
        taken = f"127.0.0.1:{self.taken(socket.SOCK_STREAM)}"
        gateway = Gateway(listen=("127.0.0.1:0", taken))
        fault = self.refused(replace(LAB, gateway=gateway))
        assert f"listen {taken} (TCP): already in use" in str(fault)
        assert self.closed(bound)

    def test_bad_configuration(self) -> None:
        """What is wrong with an upstream shows before anything is bound."""
        bound = self.without("nothing")
        file = file_of(BROKEN_PEM, self.addCleanup)
        config = Config(DEFAULT_LISTEN, (replace(NOBODY, ca_file=file),))
        with self.assertRaises(ConfigError):
            assemble(config, reactor)
        assert bound == []


class MakeServiceTests(TestCase):
    def setUp(self) -> None:
        """Let the reactor of these tests keep the clock that it has."""
        self.patch(reactor, "seconds", reactor.seconds)

    def options(self, *flags: str) -> Options:
        options = Options()
        options.parseOptions(flags)
        return options

    async def test_service(self) -> None:
        """The flags become a service that twistd can start and stop."""
        flags = ("--listen", "127.0.0.1:0", "--upstream", "lab")
        made = makeService(self.options(*flags))
        verifyObject(IService, made)
        assert reactor.seconds is uptime, "a clock that nobody sets"
        made.startService()
        await made.stopService()

    async def test_hangup(self) -> None:
        """From then on SIGHUP reloads; once it is stopped, it does what it did."""
        before = signal.getsignal(signal.SIGHUP)
        made = makeService(self.options("--listen", "127.0.0.1:0", "--upstream", "lab"))
        assert isinstance(made, Proxy)
        core = made.core
        os.kill(os.getpid(), signal.SIGHUP)
        made.startService()
        while made.core is core:
            await deferLater(reactor, 0.001)
        await made.stopService()
        assert signal.getsignal(signal.SIGHUP) == before

    async def test_port_in_use(self) -> None:
        """A fault ends the process with one line."""
        sockets = bind(LOOPBACK, 0)
        self.addCleanup(sockets.close)
        options = self.options("--listen", sockets.address, "--upstream", "lab")
        with self.assertRaises(SystemExit) as caught:
            makeService(options)
        assert caught.exception.code == (
            f"dotproxy: listen {sockets.address} (UDP): already in use:"
            " stop the other program or take another port"
        )

    async def test_bad_file(self) -> None:
        """So does a CA file that is no good, by the name of the file."""
        file = file_of(BROKEN_PEM, self.addCleanup)
        flags = ("--listen", "127.0.0.1:0", "--upstream", "192.0.2.1#dns.example")
        options = self.options(*flags, "--ca-file", file)
        with self.assertRaises(SystemExit) as caught:
            makeService(options)
        line = str(caught.exception.code)
        assert line.startswith("dotproxy: ca_file /")
        assert "\n" not in line
