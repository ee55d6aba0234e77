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
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.config.model import DEFAULT_LISTEN, Config, ConfigError, Forward, Upstream
from dotproxy.lab import zone
from dotproxy.lab.certificates import Authority, Issued, Leaf
from dotproxy.lab.server import LabServer
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.strategy import Strategy
from dotproxy.upstream.tls import pin
from dotproxy.upstreams import group_of
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import parse_query
from tests.clients import BROKEN_PEM, answer_to, file_of, query
from tests.resolvers import Network

ONE = Upstream(("192.0.2.1", "192.0.2.2"), server_name="dns.one.example")
TWO = Upstream(("2001:db8::2",), port=8853)
LOST = Upstream((), server_name="dns.lost.example", bootstrap=("192.0.2.53",))


def make_config(*upstreams: Upstream, **forward: Any) -> Config:
    return Config(DEFAULT_LISTEN, upstreams, forward=Forward(**forward))


def tight_lipped(wish: bytes) -> zone.Reply:
    """Answer without EDNS, and so without a word on how long to stay."""
    answer = answer_to(parse_query(wish))
    return zone.Reply(wish[:2] + answer.body[2:], 0)


class GroupTests(SynchronousTestCase):
    """What is dialled, on a reactor of which nothing answers."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()

    def ask(self, group: Strategy, name: str = "www.example.com") -> Deferred[Answer]:
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
        group = group_of(make_config(ONE, TWO, LOST), self.reactor)
        names = [upstream.name for upstream in group.upstreams]
        assert names == ["dns.one.example", "2001:db8::2", "dns.lost.example"]
        assert self.dialled() == []

    def test_addresses(self) -> None:
        """An upstream is dialled at its addresses, in their order, and at its port."""
        self.ask(group_of(make_config(ONE), self.reactor))
        assert self.dialled() == [("192.0.2.1", 853)]
        self.reactor.advance(0.25)
        assert self.dialled() == [("192.0.2.2", 853)]
        self.ask(group_of(make_config(TWO), self.reactor))
        assert self.dialled() == [("2001:db8::2", 8853)]

    def test_bootstrap(self) -> None:
        """One without an address is looked up, at the resolver that was given."""
        network = Network()
        group = group_of(make_config(LOST), network)
        assert network.open == []
        self.ask(group)
        assert {port.resolver for port in network.open} == {("192.0.2.53", 53)}
        asked = dns.message.from_wire(network.open[0].sent).question[0]
        assert str(asked.name) == "dns.lost.example."
        group.stop()
        assert network.open == []

    def test_connect_timeout(self) -> None:
        """A connection has the configured time, and not more."""
        group = group_of(make_config(TWO, connect_timeout=0.5), self.reactor)
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
        group = group_of(make_config(ONE, TWO, strategy="round-robin"), self.reactor)
        self.ask(group)
        assert self.dialled() == [("192.0.2.1", 853)]
        self.ask(group)
        assert self.dialled() == [("2001:db8::2", 8853)]

    def test_failover(self) -> None:
        """By default, the first is asked as long as it answers in time."""
        group = group_of(make_config(ONE, TWO), self.reactor)
        for _ in range(2):
            self.ask(group)
        assert self.dialled() == [("192.0.2.1", 853)]

    def test_race(self) -> None:
        """In a race, all are asked at once."""
        self.ask(group_of(make_config(ONE, TWO, strategy="race"), self.reactor))
        assert self.dialled() == [("192.0.2.1", 853), ("2001:db8::2", 8853)]


class CaFileTests(SynchronousTestCase):
    def complaint(self, ca_file: str) -> str:
        config = make_config(replace(ONE, ca_file=ca_file))
        with self.assertRaises(ConfigError) as caught:
            group_of(config, MemoryReactorClock())
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
        group = group_of(config, reactor)
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

    async def opened(self, **limits: Any) -> int:
        """Ask something slow and then something fast, and count the connections."""
        upstream = replace(self.serve(self.issued), ca_file=self.ca_file())
        group = group_of(make_config(upstream, **limits), reactor)
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

    async def test_connections(self) -> None:
        """There are no more connections than configured, even if queries wait."""
        assert await self.opened(max_in_flight=1, max_connections=1) == 1

    async def test_idle(self) -> None:
        """A connection is closed when it was idle for as long as configured.

        This server has no wish of its own (RFC 7828).
        """
        self.zone = tight_lipped
        upstream = replace(self.serve(self.issued), ca_file=self.ca_file())
        group = group_of(make_config(upstream, idle_timeout=0), reactor)
        await group.exchange(parse_query(query(1)))
        pool = group.upstreams[0].pool
        assert len(pool.connections) == 1
        end = reactor.seconds() + 2
        while pool.connections and reactor.seconds() < end:
            await deferLater(reactor, 0.01)
        assert not pool.connections
        assert pool.closed_by_peer == 0
        group.stop()
