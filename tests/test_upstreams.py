"""From what is configured to somebody who can be asked."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import dns.message
from cryptography.x509 import load_pem_x509_certificate
from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.config.model import DEFAULT_LISTEN, Config, ConfigError, Forward, Upstream
from dotproxy.config.rule import Rule
from dotproxy.core import plan_for
from dotproxy.lab import zone
from dotproxy.lab.certificates import Authority, Issued, Leaf
from dotproxy.lab.server import LabServer
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.peer_certificate import pin
from dotproxy.upstream.pool import Limits
from dotproxy.upstream.proof import Match
from dotproxy.upstream.routes import Routes
from dotproxy.upstream.warnings import Kind
from dotproxy.upstreams import groups, limits, routes
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query, parse_query
from tests.clients import BROKEN_PEM, answer_to, file_of, query
from tests.resolvers import Network, Resolver, reply

ONE = Upstream(("192.0.2.1", "192.0.2.2"), server_name="dns.one.example")
TWO = Upstream(("2001:db8::2",), port=8853)
ROUTER = Upstream(("10.0.0.1", "10.0.0.2"), 5353, group="home", cleartext=True)
FORWARD = Rule("forward", (".home.arpa",), group="home")
LOST = Upstream((), server_name="dns.lost.example", bootstrap=("192.0.2.53",))


def make_config(*upstreams: Upstream, **forward: Any) -> Config:
    rules = (FORWARD,) if any(each.group == "home" for each in upstreams) else ()
    return Config(DEFAULT_LISTEN, upstreams, forward=Forward(**forward), rule=rules)


def to_default(_: Query) -> str | None:
    """Name no group, so that the default one is asked."""
    return None


def tight_lipped(wish: bytes) -> zone.Reply:
    """Answer without EDNS, and so without a word on how long to stay."""
    answer = answer_to(parse_query(wish))
    return zone.Reply(wish[:2] + answer.body[2:], 0)


class GroupTests(SynchronousTestCase):
    """What is dialled, on a reactor of which nothing answers."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()

    def ask(self, group: Routes, name: str = "www.example.com") -> Deferred[Answer]:
        wish = parse_query(query(1, name))
        wish.deadline = self.reactor.seconds() + 5
        asking: Deferred[Answer] = group.exchange(wish).addErrback(lambda _: None)
        return asking

    def dialled(self) -> list[tuple[str, int]]:
        """Return where a TCP connection was tried since the last look."""
        clients = [(host, port) for host, port, *_ in self.reactor.tcpClients]
        self.reactor.tcpClients.clear()
        return clients

    def test_on_demand(self) -> None:
        """Upstreams have the names that they must prove, and are not dialled yet."""
        group = routes(make_config(ONE, TWO, LOST), self.reactor, to_default)
        names = [upstream.name for upstream in group.upstreams]
        assert names == ["dns.one.example", "2001:db8::2", "dns.lost.example"]
        assert self.dialled() == []

    def test_addresses(self) -> None:
        """An upstream is dialled at its addresses, in their order, and at its port."""
        self.ask(routes(make_config(ONE), self.reactor, to_default))
        assert self.dialled() == [("192.0.2.1", 853)]
        self.reactor.advance(0.25)
        assert self.dialled() == [("192.0.2.2", 853)]
        self.ask(routes(make_config(TWO), self.reactor, to_default))
        assert self.dialled() == [("2001:db8::2", 8853)]

    def test_bootstrap(self) -> None:
        """One without an address is looked up, at the resolver that was given."""
        network = Network()
        group = routes(make_config(LOST), network, to_default)
        assert network.open == []
        self.ask(group)
        assert {port.resolver for port in network.open} == {("192.0.2.53", 53)}
        asked = dns.message.from_wire(network.open[0].sent).question[0]
        assert str(asked.name) == "dns.lost.example."
        group.stop()
        assert network.open == []

    def test_connect_timeout(self) -> None:
        """A connection has the configured time, and not more."""
        group = routes(make_config(TWO, connect_timeout=0.5), self.reactor, to_default)
        asking = self.ask(group)
        self.reactor.advance(0.4)
        self.assertNoResult(asking)
        self.reactor.advance(0.2)
        self.successResultOf(asking)
        assert group.upstreams[0].health.reason == (
            "2001:db8::2: no connection in time"
        )

    def test_order(self) -> None:
        """Whom to ask first is as configured."""
        group = routes(
            make_config(ONE, TWO, strategy="round-robin"), self.reactor, to_default
        )
        self.ask(group)
        assert self.dialled() == [("192.0.2.1", 853)]
        self.ask(group)
        assert self.dialled() == [("2001:db8::2", 8853)]

    def test_failover(self) -> None:
        """By default, the first is asked as long as it answers in time."""
        group = routes(make_config(ONE, TWO), self.reactor, to_default)
        for _ in range(2):
            self.ask(group)
        assert self.dialled() == [("192.0.2.1", 853)]

    def test_race(self) -> None:
        """In a race, all are asked at once."""
        self.ask(
            routes(make_config(ONE, TWO, strategy="race"), self.reactor, to_default)
        )
        assert self.dialled() == [("192.0.2.1", 853), ("2001:db8::2", 8853)]


class GroupsTests(SynchronousTestCase):
    """Several groups, on a network of which nothing answers."""

    def setUp(self) -> None:
        self.network = Network()
        found = groups(make_config(ONE, ROUTER, TWO), self.network)
        self.default, self.home = found["default"], found["home"]
        assert list(found) == ["default", "home"]

    def test_members(self) -> None:
        """Each upstream is in its group, and says how it is asked."""
        names = [upstream.name for upstream in self.default.upstreams]
        assert names == ["dns.one.example", "2001:db8::2"]
        assert [each.name for each in self.home.upstreams] == ["udp://10.0.0.1:5353"]

    def test_in_clear(self) -> None:
        """One in clear is asked over UDP, at its addresses and its port."""
        wish = parse_query(query(1, "nas.home.arpa"))
        wish.deadline = 5.0
        asking = self.home.exchange(wish)
        (port,) = self.network.open
        assert port.resolver == ("10.0.0.1", 5353)
        port.refuse()
        (port,) = self.network.open
        assert port.resolver == ("10.0.0.2", 5353)
        port.answer("nas.home.arpa. 60 A 10.0.0.9")
        assert self.successResultOf(asking).rcode == 0
        assert self.home.upstreams[0].queries_in_clear == 2

    def test_in_flight(self) -> None:
        """No more queries are under way in clear than configured."""
        config = make_config(ONE, replace(ROUTER, max_in_flight=3))
        home = groups(config, self.network)["home"]
        for number in range(5):
            home.exchange(parse_query(query(1, f"{number}.home.arpa")))
        assert len(self.network.open) == 3


class ClearTests(TestCase):
    """In clear on the real reactor."""

    async def test_silent(self) -> None:
        """A query that leaves in clear leaves no line in the log."""
        resolver = Resolver(lambda wish: [reply(wish)])
        port = reactor.listenUDP(0, resolver, "127.0.0.1")
        self.addCleanup(port.stopListening)
        near = replace(ROUTER, addresses=("127.0.0.1",), port=port.getHost().port)
        home = groups(make_config(ONE, near), reactor)["home"]
        self.addCleanup(home.stop)
        said: list[Any] = []
        globalLogPublisher.addObserver(said.append)
        self.addCleanup(globalLogPublisher.removeObserver, said.append)
        wish = parse_query(query(1, "nas.home.arpa"))
        wish.deadline = reactor.seconds() + 5
        assert (await home.exchange(wish)).rcode == 0
        await deferLater(reactor, 0)
        assert said == []


class RoutesTests(SynchronousTestCase):
    """All groups as one, on a network of which nothing answers."""

    def setUp(self) -> None:
        self.network = Network()
        self.config = make_config(ONE, ROUTER)

    def ask(self, found: Routes, name: str = "nas.home.arpa") -> None:
        found.exchange(parse_query(query(1, name))).addErrback(lambda _: None)
        self.addCleanup(found.stop)

    def asked(self) -> tuple[int, int]:
        """Return how many were asked over TCP, and how many over UDP."""
        return len(self.network.dialled), len(self.network.open)

    def test_default(self) -> None:
        """Where nothing else is said, the default group is asked."""
        self.ask(routes(self.config, self.network, to_default))
        assert self.asked() == (1, 0)

    def test_route(self) -> None:
        """The group is asked that is named."""
        self.ask(routes(self.config, self.network, lambda query: "home"))
        assert self.asked() == (0, 1)

    def test_lab(self) -> None:
        """The lab takes the place of the default group, and of no other."""
        lab = groups(make_config(TWO), self.network)["default"]
        config = Config(DEFAULT_LISTEN, (ROUTER,), rule=(FORWARD,), lab=True)
        plan = plan_for(config, None, self.network, lambda config: lab)
        found = Routes(plan.groups, "default", to_default)
        names = [upstream.name for upstream in found.upstreams]
        assert names == ["2001:db8::2", "udp://10.0.0.1:5353"]
        self.ask(found)
        assert self.network.dialled[0].host == "2001:db8::2"


class LimitsTests(SynchronousTestCase):
    def test_most(self) -> None:
        """All connections together never carry more queries than the server may get."""
        for most, in_flight, connections, expected in (
            (1024, 256, 4, (256, 4)),
            (65536, 256, 4, (256, 4)),
            (1023, 256, 4, (255, 4)),
            (300, 256, 4, (150, 2)),
            (256, 256, 4, (256, 1)),
            (100, 256, 4, (100, 1)),
            (1, 256, 4, (1, 1)),
            (5, 4, 4, (2, 2)),
            (3, 1, 64, (1, 3)),
            (1024, 1, 4, (1, 4)),
        ):
            with self.subTest(most=most, in_flight=in_flight):
                forward = Forward(max_in_flight=in_flight, max_connections=connections)
                found = limits(forward, most)
                both = (found.max_in_flight, found.max_connections)
                assert both == expected
                assert found.max_in_flight * found.max_connections <= most

    def test_others(self) -> None:
        """The other bounds are as configured."""
        forward = Forward(connect_timeout=1.0, idle_timeout=2.0, padding=3)
        assert limits(forward, 1024) == Limits(1.0, 2.0, 256, 4, 3)


class CaFileTests(SynchronousTestCase):
    def complaint(self, ca_file: str) -> str:
        config = make_config(replace(ONE, ca_file=ca_file))
        with self.assertRaises(ConfigError) as caught:
            routes(config, MemoryReactorClock(), to_default)
        return str(caught.exception)

    def test_broken(self) -> None:
        """A file whose certificate is broken is a fault that names the file."""
        file = file_of(BROKEN_PEM, self.addCleanup)
        complaint = self.complaint(file)
        subject = f"ca_file {file} holds a certificate that cannot be read: "
        assert complaint.startswith(subject)
        assert "\n" not in complaint

    def test_missing(self) -> None:
        """A file that cannot be read is a fault that names the file."""
        assert "nowhere.pem" in self.complaint("/nonexistent/nowhere.pem")


class OverTlsTests(TestCase):
    """What a server on loopback gets to see, and what it has to show."""

    timeout = 10

    def setUp(self) -> None:
        self.authority = Authority.create("root", datetime.now(UTC))
        self.issued = self.authority.issue(Leaf(names=("dns.lab.example",)))
        self.queries: list[bytes] = []
        self.zone: Callable[[bytes], zone.Reply | None] = zone.answer

    def serve(self, issued: Issued) -> Upstream:
        """Start a server, and describe it without a CA file of its own."""
        server = LabServer(reactor, issued, self.answer)
        server.startService()
        self.addCleanup(server.stopService)
        return Upstream(("127.0.0.1",), port=server.port, server_name="dns.lab.example")

    def answer(self, query: bytes) -> zone.Reply | None:
        self.queries.append(query)
        return self.zone(query)

    def ca_file(self) -> str:
        return file_of(self.authority.pem, self.addCleanup)

    async def ask(self, config: Config) -> int:
        """Ask by this configuration, and return the RCODE."""
        group = routes(config, reactor, to_default)
        self.upstream = group.upstreams[0]
        wish = parse_query(query(1))
        wish.deadline = reactor.seconds() + 5
        try:
            answer: Answer = await group.exchange(wish)
        finally:
            group.stop()
        return answer.rcode

    async def test_ca_file(self) -> None:
        """A CA file replaces the system's roots, which do not vouch for the lab."""
        upstream = self.serve(self.issued)
        trusting = replace(upstream, ca_file=self.ca_file())
        assert await self.ask(make_config(trusting)) == 0
        with self.assertRaises(UpstreamError) as caught:
            await self.ask(make_config(upstream))
        assert "certificate" in str(caught.exception)
        assert len(self.queries) == 1

    async def test_name(self) -> None:
        """The server must prove the configured name."""
        upstream = self.serve(self.issued)
        other = replace(
            upstream, ca_file=self.ca_file(), server_name="dns.other.example"
        )
        with self.assertRaises(UpstreamError) as caught:
            await self.ask(make_config(other))
        assert "not for dns.other.example" in str(caught.exception)
        assert self.queries == []

    async def test_pins(self) -> None:
        """Pins count: without a name they are enough, and one must fit."""
        upstream = replace(self.serve(self.issued), server_name="")
        key = pin(load_pem_x509_certificate(self.issued.chain_pem))
        wrong = pin(load_pem_x509_certificate(self.authority.pem))
        for pins in ((key,), (wrong, key)):
            assert await self.ask(make_config(replace(upstream, spki_pins=pins))) == 0
        with self.assertRaises(UpstreamError) as caught:
            await self.ask(make_config(replace(upstream, spki_pins=(wrong,))))
        assert key in str(caught.exception)

    async def test_pins_report_only(self) -> None:
        """Pins that are reported only are counted and warned of, and no more."""
        wrong = pin(
            load_pem_x509_certificate(Authority.create("b", datetime.now(UTC)).pem)
        )
        trying = replace(
            self.serve(self.issued),
            ca_file=self.ca_file(),
            spki_pins=(wrong,),
            pins_report_only=True,
        )
        assert await self.ask(make_config(trying)) == 0
        assert isinstance(self.upstream, DoT)
        assert self.upstream.pin_matches == {Match.NONE: 1}
        assert [*self.upstream.pool.warnings.at(0.0)] == [Kind.PIN_MISMATCH]

    async def test_profile(self) -> None:
        """Only the opportunistic profile lets a stranger pass (RFC 8310 section 5)."""
        config = make_config(self.serve(self.issued))
        assert await self.ask(replace(config, profile="opportunistic")) == 0

    async def test_padding(self) -> None:
        """Queries are padded to the configured block, or not at all."""
        upstream = replace(self.serve(self.issued), ca_file=self.ca_file())
        for block in (128, 77, 0):
            await self.ask(make_config(upstream, padding=block))
        padded, oddly, bare = map(len, self.queries)
        assert padded % 128 == 0
        assert oddly % 77 == 0
        assert bare < 77

    async def opened(self, most: int = 1024, **limits: Any) -> int:
        """Ask something slow and then something fast, and count the connections."""
        upstream = replace(
            self.serve(self.issued), ca_file=self.ca_file(), max_in_flight=most
        )
        group = routes(make_config(upstream, **limits), reactor, to_default)
        asking = []
        for name in ("slow.lab.example", "www.lab.example"):
            wish = parse_query(query(1, name))
            wish.deadline = reactor.seconds() + 0.2
            asking.append(group.exchange(wish))
        await DeferredList(asking, consumeErrors=True)
        group.stop()
        return group.upstreams[0].pool.opened

    async def test_in_flight(self) -> None:
        """No more queries share a connection than configured."""
        assert await self.opened(max_in_flight=2) == 1
        assert await self.opened(max_in_flight=1) == 2

    async def test_in_flight_in_all(self) -> None:
        """Nor do more go to one server, over however many connections."""
        assert await self.opened(1, max_in_flight=1) == 1
        assert await self.opened(2, max_in_flight=1) == 2

    async def test_connections(self) -> None:
        """There are no more connections than configured, even if queries wait."""
        assert await self.opened(max_in_flight=1, max_connections=1) == 1

    async def test_idle(self) -> None:
        """A connection is closed when it was idle for as long as configured.

        This server has no wish of its own (RFC 7828).
        """
        self.zone = tight_lipped
        upstream = replace(self.serve(self.issued), ca_file=self.ca_file())
        group = routes(make_config(upstream, idle_timeout=0), reactor, to_default)
        await group.exchange(parse_query(query(1)))
        pool = group.upstreams[0].pool
        assert len(pool.connections) == 1
        end = reactor.seconds() + 2
        while pool.connections and reactor.seconds() < end:
            await deferLater(reactor, 0.01)
        assert not pool.connections
        assert pool.closed_by_peer == 0
        group.stop()
