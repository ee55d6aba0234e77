"""The cache: what is kept, for whom, for how long, and what leaves for it."""

import gc
import tracemalloc
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.config.caching import Caching
from dotproxy.local.cache import OVERHEAD, Cache
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.message import NXDOMAIN, TC
from dotproxy.wire.query import Query, limit_datagram, parse_query
from tests.long import long
from tests.messages import BACK, EXAMPLE, message, opt, quick, record
from tests.words import NXDOMAIN as NO_SUCH_NAME
from tests.words import (
    SOA,
    Time,
    answering,
    asking,
    error_codes,
    read,
    respelled,
    ttls,
)

DAY = 86400

Items = list[tuple[int, bytes, bytes]]


def numbered(number: int) -> Query:
    """Ask for one of many names that are all of one length."""
    name = b"\7n%06d\7example\3com\0\0\1\0\1" % number
    return parse_query(message(0x0100, [name], [], [], [opt()]))


def room_for(count: int) -> Caching:
    """Bound a cache to so many answers to numbered queries."""
    cache = Cache(Caching(), Time())
    keep(cache, numbered(0))
    return Caching(size=count * cache.octets)


def keep(
    cache: Cache, query: Query, ttl: int = 300, *, flags: int = 0x8180, size: int = 4
) -> None:
    """Let the cache learn an answer of one record, of `size` octets."""
    found = [record(BACK, query.type, bytes(size), ttl)]
    cache.learn(query, parse_answer(message(flags, [query.question], found)))


def cost(items: Items) -> int:
    """Return the octets that these entries take, by what the cache says of itself."""
    return sum(len(key) + len(entry) + OVERHEAD for _, key, entry in items)


class AnswerTests(TestCase):
    def setUp(self) -> None:
        self.time = Time()
        self.cache = Cache(Caching(), self.time)

    def test_nothing(self) -> None:
        """Of what was never asked nothing is known."""
        assert self.cache.answer(asking()) is None
        assert len(self.cache) == self.cache.octets == self.cache.hits == 0
        assert self.cache.misses == 1

    def test_kept(self) -> None:
        """What was learned is the answer to the next who asks."""
        keep(self.cache, asking())
        assert read(self.cache.answer(asking())).answer[0].to_text() == (
            "example.com. 300 IN A 0.0.0.0"
        )
        assert (len(self.cache), self.cache.hits, self.cache.misses) == (1, 1, 0)

    def test_counts_down(self) -> None:
        """TTLs count down in whole seconds, to 1 and no further (RFC 1035 3.2.1)."""
        keep(self.cache, asking(), 3)
        found = []
        for self.time.now in (1000.0, 1000.999, 1001.0, 1001.5, 1002.9):
            found += ttls(self.cache.answer(asking()))
        assert found == [3, 3, 2, 2, 1]
        self.time.now = 1003.0
        assert self.cache.answer(asking()) is None
        assert (self.cache.hits, self.cache.misses) == (5, 1)

    def test_any_clock(self) -> None:
        """A clock may begin anywhere, at 0 too."""
        for start in (0.0, 0.9, 10.0**9):
            time = Time(start)
            cache = Cache(Caching(), time)
            keep(cache, asking(), 10)
            time.now += 9
            assert ttls(cache.answer(asking())) == [1]
            time.now += 1
            assert cache.answer(asking()) is None

    def test_years(self) -> None:
        """It counts on for years."""
        self.time.now += 40 * 365 * DAY
        keep(self.cache, asking(), 10)
        self.time.now += 4
        assert ttls(self.cache.answer(asking())) == [6]

    def test_replaced(self) -> None:
        """What is newer takes the place of what is older."""
        keep(self.cache, asking(), 10)
        self.time.now += 5
        octets = self.cache.octets
        keep(self.cache, asking(), 300)
        self.time.now += 7
        assert ttls(self.cache.answer(asking())) == [293]
        assert (len(self.cache), self.cache.octets) == (1, octets)

    def test_absence(self) -> None:
        """That there is no such name is known for the SOA's time (RFC 2308 5, 6)."""
        answer = answering(asking(), authority=(SOA,), flags=NO_SUCH_NAME)
        self.cache.learn(asking(), answer)
        self.time.now += 15
        found = read(self.cache.answer(asking()))
        assert found.rcode() == NXDOMAIN
        assert [each.ttl for each in found.authority] == [45]
        self.time.now += 45
        assert self.cache.answer(asking()) is None

    def test_not_kept(self) -> None:
        """Failures, cut answers and the TTL 0 are not kept (RFC 1035 7.4, 3.2.1)."""
        for flags in (0x8182, 0x8185, 0x8380):
            keep(self.cache, asking(), flags=flags)
        keep(self.cache, asking(), 0)
        self.cache.learn(asking(), answering(asking(), flags=NO_SUCH_NAME))
        assert len(self.cache) == 0
        assert self.cache.answer(asking()) is None

    def test_failures_leave_it(self) -> None:
        """Neither failures nor cut answers take away what was known (RFC 8767 4)."""
        keep(self.cache, asking())
        for flags in (0x8182, 0x8185, 0x8380):
            keep(self.cache, asking(), flags=flags)
        assert ttls(self.cache.answer(asking())) == [300]

    def test_nothing_kept(self) -> None:
        """With the size 0 nothing is kept."""
        cache = Cache(Caching(size=0), self.time)
        keep(cache, asking())
        assert cache.answer(asking()) is None
        assert len(cache) == cache.octets == 0

    def test_small_client(self) -> None:
        """What came whole is cut, and TC set, for a small client (RFC 5625 4.4)."""
        query = asking("example.com", "TXT")
        some = [f"@ 300 TXT {'x' * 200}"] * 4
        self.cache.learn(query, answering(query, *some))
        limit_datagram(query)
        found = self.cache.answer(query)
        assert found is not None
        assert len(found) <= 512
        assert found[2] & TC
        assert len(ttls(found)) == 2
        assert len(ttls(self.cache.answer(asking("example.com", "TXT")))) == 4


class LookTests(TestCase):
    def test_look(self) -> None:
        """What is kept for a question is found for all flags, and nothing else is."""
        time = Time()
        cache = Cache(Caching(), time)
        plain, signed = (
            asking("Example.com"),
            asking("example.com", "A", opt(ttl=0x8000)),
        )
        keep(cache, plain, 300)
        time.now += 10
        keep(cache, signed, 60)
        keep(cache, asking("example.com", "AAAA"))
        found = [(kept.age, kept.life) for kept in cache.look(plain.question)]
        assert sorted(found) == [(0, 60), (10, 300)]
        assert (cache.hits, cache.misses) == (0, 0)


class KeyTests(TestCase):
    def setUp(self) -> None:
        self.cache = Cache(Caching(), Time())

    def test_spelling(self) -> None:
        """Names that differ in case are one, each in its spelling (RFC 4343 3, 4.1)."""
        keep(self.cache, asking("eXaMpLe.com"))
        found = self.cache.answer(asking("ExAmPlE.com"))
        assert found is not None
        assert found[12:29] == b"\7ExAmPlE\3com\0\0\1\0\1"
        assert len(self.cache) == 1

    def test_names_only(self) -> None:
        """Types 65 and 97 are two, though as letters they are A and a."""
        https, other = asking("example.com", "HTTPS"), asking("example.com", "TYPE97")
        keep(self.cache, https)
        assert self.cache.answer(other) is None
        assert self.cache.answer(https) is not None

    def test_lengths_are_no_letters(self) -> None:
        """What looks like a name's end in another's label is not taken for it."""
        one = parse_query(message(0x0100, [b"\3a\0b\0\0\1\0\1"]))
        other = parse_query(message(0x0100, [b"\3a\0B\0\0\1\0\1"]))
        third = parse_query(message(0x0100, [b"\1a\0\0\1\0\1"]))
        keep(self.cache, one)
        assert self.cache.answer(other) is not None
        assert self.cache.answer(third) is None

    def test_what_differs(self) -> None:
        """Name, type, class, DO, CD and RD each have an answer of their own."""
        different = [
            asking(),
            asking("example.net"),
            asking("www.example.com"),
            asking("example.com", "TXT"),
            parse_query(message(0x0100, [EXAMPLE[:-1] + b"\4"])),
            asking("example.com", "A", opt(ttl=0x8000)),
            asking("example.com", "A", flags=0x0110),
            asking("example.com", "A", flags=0x0000),
        ]
        for count, query in enumerate(different):
            assert self.cache.answer(query) is None
            keep(self.cache, query, 100 + count)
        for count, query in enumerate(different):
            assert ttls(self.cache.answer(query)) == [100 + count]

    def test_what_does_not(self) -> None:
        """ID, AD, EDNS and its options are of no matter (RFC 6891 section 6.1.1)."""
        keep(self.cache, asking())
        for query in (
            asking("example.com", "A", flags=0x0120),
            asking("example.com", "A", opt()),
            asking("example.com", "A", opt(b"\0\x0a\0\x088 octets", payload=4096)),
            parse_query(b"\xab\xcd" + asking().wire[2:]),
        ):
            assert ttls(self.cache.answer(query)) == [300]


class StaleTests(TestCase):
    def setUp(self) -> None:
        self.time = Time()
        self.cache = Cache(Caching(), self.time)
        self.query = asking("example.com", "A", opt())
        keep(self.cache, self.query, 300)

    def test_stale(self) -> None:
        """What has ended may serve, with the TTL 30 (RFC 8767 sections 4 and 5)."""
        self.time.now += 300
        assert self.cache.answer(self.query) is None
        assert self.cache.has_stale(self.query)
        assert self.cache.stale_hits == 0
        found = self.cache.stale(self.query)
        assert ttls(found) == [30]
        assert error_codes(found) == [3]
        assert self.cache.stale_hits == 1

    def test_stale_ttl(self) -> None:
        """The TTL can be chosen."""
        cache = Cache(Caching(stale_ttl=7), self.time)
        keep(cache, self.query, 300)
        self.time.now += 1000
        assert ttls(cache.stale(self.query)) == [7]

    def test_absence(self) -> None:
        """That there is no such name may serve, too (RFC 8914 section 4.20)."""
        answer = answering(self.query, authority=(SOA,), flags=NO_SUCH_NAME)
        self.cache.learn(self.query, answer)
        self.time.now += 60
        found = self.cache.stale(self.query)
        assert (read(found).rcode(), error_codes(found)) == (NXDOMAIN, [19])

    def test_still_good(self) -> None:
        """What has not ended may serve as well, if nobody can be asked."""
        assert self.cache.has_stale(self.query)
        assert ttls(self.cache.stale(self.query)) == [30]

    def test_too_old(self) -> None:
        """It serves for stale_max_age behind its end, and no longer (RFC 8767 5)."""
        for cache, most in (
            (self.cache, DAY),
            (Cache(Caching(stale_max_age=10), self.time), 10),
            (Cache(Caching(stale_max_age=0), self.time), 0),
        ):
            self.time.now = 5000.0
            keep(cache, self.query, 300)
            self.time.now += 300 + most
            assert cache.has_stale(self.query)
            assert cache.stale(self.query) is not None
            self.time.now += 1
            assert not cache.has_stale(self.query)
            assert cache.stale(self.query) is None

    def test_off(self) -> None:
        """Where nothing stale is wanted, there is none."""
        cache = Cache(Caching(serve_stale=False), self.time)
        keep(cache, self.query, 300)
        self.time.now += 300
        assert not cache.has_stale(self.query)
        assert cache.stale(self.query) is None
        assert cache.stale_hits == 0

    def test_unknown(self) -> None:
        """Of what was never asked there is nothing stale either."""
        assert not self.cache.has_stale(asking("example.net"))
        assert self.cache.stale(asking("example.net")) is None

    def test_refreshed(self) -> None:
        """A fresh answer takes the place of a stale one (RFC 8767 section 4)."""
        self.time.now += 1000
        keep(self.cache, self.query, 60)
        found = self.cache.answer(self.query)
        assert (ttls(found), error_codes(found)) == ([60], [])

    def test_refreshed_for_once(self) -> None:
        """So does one that is not kept itself: what it denies is no answer any more.

        NOERROR and NXDOMAIN have refreshed what was known (RFC 8767 section 4).
        """
        for flags in (0x8180, NO_SUCH_NAME):
            keep(self.cache, self.query, 300)
            self.time.now += 1000
            self.cache.learn(self.query, answering(self.query, flags=flags))
            assert self.cache.stale(self.query) is None

    def test_failures_leave_it(self) -> None:
        """A failure has refreshed nothing (RFC 8767 section 4)."""
        self.time.now += 1000
        for flags in (0x8182, 0x8185, 0x8380):
            self.cache.learn(self.query, answering(self.query, flags=flags))
        assert ttls(self.cache.stale(self.query)) == [30]


class PrefetchTests(TestCase):
    def setUp(self) -> None:
        self.time = Time()
        self.cache = Cache(Caching(), self.time)
        self.due: list[Query] = []
        self.cache.on_due = self.due.append
        keep(self.cache, asking(), 300)

    def test_last_tenth(self) -> None:
        """In the last tenth of a life somebody hears that it is about to end."""
        self.time.now += 269
        self.cache.answer(asking())
        assert self.due == []
        self.time.now += 1
        query = asking()
        assert ttls(self.cache.answer(query)) == [30]
        assert self.due == [query]

    def test_once(self) -> None:
        """It is said once, however many ask."""
        for self.time.now in (1270.0, 1270.5, 1280.0, 1299.0):
            assert self.cache.answer(asking()) is not None
        assert len(self.due) == 1

    def test_each(self) -> None:
        """It is said of each answer by itself."""
        keep(self.cache, asking("example.net"), 300)
        self.time.now += 280
        for name in ("example.com", "example.net", "example.com"):
            self.cache.answer(asking(name))
        assert [query.question[:8] for query in self.due] == [b"\7example"] * 2

    def test_again(self) -> None:
        """A new answer has a last tenth of its own."""
        for _ in range(2):
            self.time.now += 280
            self.cache.answer(asking())
            keep(self.cache, asking(), 300)
        assert len(self.due) == 2

    def test_once_though_others_come(self) -> None:
        """It is not said again because room was made for others meanwhile."""
        cache = Cache(room_for(2), self.time)
        cache.on_due = self.due.append
        keep(cache, numbered(0), 300)
        keep(cache, numbered(1), 300)
        self.time.now += 280
        assert cache.answer(numbered(0)) is not None
        keep(cache, numbered(2))
        assert cache.answer(numbered(1)) is None
        assert cache.answer(numbered(0)) is not None
        assert len(self.due) == 1

    def test_renewed_at_once(self) -> None:
        """Whoever hears it may bring the new answer at once."""
        self.cache.on_due = lambda query: keep(self.cache, query, 500)
        self.time.now += 280
        assert ttls(self.cache.answer(asking())) == [20]
        assert ttls(self.cache.answer(asking())) == [500]

    def test_too_late(self) -> None:
        """What has ended is asked for by whoever needs it, not ahead."""
        self.time.now += 300
        assert self.cache.answer(asking()) is None
        self.cache.stale(asking())
        assert self.due == []

    def test_short_lives(self) -> None:
        """A tenth of a short life is less than a second, and never begins."""
        for ttl, heard in ((1, 0), (9, 0), (10, 1), (11, 1)):
            self.due.clear()
            keep(self.cache, asking(), ttl)
            for _ in range(ttl):
                assert self.cache.answer(asking()) is not None
                self.time.now += 1
            assert len(self.due) == heard

    def test_off(self) -> None:
        """Where nothing is wanted ahead, nobody hears."""
        cache = Cache(Caching(prefetch=False), self.time)
        cache.on_due = self.due.append
        keep(cache, asking(), 300)
        self.time.now += 299
        assert cache.answer(asking()) is not None
        assert self.due == []

    def test_nobody_listens(self) -> None:
        """Nobody need listen."""
        cache = Cache(Caching(), self.time)
        keep(cache, asking(), 300)
        self.time.now += 299
        assert ttls(cache.answer(asking())) == [1]


class SieveTests(TestCase):
    def cache(self, count: int) -> Cache:
        """Make a cache with room for so many answers, and fill it from 0 on."""
        cache = Cache(room_for(count), Time())
        for number in range(count):
            keep(cache, numbered(number))
        assert len(cache) == count
        assert cache.evictions == 0
        return cache

    def kept(self, cache: Cache, numbers: range) -> list[int]:
        """Return which numbers are kept, without use of them."""
        keys = {key for _, key, _ in cache.entries()}
        return [number for number in numbers if numbered(number).key in keys]

    def test_oldest_first(self) -> None:
        """Of what nobody used, the oldest leaves first."""
        cache = self.cache(4)
        keep(cache, numbered(4))
        assert self.kept(cache, range(5)) == [1, 2, 3, 4]
        keep(cache, numbered(5))
        assert self.kept(cache, range(6)) == [2, 3, 4, 5]
        assert (len(cache), cache.evictions) == (4, 2)

    def test_used(self) -> None:
        """What was used stays, and what was not leaves in its place."""
        cache = self.cache(4)
        for number in (0, 1, 3):
            cache.answer(numbered(number))
        keep(cache, numbered(4))
        assert self.kept(cache, range(5)) == [0, 1, 3, 4]

    def test_used_stale(self) -> None:
        """To have served stale is use as well."""
        time = Time()
        cache = Cache(room_for(2), time)
        keep(cache, numbered(0))
        keep(cache, numbered(1))
        time.now += 1000
        cache.stale(numbered(0))
        keep(cache, numbered(2))
        assert self.kept(cache, range(3)) == [0, 2]

    def test_used_long_ago(self) -> None:
        """Use counts until the hand has come by; then it must be used again."""
        cache = self.cache(3)
        cache.answer(numbered(0))
        keep(cache, numbered(3))
        keep(cache, numbered(4))
        assert self.kept(cache, range(5)) == [0, 3, 4]
        cache.answer(numbered(3))
        cache.answer(numbered(4))
        keep(cache, numbered(5))
        assert self.kept(cache, range(6)) == [3, 4, 5]

    def test_all_used(self) -> None:
        """Where all were used, the oldest leaves all the same."""
        cache = self.cache(3)
        for number in range(3):
            cache.answer(numbered(number))
        keep(cache, numbered(3))
        assert self.kept(cache, range(4)) == [1, 2, 3]

    def test_renewed(self) -> None:
        """What was used and then renewed is no stranger: it stays."""
        cache = self.cache(3)
        keep(cache, numbered(3))
        cache.answer(numbered(2))
        keep(cache, numbered(2))
        keep(cache, numbered(4))
        keep(cache, numbered(5))
        assert 2 in self.kept(cache, range(6))

    def test_gone_before_the_hand_comes(self) -> None:
        """What left by itself is nothing to the hand."""
        cache = self.cache(4)
        keep(cache, numbered(4))
        cache.flush(numbered(1).question[:-4])
        cache.flush(numbered(2).question[:-4])
        for number in (5, 6, 7):
            keep(cache, numbered(number))
        assert self.kept(cache, range(8)) == [4, 5, 6, 7]
        assert cache.evictions == 2

    def test_scan(self) -> None:
        """Names that are asked once do not push out those that are asked again."""
        cache = self.cache(100)
        for number in range(100, 2100):
            if number % 25 == 0:
                assert all(cache.answer(numbered(n)) for n in range(50))
            keep(cache, numbered(number))
        assert self.kept(cache, range(50)) == list(range(50))
        assert cache.evictions == 2000

    def test_endless_scan(self) -> None:
        """However many come once, they push out each other and none that was used."""
        cache = self.cache(20)
        for number in range(10):
            cache.answer(numbered(number))
        for number in range(20, 1020):
            keep(cache, numbered(number))
        assert self.kept(cache, range(20)) == list(range(10))
        assert self.kept(cache, range(1010, 1020)) == list(range(1010, 1020))

    def test_goes_on(self) -> None:
        """However often others are forgotten, the hand goes on from where it was."""
        cache = self.cache(4)
        cache.answer(numbered(0))
        keep(cache, numbered(4))
        assert self.kept(cache, range(5)) == [0, 2, 3, 4]
        for _ in range(100):
            cache.flush(numbered(4).question[:-4])
            keep(cache, numbered(4))
        keep(cache, numbered(5))
        assert self.kept(cache, range(6)) == [0, 3, 4, 5]

    def test_just_fits(self) -> None:
        """What just fits is kept."""
        assert len(self.cache(1)) == 1

    def test_makes_room(self) -> None:
        """A large answer takes the place of as many small ones as it needs."""
        cache = self.cache(20)
        keep(cache, numbered(20), size=4 + room_for(3).size)
        assert self.kept(cache, range(21)) == list(range(4, 21))
        assert cache.evictions == 4

    def test_too_large(self) -> None:
        """What is larger than the whole cache is not kept, and none leaves for it."""
        cache = self.cache(3)
        keep(cache, numbered(3), size=room_for(3).size)
        assert self.kept(cache, range(4)) == [0, 1, 2]


operations = st.one_of(
    st.tuples(st.just("learn"), st.integers(0, 30), st.integers(0, 255)),
    st.tuples(st.just("answer"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("stale"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("flush"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("wait"), st.integers(0, 200), st.just(0)),
    st.tuples(st.just("restore"), st.integers(0, 30), st.integers(0, 900)),
)
"""What can happen to a cache: to which of 31 names, and with how many octets."""


class BoundTests(TestCase):
    @quick
    @given(
        st.lists(operations, min_size=30, max_size=120),
        st.sampled_from([0, 100, 500, 3000, 10**6]),
    )
    def test_octets(self, story: list[tuple[str, int, int]], size: int) -> None:
        """Whatever happens, it is never larger than it may be, and knows its size."""
        time = Time()
        cache = Cache(Caching(size=size), time)
        spare = Cache(Caching(), time)
        keep(spare, numbered(0))
        ((_, _, entry),) = spare.entries()
        for what, number, amount in story:
            query = numbered(number)
            if what == "learn":
                keep(cache, query, size=amount)
            elif what == "answer":
                cache.answer(query)
            elif what == "stale":
                cache.stale(query)
            elif what == "flush":
                cache.flush(query.question[:-4])
            elif what == "wait":
                time.now += number
            else:
                cache.restore(amount, query.key, entry)
            items = list(cache.entries())
            assert cache.octets == cost(items) <= size
            assert len(cache) == len(items)


@long
class MemoryTests(TestCase):
    """How much memory the answers take, by what Python says it gave out."""

    def fill(self, cache: Cache, count: int, answer: Answer) -> None:
        for number in range(count):
            cache.learn(numbered(number), answer)

    def use(self, cache: Cache, count: int) -> None:
        for number in range(count):
            assert cache.stale(numbered(number)) is not None

    def typical(self) -> Answer:
        """Answer as many do: with an alias and two addresses, names compressed."""
        question = numbered(0).question
        alias = record(BACK, 5, b"\3cdn\7example\3net\0", 300)
        host = (0xC000 | 12 + len(question) + 12).to_bytes(2, "big")
        addresses = [record(host, 1, bytes(4), 300)] * 2
        return parse_answer(message(0x8180, [question], [alias, *addresses]))

    def measured(self, before: int) -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    def setUp(self) -> None:
        self.time = Time()
        self.cache = Cache(Caching(size=2**30), self.time)

    def test_true(self) -> None:
        """20,000 names take what `octets` says, by a factor of 1.5 either way.

        Whether they are new, or all were used, or all are at their end and nobody
        can be asked.
        """
        answer = self.typical()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = self.measured(0)
        self.fill(self.cache, 20_000, answer)
        taken = [self.measured(before)]
        self.use(self.cache, 20_000)
        taken.append(self.measured(before))
        self.time.now += 290
        for number in range(20_000):
            self.cache.answer(numbered(number))
        taken.append(self.measured(before))
        octets = self.cache.octets
        assert all(octets / 1.5 <= each <= octets * 1.5 for each in taken)

    def test_renewed(self) -> None:
        """A name takes no more memory for being renewed, or forgotten, very often."""
        answer, query = self.typical(), numbered(0)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.fill(self.cache, 10, answer)
        before = self.measured(0)
        for _ in range(5_000):
            self.fill(self.cache, 1, answer)
        assert self.measured(before) < 10_000
        for _ in range(5_000):
            self.cache.flush(query.question[:-4])
            self.fill(self.cache, 1, answer)
        assert self.measured(before) < 150_000

    def test_bound(self) -> None:
        """100,000 names fit into 35 MB, by its own count and in truth."""
        self.cache.learn(numbered(0), self.typical())
        ((age, _, entry),) = self.cache.entries()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = self.measured(0)
        for number in range(100_000):
            key = b"\7n%06d\7example\3com\0\0\1\0\1\1" % number
            self.cache.restore(age, key, entry)
        assert len(self.cache) == 100_000
        assert self.cache.octets <= 35_000_000
        assert self.measured(before) <= 35_000_000

    def test_nothing_to_walk_through(self) -> None:
        """Answers are nothing to the garbage collector, however many they are."""
        answer = self.typical()
        gc.collect()
        before = len(gc.get_objects())
        self.fill(self.cache, 3_000, answer)
        self.use(self.cache, 3_000)
        gc.collect()
        assert len(gc.get_objects()) - before < 30


class ConfigureTests(TestCase):
    """Other options for a cache that is in use."""

    def setUp(self) -> None:
        self.cache = Cache(room_for(9), Time())
        for number in range(9):
            keep(self.cache, numbered(number))

    def test_smaller(self) -> None:
        """What a smaller size has no room for goes at once; the rest stays."""
        self.cache.configure(room_for(3))
        assert len(self.cache) == 3
        assert self.cache.octets <= room_for(3).size
        keep(self.cache, numbered(9))
        assert len(self.cache) == 3

    def test_none(self) -> None:
        """A cache without room is empty."""
        self.cache.configure(Caching(size=0))
        assert (len(self.cache), self.cache.octets) == (0, 0)

    def test_larger(self) -> None:
        """Nothing is lost for more room, and it is used."""
        self.cache.configure(room_for(20))
        keep(self.cache, numbered(9))
        assert len(self.cache) == 10
        assert self.cache.evictions == 0


class FlushTests(TestCase):
    def setUp(self) -> None:
        self.cache = Cache(Caching(), Time())

    def fill(self, *names: str) -> list[Query]:
        queries = [asking(name) for name in names]
        for query in queries:
            keep(self.cache, query)
        return queries

    def left(self, queries: list[Query]) -> list[bool]:
        return [self.cache.answer(query) is not None for query in queries]

    def test_everything(self) -> None:
        """Without a name all is forgotten, and takes no memory any more."""
        queries = self.fill("example.com", "example.net", ".")
        assert self.cache.flush() == 3
        assert self.left(queries) == [False] * 3
        assert len(self.cache) == self.cache.octets == 0
        assert self.cache.flush() == 0

    def test_a_name(self) -> None:
        """A name is forgotten with all its types and flags, and no other name is."""
        queries = self.fill("example.com", "www.example.com", "com", "example.net")
        for query in (
            asking("example.com", "AAAA"),
            asking("example.com", "A", opt(ttl=0x8000), flags=0x0110),
        ):
            keep(self.cache, query)
        octets = self.cache.octets
        assert self.cache.flush(b"\7example\3com\0") == 3
        assert self.left(queries) == [False, True, True, True]
        assert 0 < self.cache.octets < octets

    def test_any_case(self) -> None:
        """Names are forgotten in any spelling (RFC 4343 section 3)."""
        self.fill("eXaMpLe.com", "www.example.com")
        assert self.cache.flush(b"\7ExAmPlE\3COM\0") == 1
        assert self.cache.flush(b"\7ExAmPlE\3COM\0", subtree=True) == 1

    def test_subtree(self) -> None:
        """All below a name goes with it, cut where labels end."""
        queries = self.fill(
            "example.com",
            "www.example.com",
            "a.b.c.example.com",
            "badexample.com",
            "example.com.net",
            "com",
            "example.net",
        )
        assert self.cache.flush(b"\7example\3com\0", subtree=True) == 3
        assert self.left(queries) == [False] * 3 + [True] * 4

    def test_names_within_labels(self) -> None:
        """What looks like the name inside of a label is not the name."""
        owner = b"\x09a\7example\3com\0"
        query = parse_query(message(0x0100, [owner + b"\0\1\0\1"]))
        keep(self.cache, query)
        assert self.cache.flush(b"\7example\3com\0", subtree=True) == 0
        assert self.cache.flush(owner, subtree=True) == 1

    def test_the_root(self) -> None:
        """All names are below the root; by itself it is one name."""
        self.fill("example.com", "com", ".")
        assert self.cache.flush(b"\0") == 1
        assert self.cache.flush(b"\0", subtree=True) == 2
        assert len(self.cache) == 0

    def test_nothing_there(self) -> None:
        """To forget what is not known is no fault."""
        queries = self.fill("example.com")
        assert self.cache.flush(b"\3www\7example\3com\0") == 0
        assert self.cache.flush(b"\3www\7example\3com\0", subtree=True) == 0
        assert self.left(queries) == [True]

    def test_stale(self) -> None:
        """What is forgotten does not serve stale either."""
        (query,) = self.fill("example.com")
        self.cache.flush()
        assert not self.cache.has_stale(query)

    def test_learned_again(self) -> None:
        """What was forgotten can be learned again."""
        queries = self.fill("example.com")
        self.cache.flush()
        assert self.left(queries) == [False]
        assert self.left(self.fill("example.com")) == [True]


class RestoreTests(TestCase):
    def setUp(self) -> None:
        self.time = Time()
        self.cache = Cache(Caching(), self.time)
        for number, ttl in enumerate((300, 60, 10)):
            keep(self.cache, numbered(number), ttl)
            self.time.now += 5.5

    def restored(
        self, lay: int = 0, now: float = 9.0, options: Caching | None = None
    ) -> Cache:
        """Take the entries into a cache of another time, after they lay for a while."""
        cache = Cache(options or Caching(), Time(now))
        for age, key, entry in self.cache.entries():
            cache.restore(age + lay, key, entry)
        return cache

    def test_ages(self) -> None:
        """Entries come with their ages in whole seconds, the oldest first."""
        ages = [(age, key) for age, key, _ in self.cache.entries()]
        assert ages == [
            (16, numbered(0).key),
            (11, numbered(1).key),
            (5, numbered(2).key),
        ]

    def test_round_trip(self) -> None:
        """What is taken back is as old as it was, whatever the clock says."""
        for now in (9.0, 10.0**9):
            cache = self.restored(now=now)
            found = [ttls(cache.answer(numbered(number))) for number in range(3)]
            assert found == [[284], [49], [5]]
            assert cache.octets == self.cache.octets

    def test_lay(self) -> None:
        """While it lay it grew older, and what ended may serve stale."""
        cache = self.restored(lay=50)
        assert ttls(cache.answer(numbered(0))) == [234]
        for number in (1, 2):
            assert cache.answer(numbered(number)) is None
            assert ttls(cache.stale(numbered(number))) == [30]

    def test_lay_long(self) -> None:
        """What ended long ago is back, but serves no more (RFC 8767 section 5)."""
        for lay in (2 * DAY, 30 * 365 * DAY):
            cache = self.restored(lay=lay)
            assert not any(cache.has_stale(numbered(number)) for number in range(3))

    def test_impossible_age(self) -> None:
        """An age beyond all clocks is not believed."""
        cache = self.restored(lay=2**31)
        assert len(cache) == cache.octets == 0

    def test_newer_stays(self) -> None:
        """What was learned meanwhile is newer, and stays."""
        keep(self.cache, numbered(1), 99)
        stored = self.cache.octets
        for age, key, entry in list(self.cache.entries()):
            self.cache.restore(age + 1000, key, entry)
        assert ttls(self.cache.answer(numbered(1))) == [99]
        assert self.cache.octets == stored

    def test_bounded(self) -> None:
        """A smaller cache takes the latest of what there is."""
        cache = self.restored(options=room_for(2))
        assert len(cache) == 2
        assert cache.answer(numbered(0)) is None
        assert ttls(cache.answer(numbered(2))) == [5]

    def test_meanwhile(self) -> None:
        """Entries can be given while others are learned: it is those of the start."""
        items = self.cache.entries()
        next(items)
        keep(self.cache, numbered(7))
        self.cache.flush(numbered(1).question[:-4])
        assert [key for _, key, _ in items] == [numbered(1).key, numbered(2).key]

    def test_due(self) -> None:
        """What was restored near its end is refreshed like others."""
        cache = self.restored(lay=270)
        due: list[Query] = []
        cache.on_due = due.append
        assert cache.answer(numbered(0)) is not None
        assert len(due) == 1


class AdoptTests(TestCase):
    """What another cache learned."""

    def setUp(self) -> None:
        self.time = Time()
        self.cache = Cache(Caching(), self.time)
        self.heard: Items = []
        self.other = Cache(Caching(), lambda: 5.0)
        self.other.on_learned = lambda key, entry: self.heard.append((2, key, entry))

    def test_adopted(self) -> None:
        """It is the answer here as well, by the clock here, and as old as it is."""
        keep(self.other, asking(), 300)
        self.cache.adopt(*self.heard[0])
        assert ttls(self.cache.answer(asking())) == [298]

    def test_nothing_kept(self) -> None:
        """Of an answer that may not be kept nobody hears."""
        keep(self.other, asking(), 0)
        assert self.heard == []

    def test_newer(self) -> None:
        """It takes the place of what was learned before, and of nothing newer."""
        keep(self.cache, asking(), 100)
        keep(self.other, asking(), 300)
        self.cache.adopt(*self.heard[0])
        assert ttls(self.cache.answer(asking())) == [100]
        self.time.now += 2
        self.cache.adopt(*self.heard[0])
        assert ttls(self.cache.answer(asking())) == [298]

    def test_not_passed_back(self) -> None:
        """Of what was adopted nobody hears again."""
        again: Items = []
        self.cache.on_learned = lambda key, entry: again.append((0, key, entry))
        keep(self.other, asking(), 300)
        self.cache.adopt(*self.heard[0])
        assert again == []


class SpellingTests(TestCase):
    def test_any_case_of_each(self) -> None:
        """Any spelling finds the answer, and gets itself back (RFC 4343 4.1)."""
        cache = Cache(Caching(), Time())
        query = asking("The-Name.Of.A-Host.example")
        keep(cache, query)
        other = parse_query(respelled(query.wire))
        reply = cache.answer(other)
        assert reply is not None
        assert reply[12 : 12 + len(other.question)] == other.question
        assert other.question != query.question
