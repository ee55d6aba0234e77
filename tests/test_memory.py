"""What was learned, answers and failures together."""

from collections.abc import Callable
from unittest import TestCase

from dotproxy.config.caching import Caching
from dotproxy.local.cache import Cache
from dotproxy.local.failures import Failures
from dotproxy.local.memory import Memory
from dotproxy.wire.message import NOERROR, NXDOMAIN, SERVFAIL
from dotproxy.wire.query import Query
from tests.messages import opt
from tests.traces import follow
from tests.words import NXDOMAIN as NO_SUCH_NAME
from tests.words import SOA, Time, answering, asking, error_codes, read, ttls

DAY = 86400


class MemoryTests(TestCase):
    def setUp(self) -> None:
        self.time = Time()
        self.memory = self.create(Caching())
        self.query = asking("example.com", "A", opt())

    def create(
        self, options: Caching, exact: Callable[[Query], bool] = lambda _: False
    ) -> Memory:
        return Memory(Cache(options, self.time), Failures(self.time), exact)

    def succeed(self, query: Query | None = None) -> None:
        """Bring an answer that holds for 100 s."""
        asked = query or self.query
        self.memory.learn(asked, answering(asked, "@ 100 A 192.0.2.1"))

    def break_down(self) -> None:
        """Bring word that there is no answer."""
        self.memory.learn(self.query, answering(self.query, flags=0x8182))

    def told(self) -> tuple[int, list[int], list[int]] | None:
        """Return RCODE, TTLs and INFO-CODEs of the reply, if there is one."""
        reply = self.memory.answer(self.query)
        if reply is None:
            return None
        return read(reply).rcode(), ttls(reply), error_codes(reply)

    def test_exact(self) -> None:
        """Some answers are kept for as long as they say, and no longer."""
        query, other = self.query, asking("other.example", "A", opt())
        self.memory = self.create(Caching(min_ttl=300), lambda each: each is other)
        for each in (query, other):
            self.succeed(each)
        assert self.told() == (NOERROR, [300], [])
        self.query = other
        assert self.told() == (NOERROR, [100], [])
        self.time.now += 300
        assert self.memory.stale(other) is None
        assert self.memory.stale(query) is not None

    def test_nothing(self) -> None:
        """What was never asked is left to the upstream."""
        assert self.told() is None

    def test_answer(self) -> None:
        """What was learned is known until it ends."""
        self.succeed()
        self.time.now += 99
        assert self.told() == (NOERROR, [1], [])
        self.time.now += 1
        assert self.told() is None

    def test_failure(self) -> None:
        """A failure is the answer for a while, and then asked again (RFC 9520 3.2)."""
        self.break_down()
        assert self.told() == (SERVFAIL, [], [13])
        assert len(self.memory.cache) == 0
        self.time.now += 2
        assert self.told() is None

    def test_fresh(self) -> None:
        """A failure never hides an answer that holds (RFC 9520 section 3.2)."""
        self.succeed()
        self.time.now += 50
        self.break_down()
        assert self.told() == (NOERROR, [50], [])

    def test_stale(self) -> None:
        """Nor one that may serve stale, while asking is no use (RFC 8767 section 5)."""
        self.succeed()
        self.time.now += 200
        assert self.told() is None
        self.break_down()
        assert self.told() == (NOERROR, [30], [3])
        self.time.now += 2
        assert self.told() is None

    def test_stale_absence(self) -> None:
        """That there is no such name is such an answer (RFC 8914 section 4.20)."""
        absent = answering(self.query, authority=(SOA,), flags=NO_SUCH_NAME)
        self.memory.learn(self.query, absent)
        self.time.now += 200
        self.break_down()
        assert self.told() == (NXDOMAIN, [30], [19])

    def test_source(self) -> None:
        """A query knows where its reply came from."""
        sources = []
        self.break_down()
        for _ in range(2):
            self.told()
            sources.append(self.query.source)
            self.succeed()
        self.time.now += 200
        self.break_down()
        self.told()
        assert [*sources, self.query.source] == ["error", "cache", "stale"]

    def test_too_old(self) -> None:
        """What is too old to serve leaves the failure (RFC 8767 section 5)."""
        self.succeed()
        self.time.now += 100 + DAY + 1
        self.break_down()
        assert self.told() == (SERVFAIL, [], [13])

    def test_nothing_stale_wanted(self) -> None:
        """So it is where nothing stale is wanted."""
        self.memory = self.create(Caching(serve_stale=False))
        self.succeed()
        self.time.now += 100
        self.break_down()
        assert self.told() == (SERVFAIL, [], [13])

    def test_over(self) -> None:
        """A good answer ends the failure (RFC 9520 section 3.2)."""
        self.break_down()
        self.succeed()
        assert self.told() == (NOERROR, [100], [])
        self.time.now += 100
        assert self.told() is None

    def test_over_though_not_kept(self) -> None:
        """So does one that is not kept itself."""
        self.break_down()
        self.memory.learn(self.query, answering(self.query, "@ 0 A 192.0.2.1"))
        assert self.told() is None

    def test_counts(self) -> None:
        """The cache counts what it gave, and what served stale."""
        self.succeed()
        self.told()
        self.time.now += 200
        self.break_down()
        self.told()
        cache = self.memory.cache
        assert (cache.hits, cache.misses, cache.stale_hits) == (1, 1, 1)

    def test_flush(self) -> None:
        """What is forgotten is asked again, and so is what failed."""
        self.succeed()
        self.succeed(asking("www.example.com"))
        self.succeed(asking("example.net"))
        assert self.memory.flush(b"\7example\3com\0") == 1
        assert self.memory.flush(b"\7example\3com\0", subtree=True) == 1
        assert self.memory.answer(asking("example.net")) is not None
        self.break_down()
        assert self.memory.flush() == 1
        assert self.memory.answer(asking("example.net")) is None
        assert self.told() is None

    def test_sources(self) -> None:
        """A reply counts by its source, and what nobody knew counts nowhere."""
        self.told()
        self.succeed()
        self.told()
        self.time.now += 100
        assert self.memory.stale(self.query) is not None
        self.memory.flush()
        assert self.memory.stale(self.query) is None
        self.break_down()
        self.told()
        by_source = self.memory.replies.by_source()
        found = {
            (source, rcode): count
            for source, counts in by_source.items()
            for rcode, count in enumerate(counts)
            if count
        }
        assert found == {
            ("cache", NOERROR): 1, ("stale", NOERROR): 1, ("error", SERVFAIL): 1
        }  # fmt: skip

    def test_way(self) -> None:
        """A miss, what is learned, a hit, and that it ended: a trace has each."""
        told = follow(self.query)
        self.memory.answer(self.query)
        self.succeed()
        self.time.now += 30
        self.memory.answer(self.query)
        self.time.now += 90
        self.memory.answer(self.query)
        self.memory.stale(self.query)
        assert told.steps == [
            "cache: a miss, nothing is kept",
            "learned: NOERROR, 1 records, kept for 100 s",
            "cache: a hit, 30 s old, holds for 70 s more",
            "cache: a miss, what is kept ended 20 s ago",
            "stale: what is kept has to do",
        ]

    def test_way_of_failure(self) -> None:
        """So it has a failure that is remembered."""
        told = follow(self.query)
        self.break_down()
        self.memory.answer(self.query)
        assert told.steps[-2:] == [
            "cache: a miss, nothing is kept",
            "cache: it failed a moment ago, so nobody is asked yet",
        ]
