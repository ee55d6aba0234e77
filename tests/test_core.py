"""What is made of one configuration, and goes when another takes its place."""

from collections.abc import Sequence
from functools import partial
from random import Random
from typing import cast

import dns.message
from msgspec.structs import replace
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy import core, resolver
from dotproxy.config.caching import Caching
from dotproxy.config.model import DEFAULT_LISTEN, Config, ConfigError, Upstream
from dotproxy.config.rule import Rule
from dotproxy.config.shared_cache import Shared as SharedCaching
from dotproxy.config.upstream import DEFAULT_GROUP
from dotproxy.core import Core, Plan, Sources, plan_for
from dotproxy.lab.certificates import Authority
from dotproxy.local.book import Book
from dotproxy.local.rules import Rules
from dotproxy.sharing import sharing_of
from dotproxy.upstream.breaker import Breaker, State
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.proof import Proof
from dotproxy.upstream.store import Store
from dotproxy.upstream.strategy import Strategy, order_by
from dotproxy.upstream.ticker import TICK
from dotproxy.upstream.tls import Trust
from tests.clients import file_of
from tests.fake_redis import FakeRedis
from tests.fakes import FakeServer, make_query
from tests.redirects import GATEWAY, redirect, rules_of
from tests.test_certificates import NOW

SERVER = Upstream(("192.0.2.1",), server_name="dns.example")
CONFIG = Config(DEFAULT_LISTEN, (SERVER,))
BOOK = Book.read(CONFIG.naming)

HERE: Sources = frozenset({(SERVER, Trust("dns.example"))})
ELSEWHERE: Sources = frozenset({(SERVER, Trust("dns.example", frozenset({"pin"})))})


class CoreTests(SynchronousTestCase):
    """One core after another, each with an upstream that answers when it is told to."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.patch(core, "uptime", self.clock.seconds)
        self.patch(resolver, "uptime", self.clock.seconds)
        self.upstreams: list[FakeServer] = []
        self.core = Core(self.plan(), Rules(BOOK), self.clock)

    def plan(self, sources: Sources = HERE, config: Config = CONFIG) -> Plan:
        upstream = FakeServer("one", self.clock)
        self.upstreams.append(upstream)
        servers = cast(Sequence[DoT], [upstream])
        order = order_by("failover", Random(1))
        group = Strategy(servers, order, self.clock)
        return Plan(config, {DEFAULT_GROUP: group}, sources, BOOK)

    def ask(self, core: Core, name: str = "example.com") -> bytes | Deferred[bytes]:
        query = make_query(name)
        query.deadline = self.clock.seconds() + 5
        return core.forwarder.resolve(query)

    def known(self, name: str = "example.com") -> None:
        """Have the first core learn a name."""
        self.ask(self.core, name)
        self.upstreams[0].answer()

    def pass_time(self, seconds: float) -> None:
        self.clock.pump([TICK] * round(seconds / TICK))

    def address(self, reply: bytes | Deferred[bytes]) -> str:
        """Return the address in a reply that is there."""
        if isinstance(reply, Deferred):
            reply = self.successResultOf(reply)
        return str(dns.message.from_wire(reply).answer[0][0])


class FollowTests(CoreTests):
    def test_same_sources(self) -> None:
        """What was learned from the same upstreams is known, and nobody is asked."""
        self.known()
        after = self.core.followed_by(self.plan())
        assert isinstance(self.ask(after), bytes)
        assert self.upstreams[1].asked == []

    def test_other_sources(self) -> None:
        """What others said, or said for other reasons to be believed, is not."""
        self.known()
        after = self.core.followed_by(self.plan(ELSEWHERE))
        assert isinstance(self.ask(after), Deferred)
        assert len(self.upstreams[1].asked) == 1

    def test_late_answer(self) -> None:
        """Nor is what they say later, in answer to what they were asked before."""
        early = self.ask(self.core)
        after = self.core.followed_by(self.plan(ELSEWHERE))
        self.upstreams[0].answer(address="192.0.2.66")
        assert self.address(early) == "192.0.2.66"
        assert isinstance(self.ask(after), Deferred)

    def test_not_joined(self) -> None:
        """Who asks later does not wait for their answers, even to the same question."""
        early = self.ask(self.core)
        late = self.ask(self.core.followed_by(self.plan(ELSEWHERE)))
        self.upstreams[1].answer(address="192.0.2.2")
        assert self.address(late) == "192.0.2.2"
        self.upstreams[0].answer(address="192.0.2.66")
        assert self.address(early) == "192.0.2.66"

    def test_size(self) -> None:
        """A new size of the cache takes effect at once."""
        for name in ("one.example", "two.example"):
            self.known(name)
        cache = self.core.forwarder.cache
        size = cache.octets - 1
        smaller = replace(CONFIG, cache=Caching(size=size))
        self.core.followed_by(self.plan(config=smaller))
        assert (len(cache), cache.octets <= size) == (1, True)

    def test_due(self) -> None:
        """What is in use and about to end is asked of the new upstreams."""
        self.known()
        after = self.core.followed_by(self.plan())
        self.clock.advance(295)
        assert isinstance(self.ask(after), bytes)
        assert [len(each.asked) for each in self.upstreams] == [1, 1]

    def test_failures(self) -> None:
        """What failed a moment ago is tried anew."""
        self.ask(self.core)
        self.upstreams[0].answer(rcode=2)
        after = self.core.followed_by(self.plan())
        assert isinstance(self.ask(after), Deferred)


class OriginsTests(CoreTests):
    """Where origins are, for the gateway."""

    def find(self) -> bytes | Deferred[bytes]:
        query = make_query("www.example")
        query.deadline = self.clock.seconds() + 5
        return self.core.origins.resolve(query)

    def test_straight(self) -> None:
        """Upstreams say so, whatever rules say, and it is remembered apart."""
        rules = rules_of(redirect("www.example"))
        self.core = Core(self.plan(), rules, self.clock)
        assert self.address(self.ask(self.core, "www.example")) == GATEWAY[0]
        finding = self.find()
        self.upstreams[-1].answer()
        assert self.address(finding) == self.address(self.find()) == "192.0.2.1"
        assert self.address(self.ask(self.core, "www.example")) == GATEWAY[0]

    def test_stop(self) -> None:
        """At the end no clock of it goes on, not for those with a stale answer."""
        self.find()
        self.upstreams[0].answer()
        self.pass_time(301)
        finding = self.find()
        self.core.stop()
        assert isinstance(finding, Deferred)
        assert self.address(finding) == "192.0.2.1"
        assert self.clock.getDelayedCalls() == []


class EndTests(CoreTests):
    def test_idle(self) -> None:
        """A core of which nobody wants anything is gone at once."""
        self.successResultOf(self.core.drain())
        assert self.upstreams[0].drained
        assert self.clock.getDelayedCalls() == []

    def test_under_way(self) -> None:
        """What it was asked is answered; then it is gone, and no delayed call left."""
        early = self.ask(self.core)
        draining = self.core.drain()
        self.pass_time(1)
        self.assertNoResult(draining)
        self.upstreams[0].answer()
        assert self.address(early) == "192.0.2.1"
        self.pass_time(2 * TICK)
        self.successResultOf(draining)
        assert self.upstreams[0].drained
        assert self.clock.getDelayedCalls() == []

    def test_stale(self) -> None:
        """So it is where a client would get a stale answer soon."""
        self.known()
        self.clock.advance(400)
        early = self.ask(self.core)
        assert isinstance(early, Deferred)
        draining = self.core.drain()
        self.pass_time(2)
        self.successResultOf(early)
        self.upstreams[0].answer()
        self.pass_time(2 * TICK)
        self.successResultOf(draining)
        assert self.clock.getDelayedCalls() == []

    def test_in_vain(self) -> None:
        """It lasts until the last deadline, and not longer."""
        early = self.ask(self.core)
        assert isinstance(early, Deferred)
        draining = self.core.drain()
        self.pass_time(4.9)
        self.assertNoResult(draining)
        self.pass_time(0.3)
        self.successResultOf(early)
        self.successResultOf(draining)
        assert self.clock.getDelayedCalls() == []

    def test_stop(self) -> None:
        """Who is in a hurry stops it: who waits hears so, and nothing is left."""
        early = self.ask(self.core)
        assert isinstance(early, Deferred)
        draining = self.core.drain()
        self.core.stop()
        assert b"stopped" in self.successResultOf(early)
        self.successResultOf(draining)
        assert self.upstreams[0].stopped
        assert self.clock.getDelayedCalls() == []


class RemindTests(SynchronousTestCase):
    def key_shown(self, core: Core, key: str) -> list[str]:
        """Have the first upstream show a key; return what is worth a line of that."""
        upstream = core.upstreams.upstreams[0]
        assert isinstance(upstream, DoT)
        return upstream.pool.warnings.hear("", Proof(0.0, (key,), 2.0, 1.0))

    def test_keys(self) -> None:
        """Keys are remembered over a reload by the upstream's name, and no other's."""
        reactor = MemoryReactorClock()
        plan = plan_for(CONFIG, None, reactor)
        core = Core(plan, Rules(plan.book), reactor)
        assert self.key_shown(core, "old") == []
        pinned = replace(SERVER, spki_pins=("A" * 43 + "=",))
        other = replace(SERVER, server_name="other.example")
        for server, news in ((SERVER, 1), (pinned, 1), (other, 0)):
            config = replace(CONFIG, upstream=(server,))
            after = core.followed_by(plan_for(config, plan.book, reactor))
            assert len(self.key_shown(after, f"of {server.spki_pins}")) == news


class PlanTests(SynchronousTestCase):
    def sources(self, config: Config) -> Sources:
        return plan_for(config, None, MemoryReactorClock()).sources

    def test_same(self) -> None:
        """The order of upstreams, and how they are asked, does not matter."""
        other = replace(SERVER, port=8853)
        one = replace(CONFIG, upstream=(SERVER, other))
        two = replace(CONFIG, upstream=(other, SERVER))
        assert self.sources(one) == self.sources(two)

    def test_other(self) -> None:
        """Another server, another pin or another profile is another source."""
        found = [
            self.sources(config)
            for config in (
                CONFIG,
                replace(CONFIG, upstream=(replace(SERVER, addresses=("192.0.2.2",)),)),
                replace(
                    CONFIG, upstream=(replace(SERVER, spki_pins=("A" * 43 + "=",)),)
                ),
                replace(CONFIG, upstream=(SERVER, replace(SERVER, port=8853))),
                replace(CONFIG, profile="opportunistic"),
            )
        ]
        assert len(set(found)) == 5

    def test_authorities(self) -> None:
        """So are other authorities, in a file of the same name."""
        file = file_of(Authority.create("one", NOW).pem, self.addCleanup)
        config = replace(CONFIG, upstream=(replace(SERVER, ca_file=file),))
        before = self.sources(config)
        assert self.sources(config) == before
        with open(file, "wb") as written:
            written.write(Authority.create("two", NOW).pem)
        assert self.sources(config) != before

    def test_fault(self) -> None:
        """A file of authorities that is gone is a fault."""
        config = replace(CONFIG, upstream=(replace(SERVER, ca_file="/none.pem"),))
        with self.assertRaises(ConfigError):
            self.sources(config)

    def test_rules(self) -> None:
        """The rules are read as well; what has not changed is taken over as it is."""
        file = file_of(b"ads.example\n", self.addCleanup)
        config = replace(CONFIG, rule=(Rule("block", files=(file,)),))
        before = plan_for(config, None, MemoryReactorClock()).book
        assert before.find(b"\3ads\7example\0") is not None
        assert plan_for(config, before, MemoryReactorClock()).book is before

    def test_no_list(self) -> None:
        """A list that is not there is a fault."""
        config = replace(CONFIG, rule=(Rule("block", files=("/none.txt",)),))
        with self.assertRaises(ConfigError) as caught:
            plan_for(config, None, MemoryReactorClock())
        assert (
            str(caught.exception)
            == "/none.txt cannot be read: No such file or directory"
        )


def shared_at(url: str, secret_file: str = "") -> Config:
    """Return a configuration with a shared cache."""
    shared = SharedCaching(url=url, secret_file=secret_file)
    return replace(CONFIG, cache=Caching(shared=shared))


HERE_SHARED = shared_at("redis://10.0.0.1")


class SharedTests(CoreTests):
    """The same with a cache that others share, each time another connection."""

    def plan(self, sources: Sources = HERE, config: Config = HERE_SHARED) -> Plan:
        sharing = sharing_of(config, [Trust("dns.example")], MemoryReactorClock())
        return super().plan(sources, config)._replace(sharing=sharing)

    def is_kept(self, config: Config) -> bool:
        """Whether the cache goes on with this configuration."""
        core = self.core.followed_by(self.plan(config=config))
        return core.forwarder.cache is self.core.forwarder.cache

    def test_asked_first(self) -> None:
        """It is asked before the upstreams, which are asked at once where it is not."""
        self.ask(self.core)
        [server] = self.upstreams
        self.assertEqual(len(server.asked), 1)
        assert self.core.shared is not None
        self.assertEqual(self.core.shared.store.skipped, 1)

    def test_origin(self) -> None:
        """What is shared stands for the group that is asked."""
        shared, sharing = self.core.shared, self.plan().sharing
        assert shared is not None
        assert sharing is not None
        self.assertEqual(shared._origin(make_query()), sharing.origins[DEFAULT_GROUP])

    def test_kept(self) -> None:
        """What was learned stays while the same is believed."""
        self.assertTrue(self.is_kept(HERE_SHARED))
        shared = SharedCaching(url="redis://10.0.0.1", timeout=0.01)
        slower = replace(CONFIG, cache=Caching(shared=shared))
        self.assertTrue(self.is_kept(slower))
        self.assertFalse(self.is_kept(CONFIG))
        self.assertFalse(self.is_kept(shared_at("redis://10.0.0.2")))

    def test_begun(self) -> None:
        """One that is new takes nothing away."""
        self.core = Core(self.plan(config=CONFIG), Rules(BOOK), self.clock)
        self.assertIsNone(self.core.shared)
        self.assertTrue(self.is_kept(HERE_SHARED))

    def test_forgotten(self) -> None:
        """What is forgotten stays so over a reload."""
        assert self.core.shared is not None
        self.core.shared.seal.forget()
        core = self.core.followed_by(self.plan())
        assert core.shared is not None
        self.assertEqual(core.shared.seal.since, self.core.shared.seal.since)
        self.assertGreater(core.shared.seal.since, 0)

    def test_drained(self) -> None:
        """Who waits for the shared cache during a reload is asked for upstream."""
        redis = FakeRedis(self.clock)
        redis.start()
        attempt = partial(succeed, redis.connection)
        store = Store("redis://here", attempt, self.clock, Breaker(Random(1)))
        plan = self.plan()
        assert plan.sharing is not None
        sharing = plan.sharing._replace(store=store)
        core = Core(plan._replace(sharing=sharing), Rules(BOOK), self.clock)
        server = self.upstreams[-1]
        self.ask(core, "first.example")
        self.ask(core, "second.example")
        self.assertEqual(len(server.asked), 1)
        core.drain()
        self.assertEqual(len(server.asked), 2)
        self.assertFalse(server.drained)

    def test_stopped(self) -> None:
        """At the end nothing more is asked of it."""
        assert self.core.shared is not None
        store = self.core.shared.store
        self.core.stop()
        store.get(b"key")
        self.assertIs(store.state, State.OPEN)
