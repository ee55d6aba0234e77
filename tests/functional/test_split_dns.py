"""Split DNS: a real resolver of a home network in clear, the lab for all the rest."""

from datetime import UTC, datetime

import dns.edns
import dns.message
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from dotproxy.clock import uptime
from dotproxy.config.model import DEFAULT_LISTEN, Config
from dotproxy.config.rule import Rule
from dotproxy.config.upstream import Upstream
from dotproxy.forwarder import Forwarder
from dotproxy.lab import zone
from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.lab.server import LabServer
from dotproxy.local.cache import Cache
from dotproxy.local.rules import Rules
from dotproxy.resolver import Known, create_forwarder, read_book
from dotproxy.upstream.routes import Routes
from dotproxy.upstreams import routes
from dotproxy.wire.query import parse_query
from tests.clients import file_of
from tests.functional.clients import dig
from tests.functional.peers import start_router
from tests.functional.processes import Stage
from tests.functional.proxy import start_proxy

PATIENCE = 3.0
"""Seconds that a client waits."""

FORWARD = Rule("forward", (".home.arpa",), group="home")


class SplitDnsTests(TestCase):
    """`abroad` has the names that the lab was asked for, over TLS."""

    timeout = 30

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.router, self.port = start_router(self.stage)
        self.abroad: list[str] = []
        authority = Authority.create("root", datetime.now(UTC))
        issued = authority.issue(Leaf(names=("dns.lab.example",)))
        self.lab = LabServer(reactor, issued, self.answer)
        self.lab.startService()
        self.addCleanup(self.lab.stopService)
        self.ca_file = file_of(authority.pem, self.addCleanup)
        self.routes, self.forwarder = self.join()

    def join(self) -> tuple[Routes, Forwarder]:
        """Join a forwarder and its upstreams as they are configured."""
        far = Upstream(
            ("127.0.0.1",),
            self.lab.port,
            server_name="dns.lab.example",
            ca_file=self.ca_file,
        )
        near = Upstream(("127.0.0.1",), self.port, group="home", cleartext=True)
        config = Config(DEFAULT_LISTEN, (far, near), rule=(FORWARD,))
        known = Known(Rules(read_book(config)), Cache(config.cache, uptime))
        found = routes(config, reactor, known.rules.route)
        self.addCleanup(found.stop)
        forwarder = create_forwarder(config, found, reactor, known)
        self.addCleanup(forwarder.stop)
        return found, forwarder

    def answer(self, query: bytes) -> zone.Reply | None:
        self.abroad.append(str(dns.message.from_wire(query).question[0].name))
        return zone.answer(query)

    @property
    def at_home(self) -> str:
        """What the home network's resolver says that it was asked."""
        return self.router.output

    async def ask(self, name: str, rdtype: str = "A") -> dns.message.Message:
        wish = dns.message.make_query(name, rdtype, use_edns=0)
        query = parse_query(wish.to_wire())
        query.deadline = reactor.seconds() + PATIENCE
        reply = self.forwarder.resolve(query)
        return dns.message.from_wire(reply if isinstance(reply, bytes) else await reply)

    async def assert_private_stays(self, name: str) -> None:
        """A private name fails, and nobody abroad hears of it, though they could."""
        reply = await self.ask(name)
        assert reply.rcode() == dns.rcode.SERVFAIL
        codes = {
            each.code for each in reply.options if isinstance(each, dns.edns.EDEOption)
        }
        assert codes & {22, 23}
        assert (await self.ask("www.lab.example")).rcode() == 0
        assert self.abroad == ["www.lab.example."]

    async def test_each_its_own(self) -> None:
        """Each name is asked of those who know it, and of nobody else."""
        private = await self.ask("nas.home.arpa")
        public = await self.ask("www.lab.example")
        nowhere = await self.ask("nowhere.home.arpa")
        assert private.answer[0][0].address == "10.0.0.9"
        assert len(public.answer[0]) == 2
        assert nowhere.rcode() == dns.rcode.NXDOMAIN
        assert self.abroad == ["www.lab.example."]
        assert "nas.home.arpa. A IN" in self.at_home
        assert "nowhere.home.arpa. A IN" in self.at_home
        assert "lab.example" not in self.at_home
        assert self.routes.queries_in_clear == 2

    async def test_over_tcp(self) -> None:
        """What UDP cuts short comes whole over TCP."""
        reply = await self.ask("big.home.arpa", "TXT")
        assert len(reply.answer[0]) == 16
        assert self.at_home.count("big.home.arpa. TXT IN") == 2
        assert self.routes.queries_in_clear == 2
        assert self.abroad == []

    async def test_router_is_gone(self) -> None:
        """When the home network's resolver refuses, private names stay at home."""
        self.router.kill()
        for name in ("nas.home.arpa", "big.home.arpa"):
            self.abroad.clear()
            self.forwarder.flush()
            await self.assert_private_stays(name)

    async def test_router_is_silent(self) -> None:
        """When it says nothing they do, too."""
        self.router.suspend()
        await self.assert_private_stays("nas.home.arpa")

    async def test_router_is_back(self) -> None:
        """When it is back, it is asked again."""
        self.router.kill()
        await self.ask("nas.home.arpa")
        self.router.start()
        self.router.wait_for("start of service")
        end = reactor.seconds() + 5
        while (await self.ask("nas.home.arpa")).rcode() and reactor.seconds() < end:
            await deferLater(reactor, 0.05)
        assert (await self.ask("nas.home.arpa")).rcode() == 0
        assert self.abroad == []

    async def test_world_is_gone(self) -> None:
        """When nobody abroad can be asked, public names are not asked at home."""
        await self.lab.stopService()
        for name in ("www.lab.example", "mx.lab.example"):
            assert (await self.ask(name)).rcode() == dns.rcode.SERVFAIL
        assert (await self.ask("nas.home.arpa")).rcode() == 0
        assert "lab.example" not in self.at_home
        assert self.routes.queries_in_clear == 1


CONFIG = """\
[[upstream]]
address = "127.0.0.1"
port = {port}
group = "home"
cleartext = true

[[rule]]
names = [".home.arpa"]
action = "forward"
group = "home"
"""


class ProgramTests(TestCase):
    """The whole program, as people run it, with the lab for all the rest."""

    def test_split(self) -> None:
        """Each name has the answer of those who know it, over UDP and TCP."""
        stage = Stage.create(self.addCleanup)
        router, port = start_router(stage)
        config = stage.folder / "dotproxy.toml"
        config.write_text(CONFIG.format(port=port))
        proxy = start_proxy(stage, "--config", str(config), "--upstream", "lab")
        assert (
            f"asks dns.lab.example over TLS, and udp://127.0.0.1:{port} in clear"
            in (proxy.process.output)
        )
        for way in ("+notcp", "+tcp"):
            assert dig(proxy.port, way, "nas.home.arpa").values == ["A 10.0.0.9"]
            assert len(dig(proxy.port, way, "www.lab.example").values) == 2
        assert len(dig(proxy.port, "big.home.arpa", "TXT").values) == 16
        router.kill()
        assert dig(proxy.port, "other.home.arpa").status == "SERVFAIL"
        assert dig(proxy.port, "mx.lab.example").status == "NOERROR"
