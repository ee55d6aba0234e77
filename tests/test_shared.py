"""An upstream behind a cache that a fleet shares."""

from random import Random

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.caching import Caching
from dotproxy.local.lifetime import ttl_of
from dotproxy.local.seal import Seal
from dotproxy.shared import Shared
from dotproxy.upstream.breaker import Breaker
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.store import Store
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query
from dotproxy.wire.resp import command
from tests.fake_redis import FakeRedis
from tests.fakes import SERVFAIL, FakeUpstream, make_query
from tests.words import Time

ORIGIN = b"upstreams of ours"


class SharedTests(SynchronousTestCase):
    """Two nodes, each with an upstream of its own, and one server that both share."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.time = Time(1_700_000_000.0)
        self.redis = FakeRedis(self.clock)
        self.redis.start()
        self.upstream = FakeUpstream("one")
        self.origin: bytes | None = ORIGIN
        store = Store(
            "redis://here",
            lambda: succeed(self.redis.connection),
            self.clock,
            Breaker(Random(1)),
        )
        seal = Seal(b"", Caching(), self.time)
        self.shared = Shared(self.upstream, store, seal, lambda query: self.origin)
        # The first who asks lets the connection be made.
        self.shared.exchange(make_query("first.example"))
        self.redis.took()

    def ask(self, query: Query | None = None) -> Deferred[Answer]:
        return self.shared.exchange(query or make_query())

    def learn(self) -> bytes:
        """Let an answer be learned from upstream; return the value that was written."""
        sealed = self.shared.seal.close(ORIGIN, make_query(), self.answer())
        assert sealed is not None
        return sealed.value

    def answer(self) -> Answer:
        other = FakeUpstream("other")
        other.exchange(make_query())
        return other.answer()


class AskTests(SharedTests):
    def test_miss(self) -> None:
        """What nobody has learned is asked for upstream, and written behind."""
        answering = self.ask()
        assert len(self.upstream.asked) == 1
        self.redis.value(b"")
        self.redis.took()
        answer = self.upstream.answer()
        assert self.successResultOf(answering) is answer
        sealed = self.shared.seal.close(ORIGIN, make_query(), answer)
        assert sealed is not None
        words = (b"SET", sealed.key, sealed.value, b"EX", b"300")
        assert self.redis.took() == command(*words)
        assert (self.shared.hits, self.shared.misses) == (0, 1)

    def test_hit(self) -> None:
        """What another has learned is taken, and its TTL counts on."""
        value = self.learn()
        self.time.now += 100
        answering = self.ask()
        self.redis.value(value)
        answer = self.successResultOf(answering)
        assert [ttl_of(answer.body, it) for it in answer.records] == [200]
        assert len(self.upstream.asked) == 1
        assert (self.shared.hits, self.shared.misses) == (1, 0)

    def test_not_written_again(self) -> None:
        """What came from there is not written there."""
        value = self.learn()
        self.ask()
        self.redis.took()
        self.redis.value(value)
        assert self.redis.took() == b""

    def test_of_no_use(self) -> None:
        """A value that cannot be opened is a miss."""
        answering = self.ask()
        self.redis.value(b"garbage")
        answer = self.upstream.answer()
        assert self.successResultOf(answering) is answer
        assert self.shared.misses == 1

    def test_late(self) -> None:
        """Without a reply in time the upstream is asked, and has the last word."""
        answering = self.ask()
        self.redis.be_late()
        assert len(self.upstream.asked) == 2
        self.redis.value(self.learn())
        self.assertNoResult(answering)
        answer = self.upstream.answer()
        assert self.successResultOf(answering) is answer

    def test_unusable(self) -> None:
        """While it cannot be asked there is but the upstream; nothing is written."""
        self.redis.vanish()
        self.redis.took()
        answering = self.ask()
        answer = self.upstream.answer()
        assert self.successResultOf(answering) is answer
        assert self.redis.took() == b""

    def test_failures(self) -> None:
        """Failures stay here: an upstream's own, and that there was no answer."""
        self.ask()
        self.redis.value(b"")
        self.redis.took()
        self.upstream.answer(SERVFAIL)
        answering = self.ask()
        self.redis.value(b"")
        self.upstream.fail()
        self.failureResultOf(answering, UpstreamError)
        assert b"SET" not in self.redis.took()

    def test_kept_here(self) -> None:
        """Who has no origin is not shared at all."""
        self.origin = None
        answering = self.ask()
        answer = self.upstream.answer()
        assert self.successResultOf(answering) is answer
        assert self.redis.took() == b""

    def test_cancelled(self) -> None:
        """Who leaves early asks nobody; who leaves later is let go by the upstream."""
        looking = self.ask()
        looking.cancel()
        self.failureResultOf(looking, CancelledError)
        self.redis.value(b"")
        assert len(self.upstream.asked) == 1
        asking = self.ask()
        self.redis.value(b"")
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        assert len(self.upstream.cancelled) == 1
