"""All that runs: reloaded, and stopped in order."""

import os
from collections.abc import Callable
from random import Random
from socket import create_connection
from tempfile import NamedTemporaryFile
from typing import cast

from dns.message import from_wire
from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from dotproxy import proxy as module
from dotproxy.cache_file import CacheFile
from dotproxy.config.caching import Caching
from dotproxy.config.gateway import Gateway
from dotproxy.config.model import Config, ConfigError, Forward, Listen
from dotproxy.config.rule import Rule
from dotproxy.config.spelling import joined
from dotproxy.config.upstream import DEFAULT_GROUP
from dotproxy.core import Plan
from dotproxy.gateway.entrances import Opened
from dotproxy.local.book import Book
from dotproxy.proxy import Proxy, Source
from dotproxy.server.sockets import bind_stream
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.strategy import Strategy, order_by
from dotproxy.upstream.tls import Trust
from tests.clients import Address, TcpClient, UdpClient, numbers, query, rcode
from tests.credentials import folder_of, issue, write
from tests.fakes import FakeServer
from tests.redirects import redirect
from tests.test_core import SERVER

LOOPBACK = "127.0.0.1"
ONE, TWO = Listen(LOOPBACK, 0), Listen("127.0.0.2", 0)
CONFIG = Config((ONE,), (SERVER,))


class ProxyTests(TestCase):
    """The upstreams answer when they are told to; the sockets are real."""

    timeout = 10

    def setUp(self) -> None:
        self.config = CONFIG
        self.fault: ConfigError | None = None
        self.upstreams: list[FakeServer] = []

    def start(self, config: Config = CONFIG) -> None:
        self.config = config
        self.proxy = Proxy(config, Source(self.read, self.plan), reactor)
        self.proxy.listeners.serve(config, self.proxy.listeners.bind(config))
        self.proxy.listeners.setServiceParent(self.proxy)
        self.addCleanup(self.stop)
        self.proxy.startService()

    async def stop(self) -> None:
        if self.proxy.running:
            self.patch(module, "TO_ANSWER", 0)
            await self.proxy.stopService()

    def read(self) -> Config:
        return self.config

    def plan(self, config: Config, before: Book | None) -> Plan:
        """Plan for one upstream; a change of the padding stands for one of trust."""
        if self.fault is not None:
            raise self.fault
        upstream = FakeServer(f"upstream {len(self.upstreams)}", reactor)
        self.upstreams.append(upstream)
        order = order_by("failover", Random(1))
        strategy = Strategy([cast(DoT, upstream)], order, reactor)
        trust = Trust(str(config.forward.padding))
        book = Book.read(config.naming, before)
        groups = {DEFAULT_GROUP: strategy}
        return Plan(config, groups, frozenset({(SERVER, trust)}), book)

    def where(self, place: int = 0) -> Address:
        host, _, port = self.proxy.listeners.addresses[place].rpartition(":")
        return host, int(port)

    def reload(self, config: Config) -> None:
        self.config = config
        self.proxy.reload()

    def udp(self) -> UdpClient:
        client = UdpClient()
        port = reactor.listenUDP(0, client, interface=LOOPBACK)
        self.addCleanup(port.stopListening)
        return client

    async def until(self, happened: Callable[[], object]) -> None:
        while not happened():
            await deferLater(reactor, 0.001)

    def said(self, call: Callable[[], object]) -> list[str]:
        """Return what the proxy logs meanwhile."""
        with capturedLogs() as events:
            call()
        ours = (e for e in events if e["log_namespace"] == "dotproxy.proxy.Proxy")
        return [str(formatEvent(event)) for event in ours]


class ReloadTests(ProxyTests):
    async def test_nothing(self) -> None:
        """What says the same changes nothing, but has new upstreams."""
        self.start()
        assert self.proxy.reload() == ((), (), False)
        asking = self.udp().ask(query(1), self.where())
        await self.until(lambda: self.upstreams[1].asked)
        self.upstreams[1].answer()
        assert numbers([await asking]) == [1]
        assert self.upstreams[0].drained

    async def test_changes(self) -> None:
        """Addresses, time-outs and upstreams are as the new configuration has them."""
        self.start()
        self.config = replace(CONFIG, listen=(TWO,), forward=Forward(timeout=0.4))
        assert self.proxy.reload().changed == ("listen", "forward.timeout")
        assert [self.where()[0]] == ["127.0.0.2"]
        reply = await self.udp().ask(query(1), self.where())
        assert rcode(reply) == 2

    async def test_both_or_none(self) -> None:
        """Where the DNS cannot have an address, the gateway gets none either."""
        self.start()
        taken = bind_stream(LOOPBACK, 0)
        self.addCleanup(taken.close)
        free = bind_stream(LOOPBACK, 0)
        place = free.getsockname()
        free.close()
        gateway = Gateway((joined(*place),))
        listen = (ONE, Listen(*taken.getsockname()))
        self.config = replace(CONFIG, listen=listen, gateway=gateway)
        opened: list[Opened] = []
        bind = self.proxy.gateway.bind

        def noted(config: Config) -> Opened:
            opened.append(bind(config))
            return opened[-1]

        self.patch(self.proxy.gateway, "bind", noted)
        with self.assertRaises(ConfigError):
            self.proxy.reload()
        assert self.proxy.gateway.addresses == []
        assert [each.fileno() for each in opened[0].values()] == [-1]

    async def test_gateway(self) -> None:
        """A gateway may come by a reload; it accepts nobody once the end begins."""
        self.start()
        self.config = replace(CONFIG, gateway=Gateway(("127.0.0.1:0",)))
        assert self.proxy.reload() == (("gateway.listen",), (), False)
        host, _, port = self.proxy.gateway.addresses[0].rpartition(":")
        with create_connection((host, int(port))):
            await self.until(lambda: self.proxy.gateway.counts.open)
            asking = self.udp().ask(query(1), self.where())
            await self.until(lambda: self.upstreams[1].asked)
            stopping = self.proxy.stopService()
            await self.until(lambda: not self.proxy.gateway.counts.open)
            with self.assertRaises(ConnectionRefusedError):
                create_connection((host, int(port)))
            self.upstreams[1].answer()
            assert rcode(await asking) == 0
            await stopping

    async def test_leases(self) -> None:
        """Networks to lease from may come by a reload, with what the file knows."""
        cache = Caching(file=self.mktemp())
        config = replace(CONFIG, cache=cache)
        leasing = replace(config, gateway=Gateway(leases=("127.64.0.0/16",)))
        for host in (None, "a.example"):
            self.start(config)
            assert self.proxy.rules.leases.lease("a.example") is None
            self.config = leasing
            assert self.proxy.reload() == (("gateway.leases",), (), False)
            assert self.proxy.rules.leases.name_at("127.64.0.1") == host
            self.proxy.rules.leases.lease("a.example")
            await self.proxy.stopService()

    async def test_other_leases(self) -> None:
        """Nobody hears of an address in a network that is gone."""
        backend = "192.0.2.9:443"
        rule = redirect("a.example", policy="address-per-name", backend=backend)
        client = self.udp()
        for network, start in (("127.64", self.start), ("127.65", self.reload)):
            gateway = Gateway(("0.0.0.0:0",), leases=(f"{network}.0.0/16",))
            start(replace(CONFIG, rule=(rule,), gateway=gateway))
            for number in (1, 2):
                asked = query(number, "a.example")
                reply = from_wire(await client.ask(asked, self.where()))
                assert [each.address for each in reply.answer[0]] == [f"{network}.0.1"]

    async def test_rules(self) -> None:
        """A rule that is new holds at once, also for what was learned before."""
        self.start()
        client = self.udp()
        asking = client.ask(query(1), self.where())
        await self.until(lambda: self.upstreams[0].asked)
        self.upstreams[0].answer()
        assert rcode(await asking) == 0
        assert rcode(await client.ask(query(2), self.where())) == 0
        self.config = replace(CONFIG, rule=(Rule("block", names=(".",)),))
        assert self.proxy.reload() == (("rule",), (), False)
        assert rcode(await client.ask(query(3), self.where())) == 3
        self.config = CONFIG
        self.proxy.reload()
        asking = client.ask(query(4), self.where())
        await self.until(lambda: self.upstreams[2].asked)
        self.upstreams[2].answer()
        assert rcode(await asking) == 0

    async def test_list(self) -> None:
        """A list that has changed is read again, and what is bad in it is told."""
        with NamedTemporaryFile("w") as file:
            rule = Rule("block", files=(file.name,))
            self.start(replace(CONFIG, rule=(rule,)))
            file.write("example.com\na..b\n")
            file.flush()
            with capturedLogs() as events:
                assert self.proxy.reload().changed == ("rule.files",)
            told = [formatEvent(event) for event in events]
            assert any(each.startswith("1 bad line left out; ") for each in told)
            assert self.proxy.reload().changed == ()

    async def test_certificate(self) -> None:
        """So is a certificate that was renewed, and that is told once."""
        folder = folder_of(self.addCleanup)
        files = write(folder, issue("old.example"))
        self.start(replace(CONFIG, certificate=(files,)))
        assert self.proxy.reload().changed == ()
        write(folder, issue("new.example"))
        assert self.proxy.reload().changed == ("certificate.files",)
        assert self.proxy.reload().changed == ()
        other = write(folder, issue("other.example"), "other")
        self.config = replace(CONFIG, certificate=(other,))
        assert self.proxy.reload().changed == ("certificate",)

    async def test_under_way(self) -> None:
        """Who was asked before answers what it was asked; then it is let go."""
        self.start()
        asking = self.udp().ask(query(1), self.where())
        await self.until(lambda: self.upstreams[0].asked)
        self.proxy.reload()
        self.proxy.reload()
        await deferLater(reactor, 0.1)
        assert [each.drained for each in self.upstreams] == [False, True, False]
        self.upstreams[0].answer()
        assert rcode(await asking) == 0
        await self.until(lambda: self.upstreams[0].drained)

    async def test_trust(self) -> None:
        """Where answers come from elsewhere now, those from before are forgotten."""
        self.start()
        asking = self.udp().ask(query(1), self.where())
        await self.until(lambda: self.upstreams[0].asked)
        self.upstreams[0].answer()
        await asking
        assert len(self.proxy.core.forwarder.cache) == 1
        assert not self.proxy.reload().emptied
        assert len(self.proxy.core.forwarder.cache) == 1
        self.config = replace(CONFIG, forward=Forward(padding=0))
        assert self.proxy.reload() == (
            ("forward.padding", "upstream.ca_file"),
            (),
            True,
        )
        assert len(self.proxy.core.forwarder.cache) == 0

    async def test_cache_file(self) -> None:
        """The file keeps the cache that is in use, and its name stays."""
        path = os.path.abspath(self.mktemp())
        self.start(replace(CONFIG, cache=Caching(file=path)))
        file = CacheFile(self.proxy.core.forwarder.cache, path, reactor)
        file.setServiceParent(self.proxy)
        await file.read
        self.proxy.cache_file = file
        cache = Caching(file="/elsewhere")
        self.config = replace(CONFIG, cache=cache, forward=Forward(padding=0))
        outcome = self.proxy.reload()
        assert outcome.lasting == ("cache.file",)
        assert outcome.emptied
        assert self.proxy.core.config.cache.file == path
        await self.until(lambda: os.path.exists(path))

    async def test_fault(self) -> None:
        """Whatever is wrong is raised, and nothing has changed."""
        self.start()
        core, where = self.proxy.core, self.where()
        self.config = replace(CONFIG, listen=(ONE, TWO, Listen(*where)))
        with self.assertRaises(ConfigError):
            self.proxy.reload()
        self.config = replace(CONFIG, listen=(TWO,))
        self.fault = ConfigError("ca_file", "is no good")
        with self.assertRaises(ConfigError):
            self.proxy.reload()
        assert self.proxy.core is core
        assert [self.where()] == [where]
        assert len(self.proxy.listeners.addresses) == 1
        assert not self.upstreams[0].drained

    async def test_not_running(self) -> None:
        """It is refused before the start and from the end on."""
        proxy = Proxy(CONFIG, Source(self.read, self.plan), reactor)
        with self.assertRaises(ConfigError):
            proxy.reload()
        self.start()
        await self.proxy.stopService()
        with self.assertRaises(ConfigError):
            self.proxy.reload()

    async def test_log(self) -> None:
        """The log hears what came of it, in a line each."""
        self.start()
        self.config = replace(
            CONFIG, forward=Forward(padding=0), cache=Caching(file="/elsewhere")
        )
        assert self.said(self.proxy.reload_or_complain) == [
            "reloaded, forward.padding, upstream.ca_file changed,"
            f" the cache begins anew; serves {self.proxy.listeners.addresses[0]},"
            " asks upstream 1 over TLS",
            "cache.file takes a restart, and stays till then",
        ]
        self.fault = ConfigError("/x.toml:3: port = 53", "is for plain DNS")
        assert self.said(self.proxy.reload_or_complain) == [
            "not reloaded, all stays as it is: /x.toml:3: port = 53 is for plain DNS"
        ]


class StopTests(ProxyTests):
    async def test_idle(self) -> None:
        """Where nobody waits, all is told to stop in this very turn."""
        self.start()
        stopping = self.proxy.stopService()
        assert self.upstreams[0].stopped
        await stopping
        assert not self.proxy.running

    async def test_answered(self) -> None:
        """Who waits gets the answer, if it comes in time."""
        self.start()
        asking = self.udp().ask(query(1), self.where())
        await self.until(lambda: self.upstreams[0].asked)
        stopping = self.proxy.stopService()
        await deferLater(reactor, 0.06)
        assert not self.upstreams[0].stopped
        self.upstreams[0].answer()
        assert rcode(await asking) == 0
        await stopping
        assert self.upstreams[0].stopped

    async def test_in_vain(self) -> None:
        """Else it hears that there is none; one that was replaced is stopped, too."""
        self.patch(module, "TO_ANSWER", 0.1)
        self.start()
        early, late = self.udp(), self.udp()
        first = early.ask(query(1), self.where())
        await self.until(lambda: self.upstreams[0].asked)
        self.proxy.reload()
        second = late.ask(query(2, "ns.lab.example"), self.where())
        await self.until(lambda: self.upstreams[1].asked)
        await self.proxy.stopService()
        assert [rcode(await each) for each in (first, second)] == [2, 2]
        assert [each.stopped for each in self.upstreams] == [True, True]

    async def test_in_vain_over_tcp(self) -> None:
        """So it is over TCP: the connection is closed when that has left."""
        self.patch(module, "TO_ANSWER", 0.1)
        self.start()
        endpoint = TCP4ClientEndpoint(reactor, *self.where())
        client: TcpClient = await endpoint.connect(Factory.forProtocol(TcpClient))
        client.ask(query(1))
        await self.until(lambda: self.upstreams[0].asked)
        await self.proxy.stopService()
        assert await client.gone
        assert [rcode(reply) for reply in client.replies] == [2]

    async def test_no_reload(self) -> None:
        """Meanwhile nothing is reloaded."""
        self.start()
        asking = self.udp().ask(query(1), self.where())
        await self.until(lambda: self.upstreams[0].asked)
        stopping = self.proxy.stopService()
        assert "not reloaded" in self.said(self.proxy.reload_or_complain)[0]
        self.upstreams[0].answer()
        await asking
        await stopping
