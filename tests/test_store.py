"""Values that a fleet shares: had while that is quick, else done without."""

from random import Random

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream.breaker import FAILURES_BORNE, LAPSE_BORNE, LONGEST, State
from dotproxy.upstream.breaker import Breaker as Breaking
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.redis import RedisConnection
from dotproxy.upstream.store import LAST, MOST_UNDER_WAY, Store
from tests.fake_redis import FakeRedis


class StoreTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.servers: list[FakeRedis] = []
        self.attempts: list[Deferred[RedisConnection]] = []
        self.refusing = False
        breaker = Breaking(Random(1))
        self.store = Store("redis://here", self.attempt, self.clock, breaker)

    def attempt(self) -> Deferred[RedisConnection]:
        if self.refusing:
            return fail(UpstreamError("refused"))
        self.servers.append(FakeRedis(self.clock))
        self.attempts.append(Deferred())
        return self.attempts[-1]

    def connect(self) -> FakeRedis:
        """Ask for something, and let there be a connection."""
        assert self.store.get(b"first") is None
        redis = self.servers[-1]
        redis.start()
        self.attempts[-1].callback(redis.connection)
        assert self.store.state is State.CLOSED
        return redis

    def get(self, key: bytes = b"key") -> Deferred[bytes | None]:
        found = self.store.get(key)
        assert found is not None
        return found

    def fail_often(self, redis: FakeRedis) -> None:
        for _ in range(FAILURES_BORNE - 1):
            self.get()
            redis.be_late()
        self.clock.advance(LAPSE_BORNE)
        self.get()
        redis.be_late()


class GetTests(StoreTests):
    def test_found(self) -> None:
        """What is there comes, and no more of it than may be ours."""
        redis = self.connect()
        found = self.get()
        assert redis.took_words(b"GETRANGE", b"key", b"0", LAST)
        redis.value(b"value")
        assert self.successResultOf(found) == b"value"

    def test_nothing(self) -> None:
        """That nothing is there is known, too."""
        redis = self.connect()
        found = self.get()
        redis.value(b"")
        assert self.successResultOf(found) == b""

    def test_odd(self) -> None:
        """A reply that is no value is as good as none."""
        redis = self.connect()
        found = self.get()
        redis.reply(b":7\r\n")
        assert self.successResultOf(found) is None
        assert self.store.errors == 0

    def test_error(self) -> None:
        """So is an error, which counts."""
        redis = self.connect()
        found = self.get()
        redis.reply(b"-NOPERM not you\r\n")
        assert self.successResultOf(found) is None
        assert (self.store.errors, self.store.slow) == (1, 0)

    def test_late(self) -> None:
        """Nobody waits beyond the limit, and what comes then is not taken for more."""
        redis = self.connect()
        found = self.get()
        redis.be_late()
        assert self.successResultOf(found) is None
        assert (self.store.errors, self.store.slow) == (0, 1)
        again = self.get()
        redis.value(b"late")
        redis.value(b"in time")
        assert self.successResultOf(again) == b"in time"

    def test_cancelled(self) -> None:
        """Who cancels hears no more, and the next gets a reply of their own."""
        redis = self.connect()
        found = self.get()
        found.cancel()
        self.failureResultOf(found, CancelledError)
        other = self.get()
        redis.value(b"one")
        redis.value(b"two")
        assert self.successResultOf(other) == b"two"


class PutTests(StoreTests):
    def test_written(self) -> None:
        """A value is written for as long as it holds, and nobody waits."""
        redis = self.connect()
        redis.took()
        self.store.put(b"key", b"value", 60)
        assert redis.took_words(b"SET", b"key", b"value", b"EX", b"60")
        redis.reply(b"+OK\r\n")
        assert self.store.written == 1

    def test_refused(self) -> None:
        """A server that takes nothing may go on giving."""
        redis = self.connect()
        self.clock.advance(1)
        for _ in range(3 * FAILURES_BORNE):
            self.store.put(b"key", b"value", 60)
            redis.reply(b"-OOM no room\r\n")
            self.clock.advance(1)
        assert self.store.errors == 3 * FAILURES_BORNE
        assert self.store.state is State.CLOSED

    def test_late(self) -> None:
        """One that is slow to take is slow."""
        redis = self.connect()
        for _ in range(FAILURES_BORNE):
            self.store.put(b"key", b"value", 60)
            self.clock.advance(LAPSE_BORNE)
            redis.be_late()
        assert self.store.state is State.OPEN
        assert self.store.slow == FAILURES_BORNE

    def test_unusable(self) -> None:
        """Without a connection nothing is written, nor kept for later."""
        self.store.put(b"key", b"value", 60)
        assert self.servers == []


class BreakerTests(StoreTests):
    def test_on_demand(self) -> None:
        """A connection is made when somebody asks, and they do not wait for it."""
        assert self.servers == []
        assert self.store.get(b"key") is None
        assert self.store.get(b"key") is None
        assert len(self.attempts) == 1
        assert self.store.skipped == 2
        assert self.store.state is State.HALF_OPEN

    def test_slow(self) -> None:
        """One that is often slow is left, and all who wait for it go on at once."""
        redis = self.connect()
        self.fail_often(redis)
        assert self.store.state is State.OPEN
        assert self.store.opened == 1
        assert redis.hung_up
        assert self.store.get(b"key") is None
        assert len(self.attempts) == 1

    def test_others_go_on(self) -> None:
        """Those who wait when it is left wait no longer."""
        redis = self.connect()
        for _ in range(FAILURES_BORNE):
            self.get()
        redis.be_late()
        self.clock.advance(LAPSE_BORNE)
        waiting = [self.get() for _ in range(2)]
        self.clock.advance(0.001)
        last = self.get()
        redis.be_late()
        assert self.store.state is State.OPEN
        for each in (*waiting, last):
            assert self.successResultOf(each) is None
        assert self.store.opened == 1

    def test_crowded(self) -> None:
        """Beyond some commands without a reply nothing is asked; then it is left."""
        redis = self.connect()
        for _ in range(MOST_UNDER_WAY):
            self.get()
        redis.took()
        assert not self.store.usable
        self.store.put(b"key", b"value", 60)
        for _ in range(FAILURES_BORNE):
            assert self.store.get(b"key") is None
        assert redis.took() == b""
        assert self.store.state is State.CLOSED
        self.clock.pump([LAPSE_BORNE])
        assert self.store.get(b"key") is None
        assert self.store.state is State.OPEN

    def test_back(self) -> None:
        """A new connection, after a while, brings it back."""
        self.fail_often(self.connect())
        self.clock.advance(LONGEST)
        redis = self.connect()
        found = self.get()
        redis.value(b"value")
        assert self.successResultOf(found) == b"value"

    def test_lost(self) -> None:
        """So it is where the connection is lost; who waits goes on."""
        redis = self.connect()
        found = self.get()
        redis.vanish()
        assert self.successResultOf(found) is None
        assert (self.store.state, self.store.opened) == (State.OPEN, 1)
        assert self.store.errors == 1
        self.clock.advance(LONGEST)
        self.connect()

    def test_never_there(self) -> None:
        """A server that is not there is tried now and then."""
        self.refusing = True
        for _ in range(3):
            assert self.store.get(b"key") is None
            assert (self.store.state, self.store.opened) == (State.OPEN, 0)
            self.clock.advance(LONGEST)
        self.refusing = False
        self.connect()

    def test_log(self) -> None:
        """The log says once that it is left aside and why, and once that it is back."""
        with capturedLogs() as events:
            self.refusing = True
            for _ in range(3):
                self.store.get(b"key")
                self.clock.advance(LONGEST)
            self.refusing = False
            redis = self.connect()
            redis.vanish()
        said = [(each["log_level"], each.get("reason")) for each in events]
        assert said[0] == (LogLevel.warn, "refused")
        assert [level for level, _ in said[1:]] == [LogLevel.info, LogLevel.warn]


class StopTests(StoreTests):
    def test_connected(self) -> None:
        """At the end it hangs up, and asks for nothing more."""
        redis = self.connect()
        found = self.get()
        self.store.stop()
        assert redis.hung_up
        assert self.successResultOf(found) is None
        redis.vanish()
        self.clock.advance(LONGEST)
        assert self.store.get(b"key") is None
        assert len(self.attempts) == 1
        assert not self.clock.getDelayedCalls()

    def test_connecting(self) -> None:
        """One that is being made is given up, in silence."""
        self.store.get(b"key")
        with capturedLogs() as events:
            self.store.stop()
        assert self.attempts[0].called
        assert events == []

    def test_nothing(self) -> None:
        """If there is none there is nothing to do."""
        self.store.stop()
        assert self.store.get(b"key") is None
        assert self.attempts == []
