"""How often clients may ask."""

from fractions import Fraction
from itertools import count
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.config.access import RateLimit
from dotproxy.local.networks import octets
from dotproxy.local.rate import BUCKETS, Rate
from tests.messages import quick

SEED = bytes(range(16))

PAUSES = st.integers(0, 4 * 64).map(lambda sixty_fourths: sixty_fourths / 64)
"""Seconds which floating point has exactly, so that the slow model is right or not."""


class SlowBucket:
    """A token bucket as the books have it, in fractions."""

    def __init__(self, qps: int, burst: int, now: float) -> None:
        self.qps, self.burst = qps, burst
        self.tokens, self.at = Fraction(burst), Fraction(now)

    def fill(self, now: float) -> None:
        gained = (Fraction(now) - self.at) * self.qps
        self.tokens = min(self.tokens + gained, Fraction(self.burst))
        self.at = Fraction(now)

    def take(self, now: float) -> bool:
        self.fill(now)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def wait(self, now: float) -> float:
        self.fill(now)
        self.tokens -= 1
        return float(max(-self.tokens, Fraction(0)) / self.qps)


def rate(
    qps: int = 10, burst: int = 5, slip: int = 2, prefixes: tuple[int, int] = (24, 56)
) -> Rate:
    """Make one that is not random."""
    return Rate(RateLimit(qps, burst, *prefixes, slip), SEED)


def bucket(rate: Rate, host: str) -> int:
    """Return the bucket of an address as it is written."""
    address = octets(host)
    assert address is not None
    return rate.bucket(address)


def taken(rate: Rate, queries: int, now: float, bucket: int = 0) -> int:
    """Ask so often at once; return how often there was a token."""
    return sum(rate.take(bucket, now) for _ in range(queries))


class TakeTests(TestCase):
    def test_burst(self) -> None:
        """So many may come at once, and no more."""
        for burst in (1, 5, 100):
            assert taken(rate(burst=burst), 200, 1000.1) == burst

    def test_refill(self) -> None:
        """After that, one gets a token whenever it has been gained."""
        slow = rate(qps=4, burst=3)
        assert taken(slow, 9, 1000.0) == 3
        assert taken(slow, 9, 1000.125) == 0
        assert taken(slow, 9, 1000.25) == 1
        assert taken(slow, 9, 1000.75) == 2

    def test_full(self) -> None:
        """A bucket never holds more than a burst, however long the silence."""
        slow = rate(burst=5)
        taken(slow, 1, 1000.0)
        assert taken(slow, 100, 1_000_000.0) == 5

    def test_steady(self) -> None:
        """Who asks as often as allowed gets through; who asks twice as often, half."""
        for qps in (7, 10, 333):
            steady = rate(qps=qps, burst=2)
            passed = sum(steady.take(0, 1e6 + i / qps) for i in range(2000))
            assert passed == 2000
            passed = sum(steady.take(1, 1e6 + i / qps / 2) for i in range(2000))
            assert 1000 <= passed <= 1002

    def test_from_the_start(self) -> None:
        """All are full at first, even where the clock starts at 0."""
        assert taken(rate(burst=5), 100, 0.0) == 5

    def test_others(self) -> None:
        """What one takes is not missing to another."""
        shared = rate(burst=5)
        assert taken(shared, 9, 1000.0, bucket=1) == 5
        assert taken(shared, 9, 1000.0, bucket=2) == 5

    @quick
    @given(
        st.integers(1, 100),
        st.integers(1, 20),
        st.lists(st.tuples(PAUSES, st.integers(0, 8), st.booleans())),
    )
    def test_exact(
        self, qps: int, burst: int, story: list[tuple[float, int, bool]]
    ) -> None:
        """Whatever comes, over UDP and TCP, it does what the slow bucket does."""
        now = 1000.0
        fast, slow = rate(qps, burst), SlowBucket(qps, burst, now)
        for pause, queries, stream in story:
            now += pause
            for _ in range(queries):
                if stream:
                    assert fast.wait(7, now) == slow.wait(now)
                else:
                    assert fast.take(7, now) == slow.take(now)


class WaitTests(TestCase):
    def test_in_time(self) -> None:
        """Who keeps the bounds does not wait."""
        assert [rate(burst=3).wait(0, 1000.0) for _ in range(3)] == [0.0] * 3

    def test_queue(self) -> None:
        """Beyond, each waits until the token is there that is its own."""
        slow = rate(qps=4, burst=2)
        waits = [slow.wait(0, 1000.0) for _ in range(5)]
        assert waits == [0.0, 0.0, 0.25, 0.5, 0.75]
        assert slow.wait(0, 1000.5) == 0.5

    def test_flood(self) -> None:
        """A flood over UDP keeps nobody waiting over TCP for more than one token."""
        slow = rate(qps=4, burst=100)
        taken(slow, 10_000, 1000.0)
        assert slow.wait(0, 1000.0) == 0.25
        taken(slow, 10_000, 1000.25)
        assert slow.wait(0, 1000.25) == 0.25

    def test_credit(self) -> None:
        """What was taken on credit must come in before the next is let in over UDP."""
        slow = rate(qps=4, burst=1)
        for _ in range(3):
            slow.wait(0, 1000.0)
        assert taken(slow, 9, 1000.5) == 0
        assert taken(slow, 9, 1000.75) == 1


class SlipTests(TestCase):
    def test_every_nth(self) -> None:
        """Every n-th over the bound slips, and with 0 none does."""
        for slip, expected in (
            (0, "------"),
            (1, "ssssss"),
            (2, "-s-s-s"),
            (3, "--s--s"),
        ):
            limited = rate(slip=slip)
            found = "".join("s" if limited.slips(0) else "-" for _ in range(6))
            assert found == expected

    def test_alone(self) -> None:
        """Each counts by itself: two that take turns both get theirs."""
        limited = rate(slip=2)
        turns = [limited.slips(bucket) for _ in range(4) for bucket in (1, 2)]
        assert turns == [False, False, True, True] * 2


class BucketTests(TestCase):
    def test_networks(self) -> None:
        """Addresses of one network have one bucket; the next network has another."""
        by_default = rate()
        for one, same, other in (
            ("192.0.2.0", "192.0.2.255", "192.0.3.0"),
            ("2001:db8:1:200::", "2001:db8:1:2ff:ffff::", "2001:db8:1:300::"),
        ):
            assert bucket(by_default, one) == bucket(by_default, same)
            assert bucket(by_default, one) != bucket(by_default, other)

    def test_prefixes(self) -> None:
        """A prefix need not end with an octet; 0 is everybody, the longest is one."""
        odd = rate(prefixes=(20, 61))
        assert bucket(odd, "192.0.16.1") == bucket(odd, "192.0.31.1")
        assert bucket(odd, "192.0.16.1") != bucket(odd, "192.0.32.1")
        assert bucket(odd, "fd00:0:0:8::") == bucket(odd, "fd00:0:0:f::")
        assert bucket(odd, "fd00:0:0:8::") != bucket(odd, "fd00:0:0:10::")
        everybody = rate(prefixes=(0, 0))
        assert bucket(everybody, "192.0.2.1") == bucket(everybody, "10.0.0.1")
        assert bucket(everybody, "fd00::1") == bucket(everybody, "2001:db8::1")
        single = rate(prefixes=(32, 128))
        assert bucket(single, "192.0.2.1") != bucket(single, "192.0.2.2")
        assert bucket(single, "fd00::1") != bucket(single, "fd00::2")

    def test_families(self) -> None:
        """The same number is not the same network in both families."""
        single = rate(prefixes=(32, 128))
        assert bucket(single, "192.0.2.1") != bucket(single, "::192.0.2.1")

    def test_bounded(self) -> None:
        """There are only so many buckets, and networks lie all over them."""
        limited = rate()
        found = {limited.bucket(i.to_bytes(3) + b"\0") for i in range(4 * BUCKETS)}
        assert found <= set(range(BUCKETS))
        # Thrown at random, four for each bucket leave about e**-4 of them empty.
        assert 0.97 < len(found) / BUCKETS < 0.99

    def test_seed(self) -> None:
        """Who shares a bucket under one seed does not under another."""
        seen: dict[int, bytes] = {}
        limited = rate()
        for number in count():
            address = number.to_bytes(3) + b"\0"
            shared = seen.setdefault(limited.bucket(address), address)
            if shared != address:
                break
        other = Rate(RateLimit(10), bytes(16))
        assert other.bucket(shared) != other.bucket(address)
