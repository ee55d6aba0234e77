"""A Twisted IResolver whose every question leaves over verified TLS."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import dns.edns
import dns.message
import dns.rcode
import dns.rrset
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IResolver
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.names.dns import IN, MX, RRHeader
from twisted.names.dns import Query as NamesQuery
from twisted.names.error import DNSNameError, DNSQueryRefusedError, DNSServerError
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from dotproxy import resolver
from dotproxy.config.caching import Caching
from dotproxy.config.gateway import Gateway
from dotproxy.config.model import DEFAULT_LISTEN, Config, Forward, Upstream
from dotproxy.forwarder import Forwarder
from dotproxy.lab.server import create_lab
from dotproxy.local.cache import Cache
from dotproxy.local.refusals import Refusals
from dotproxy.local.rules import Rules
from dotproxy.resolver import (
    DoTResolver,
    Known,
    Sections,
    create_forwarder,
    create_resolver,
    read_book,
)
from dotproxy.upstream.interface import IUpstream
from dotproxy.upstreams import routes
from dotproxy.wire.answer import parse_answer
from dotproxy.wire.query import parse_query
from tests.clients import Dark, Held, Zone, file_of
from tests.fakes import SERVFAIL, FakeUpstream, make_query
from tests.redirects import GATEWAY, redirect
from tests.test_forwarder import make_forwarder
from tests.words import answering

NOBODY = Upstream(("192.0.2.1",), port=8853, server_name="dns.example")


def make_resolver(
    upstream: IUpstream, clock: Clock | None = None, timeout: float = 5.0
) -> DoTResolver:
    clock = clock or Clock()
    forwarder = make_forwarder(upstream, clock, Refusals())
    return DoTResolver(forwarder, clock, timeout)


def texts(records: list[RRHeader]) -> list[bytes]:
    """Return the strings of TXT records, in order."""
    return sorted(b"".join(record.payload.data) for record in records)


class LookupTests(SynchronousTestCase):
    """What comes of each kind of look-up, in front of the lab's zone."""

    def setUp(self) -> None:
        self.resolver = make_resolver(Zone())

    def found(self, looking: Deferred[Sections]) -> list[RRHeader]:
        """Return the records that answer."""
        return self.successResultOf(looking)[0]

    def test_interface(self) -> None:
        """It is an IResolver, with all that belongs to one."""
        verifyObject(IResolver, self.resolver)

    def test_address(self) -> None:
        """lookupAddress fires with the A records."""
        records = self.found(self.resolver.lookupAddress("www.lab.example"))
        addresses = sorted(record.payload.dottedQuad() for record in records)
        assert addresses == ["192.0.2.1", "192.0.2.2"]
        assert {str(record.name) for record in records} == {"www.lab.example"}
        assert {record.ttl for record in records} == {300}

    def test_ipv6_address(self) -> None:
        """lookupIPV6Address fires with the AAAA records."""
        (record,) = self.found(self.resolver.lookupIPV6Address(b"www.lab.example"))
        assert record.payload.address == bytes.fromhex("20010db8" + "00" * 11 + "01")

    def test_mail_exchange(self) -> None:
        """lookupMailExchange fires with the MX records, and hosts' addresses beside."""
        looking = self.resolver.lookupMailExchange("mail.lab.example")
        (record,), _, additional = self.successResultOf(looking)
        assert record.type == MX
        assert record.payload.preference == 10
        assert str(record.payload.name) == "mx.lab.example"
        assert {str(each.name) for each in additional} == {"mx.lab.example"}

    def test_text(self) -> None:
        """lookupText fires with all records, though they fill 3 KB."""
        found = texts(self.found(self.resolver.lookupText("big.lab.example")))
        assert found == [b"%02d " % number + b"." * 177 for number in range(16)]

    def test_https(self) -> None:
        """lookupHTTPS fires with the octets of records that names cannot read."""
        (record,) = self.found(self.resolver.lookupHTTPS("www.lab.example"))
        assert record.type == 65
        # Priority 1, the name itself, alpn, ipv4hint, ipv6hint (RFC 9460 section 2.2).
        assert record.payload.data == (
            b"\0\1\0"
            b"\0\1\0\6\2h2\2h3"
            b"\0\4\0\4\xc0\0\2\1"
            b"\0\6\0\x10\x20\x01\x0d\xb8" + bytes(11) + b"\1"
        )

    def test_any_type(self) -> None:
        """query() looks up types that names has no method for."""
        https = NamesQuery("www.lab.example", 65, IN)
        (record,) = self.found(self.resolver.query(https))
        assert record.type == 65
        unheard_of = NamesQuery("www.lab.example", 65280, IN)
        answers, authority, _ = self.successResultOf(self.resolver.query(unheard_of))
        assert answers == []
        assert [str(record.name) for record in authority] == ["lab.example"]

    def test_no_such_name(self) -> None:
        """NXDOMAIN fails with DNSNameError, which has the whole message."""
        looking = self.resolver.lookupAddress("nowhere.lab.example")
        message = self.failureResultOf(looking, DNSNameError).value.args[0]
        assert [str(record.name) for record in message.authority] == ["lab.example"]

    def test_refused(self) -> None:
        """What is never forwarded is refused here."""
        looking = self.resolver.lookupZone("lab.example")
        self.failureResultOf(looking, DNSQueryRefusedError)

    def test_nobody_answers(self) -> None:
        """When no answer is to be had, a look-up fails with DNSServerError."""
        looking = make_resolver(Dark()).lookupAddress("www.lab.example")
        self.failureResultOf(looking, DNSServerError)

    def test_impossible_names(self) -> None:
        """A name that cannot be is a failure like any other, and never an exception."""
        for name in (b"a" * 64 + b".example", b"a" * 300, b"label." * 50):
            for look_up in (self.resolver.lookupAddress, self.resolver.lookupHTTPS):
                self.failureResultOf(look_up(name), ValueError)
        self.failureResultOf(self.resolver.getHostByName("label." * 50), ValueError)


class HostTests(SynchronousTestCase):
    """What getHostByName makes of the answers."""

    def setUp(self) -> None:
        self.upstream = Held()
        self.resolver = make_resolver(self.upstream)
        self.looking = self.resolver.getHostByName("host.example")

    def answer(self, *records: str, rcode: str = "NOERROR") -> str:
        """Answer the last query with some records; return its type."""
        query = self.upstream.asked[-1]
        reply = dns.message.make_response(dns.message.from_wire(query.wire))
        reply.set_rcode(dns.rcode.from_text(rcode))
        for record in records:
            owner, kind, rdata = record.split()
            rrset = dns.rrset.from_text(owner, 300, "IN", kind, rdata)
            reply.answer.append(rrset)
        self.upstream.waiting[-1].callback(parse_answer(reply.to_wire()))
        return {1: "A", 28: "AAAA"}[query.type]

    def test_ipv4(self) -> None:
        """An IPv4 address is enough."""
        assert self.answer("host.example. A 192.0.2.7") == "A"
        assert self.successResultOf(self.looking) == "192.0.2.7"
        assert len(self.upstream.asked) == 1

    def test_alias(self) -> None:
        """Aliases before the address are passed over."""
        self.answer("host.example. CNAME other.example.", "other.example. A 192.0.2.8")
        assert self.successResultOf(self.looking) == "192.0.2.8"

    def test_ipv6(self) -> None:
        """Without an IPv4 address, IPv6 will do."""
        assert self.answer() == "A"
        assert self.answer("host.example. AAAA 2001:db8::7") == "AAAA"
        assert self.successResultOf(self.looking) == "2001:db8::7"

    def test_timeout(self) -> None:
        """A time-out holds for either question."""
        self.resolver.getHostByName("other.example", (1, 2))
        self.answer()
        assert [query.deadline for query in self.upstream.asked[1:]] == [3, 3]

    def test_recursion(self) -> None:
        """The upstream is asked to follow every lead by itself (RD)."""
        assert self.upstream.asked[0].wire[2] == 0x01

    def test_none(self) -> None:
        """A name without any address is a DNSLookupError that says which."""
        self.answer("host.example. CNAME other.example.")
        self.answer()
        failure = self.failureResultOf(self.looking, DNSLookupError)
        assert "host.example has no address" in str(failure.value)

    def test_no_such_name(self) -> None:
        """A name that does not exist is not asked for twice."""
        self.answer(rcode="NXDOMAIN")
        self.failureResultOf(self.looking, DNSNameError)
        assert len(self.upstream.asked) == 1

    def test_failing(self) -> None:
        """If the second answer is a failure, so is the whole."""
        self.answer()
        self.answer(rcode="SERVFAIL")
        self.failureResultOf(self.looking, DNSServerError)


class MemoryTests(SynchronousTestCase):
    """What was looked up once."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.upstream = FakeUpstream("one")
        self.resolver = make_resolver(self.upstream, self.clock)

    def look_up(self) -> Deferred[Sections]:
        looking: Deferred[Sections] = self.resolver.lookupAddress("example.com")
        return looking

    def found(self, looking: Deferred[Sections]) -> tuple[str, int]:
        """Return the address that a look-up found, and for how long it holds."""
        ((record,), *_) = self.successResultOf(looking)
        return record.payload.dottedQuad(), record.ttl

    def test_kept(self) -> None:
        """It is looked up from memory, for as long as it holds."""
        first = self.look_up()
        self.upstream.answer()
        assert self.found(first) == ("192.0.2.1", 300)
        self.clock.advance(100)
        assert self.found(self.look_up()) == ("192.0.2.1", 200)
        assert len(self.upstream.asked) == 1

    def test_together(self) -> None:
        """Look-ups of the same name at the same time are one question."""
        looking = [self.look_up() for _ in range(3)]
        self.upstream.answer()
        assert {self.found(each) for each in looking} == {("192.0.2.1", 300)}
        assert len(self.upstream.asked) == 1

    def test_stale(self) -> None:
        """What holds no longer is better than a failure."""
        first = self.look_up()
        self.upstream.answer()
        self.found(first)
        self.clock.advance(400)
        second = self.look_up()
        self.upstream.fail()
        assert self.found(second) == ("192.0.2.1", 30)


class TimeoutTests(SynchronousTestCase):
    def deadlines(self, look_up: Callable[[DoTResolver], object]) -> list[float]:
        """Return by when an upstream is to answer what is looked up at second 7."""
        clock, upstream = Clock(), Held()
        clock.advance(7)
        look_up(make_resolver(upstream, clock, timeout=2.5))
        return [query.deadline for query in upstream.asked]

    def test_default(self) -> None:
        """Without a time-out there are as many seconds as the resolver grants."""
        assert self.deadlines(lambda r: r.lookupAddress("example.com")) == [9.5]
        assert self.deadlines(lambda r: r.lookupAddress("example.com", ())) == [9.5]

    def test_own(self) -> None:
        """A look-up may have its own: the sum of what the retries would take."""
        for timeout in ((4,), (1, 3), [1, 1, 2]):
            for look_up in (
                lambda resolver, timeout=timeout: resolver.lookupHTTPS("x", timeout),
                lambda resolver, timeout=timeout: resolver.getHostByName("x", timeout),
            ):
                assert self.deadlines(look_up) == [11]


class CreateTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        config = Config(DEFAULT_LISTEN, (NOBODY,), forward=Forward(timeout=2))
        self.resolver = create_resolver(config, self.reactor)

    def test_on_demand(self) -> None:
        """Nothing is connected before the first question."""
        assert self.reactor.tcpClients == []
        self.resolver.lookupAddress("www.example.com").addErrback(lambda _: None)
        ((host, port, *_),) = self.reactor.tcpClients
        assert (host, port) == ("192.0.2.1", 8853)
        self.reactor.pump([0.1] * 21)

    def test_timeout(self) -> None:
        """The configured time-out ends a look-up, and nothing is left to happen."""
        looking = self.resolver.lookupAddress("www.example.com")
        self.reactor.pump([0.1] * 19)
        self.assertNoResult(looking)
        self.reactor.pump([0.1] * 2)
        self.failureResultOf(looking, DNSServerError)
        self.reactor.pump([0.1] * 20)
        assert self.reactor.getDelayedCalls() == []

    def test_own_timeout(self) -> None:
        """So does a look-up's own, though it shares the question of a patient one."""
        patient = self.resolver.lookupAddress("www.example.com")
        hasty = self.resolver.lookupAddress("www.example.com", (0.5,))
        self.reactor.pump([0.1] * 7)
        self.assertNoResult(patient)
        self.failureResultOf(hasty, DNSServerError)
        self.reactor.pump([0.1] * 15)
        self.failureResultOf(patient, DNSServerError)

    def test_refused(self) -> None:
        """What is never forwarded is refused here, too."""
        looking = self.resolver.lookupZone("www.example.com")
        self.failureResultOf(looking, DNSQueryRefusedError)
        assert self.reactor.tcpClients == []


class CreateForwarderTests(SynchronousTestCase):
    """What stands between a resolver and its upstream; the cache has its own clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.patch(resolver, "uptime", self.clock.seconds)
        self.upstream = FakeUpstream("one")

    def create(self, **options: Any) -> Forwarder:
        config = Config(DEFAULT_LISTEN, (NOBODY,), cache=Caching(**options))
        return self.create_for(config)

    def create_for(self, config: Config) -> Forwarder:
        known = Known(Rules(read_book(config)), Cache(config.cache, self.clock.seconds))
        return create_forwarder(config, self.upstream, self.clock, known)

    def test_options(self) -> None:
        """Answers are kept as it is configured."""
        forwarder = self.create(max_ttl=7)
        forwarder.resolve(make_query())
        self.upstream.answer()
        reply = forwarder.resolve(make_query())
        assert isinstance(reply, bytes)
        assert dns.message.from_wire(reply).answer[0].ttl == 7
        self.clock.advance(7)
        assert isinstance(forwarder.resolve(make_query()), Deferred)

    def test_no_cache(self) -> None:
        """Where there is no room, nothing is kept."""
        forwarder = self.create(size=0)
        for count in (1, 2):
            forwarder.resolve(make_query())
            assert len(self.upstream.asked) == count
            self.upstream.answer()

    def test_stale(self) -> None:
        """A stale answer comes after the time that is configured."""
        forwarder = self.create(stale_client_timeout=0.5, stale_ttl=9)
        forwarder.resolve(make_query())
        self.upstream.answer()
        self.clock.advance(300)
        replying = forwarder.resolve(make_query())
        assert isinstance(replying, Deferred)
        self.clock.pump([0.01] * 49)
        self.assertNoResult(replying)
        self.clock.pump([0.01] * 7)
        reply = dns.message.from_wire(self.successResultOf(replying))
        assert reply.answer[0].ttl == 9

    def test_redirected(self) -> None:
        """What leads to the gateway is kept for a minute, and is never stale."""
        rule = redirect("www.example.com", policy="keep-ech")
        gateway = Gateway(addresses=GATEWAY)
        caching = Caching(min_ttl=300, stale_client_timeout=0.5)
        config = Config(
            DEFAULT_LISTEN, (NOBODY,), cache=caching, rule=(rule,), gateway=gateway
        )
        forwarder = self.create_for(config)
        query = make_query("www.example.com", "HTTPS")
        forwarder.resolve(query)
        asked, waiting = self.upstream.asked[-1]
        waiting.callback(answering(asked, "@ 300 HTTPS 1 . alpn=h2"))
        reply = forwarder.resolve(query)
        assert isinstance(reply, bytes)
        assert dns.message.from_wire(reply).answer[0].ttl == 60
        self.clock.advance(60)
        replying = forwarder.resolve(query)
        assert isinstance(replying, Deferred)
        self.clock.pump([0.01] * 100)
        self.assertNoResult(replying)

    def test_failed_lately(self) -> None:
        """What failed a moment ago is remembered."""
        forwarder = self.create()
        forwarder.resolve(make_query())
        self.upstream.answer(SERVFAIL)
        assert isinstance(forwarder.resolve(make_query()), bytes)
        assert len(self.upstream.asked) == 1
        self.clock.advance(2)
        assert isinstance(forwarder.resolve(make_query()), Deferred)

    def subnets(self, ecs: str, *subnets: str) -> list[bytes]:
        """Ask for clients of these subnets; return what upstreams hear of them."""
        config = Config(DEFAULT_LISTEN, (NOBODY,), forward=Forward(ecs=ecs))
        forwarder = self.create_for(config)
        for subnet in subnets:
            wish = dns.message.make_query("www.example.com", "A")
            wish.use_edns(0, options=[dns.edns.ECSOption(subnet, 24)])
            forwarder.resolve(parse_query(wish.to_wire()))
        return [query.subnet for query, _ in self.upstream.asked]

    def test_subnets(self) -> None:
        """Those who speak for different subnets share a query, unless that is kept."""
        clients = ("192.0.2.0", "198.51.100.0", "192.0.2.0")
        for ecs, heard in (
            ("strip", [b""]),
            ("private", [b"\0\1\0\0"]),
            ("keep", [b"\0\1\x18\0\xc0\0\2", b"\0\1\x18\0\xc6\x33\x64"]),
        ):
            with self.subTest(ecs=ecs):
                self.upstream.asked.clear()
                assert self.subnets(ecs, *clients) == heard

    def test_special(self) -> None:
        """What must not be forwarded is not."""
        assert isinstance(self.create().resolve(make_query(rdtype="AXFR")), bytes)
        assert self.upstream.asked == []


class OverTlsTests(TestCase):
    """The whole way: to the lab and back, over TLS."""

    timeout = 10

    def setUp(self) -> None:
        lab = create_lab(reactor, datetime.now(UTC))
        lab.server.startService()
        self.addCleanup(lab.server.stopService)
        upstream = Upstream(
            ("127.0.0.1",),
            port=lab.server.port,
            server_name=lab.server_name,
            ca_file=file_of(lab.ca_pem, self.addCleanup),
        )
        config = Config(DEFAULT_LISTEN, (upstream,))
        group = routes(config, reactor, lambda query: None)
        self.addCleanup(group.stop)
        self.resolver = make_resolver(group, reactor)

    async def test_many(self) -> None:
        """Look-ups of many kinds, at the same time and over one connection."""
        resolver = self.resolver
        host = resolver.getHostByName("alias.lab.example")
        text = resolver.lookupText("big.lab.example")
        exchange = resolver.lookupMailExchange("mail.lab.example")
        assert await host in ("192.0.2.1", "192.0.2.2")
        assert len(texts((await text)[0])) == 16
        assert len((await exchange)[0]) == 1

    async def test_no_such_name(self) -> None:
        """A name that does not exist is told from a server that fails."""
        with self.assertRaises(DNSNameError):
            await self.resolver.lookupAddress("nowhere.lab.example")

    async def test_timeout(self) -> None:
        """A look-up ends when its own time is over."""
        before = reactor.seconds()
        with self.assertRaises(DNSServerError):
            await self.resolver.lookupAddress("slow.lab.example", (0.1, 0.1))
        assert reactor.seconds() - before < 0.5
