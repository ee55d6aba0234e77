"""One connection to Redis: commands go out, replies come in their order."""

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.redis import (
    LATE,
    LOGIN_TIMEOUT,
    LOST,
    TURNS,
    Login,
    RedisConnection,
)
from dotproxy.upstream.tls import Unverified
from dotproxy.wire.resp import Refusal, Reply, command
from tests.fake_redis import LIMIT, NOBODY, FakeRedis, Turns


class Judge:
    """Somebody who verifies whom they are told to."""

    def __init__(self, refusal: str = "", late: bool = False) -> None:
        self.refusal = refusal
        self._fault = "not the one" if late else ""

    def verify(self, _: object) -> str:
        if self._fault:
            raise Unverified(self._fault)
        return ""


class RedisTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Turns()
        self.heard: list[Reply] = []
        self.lost: list[str] = []

    def start(self) -> FakeRedis:
        redis = FakeRedis(self.clock)
        redis.start()
        assert self.successResultOf(redis.connection.ready) is redis.connection
        redis.connection.on_lost = self.lost.append
        return redis

    def ask(self, redis: FakeRedis, *words: bytes) -> None:
        redis.connection.ask(words or (b"GET", b"a"), self.heard.append)

    def fault(self, redis: FakeRedis) -> str:
        """Return why there is no connection; it was hung up."""
        assert redis.hung_up
        assert not self.clock.getDelayedCalls()
        failure = self.failureResultOf(redis.connection.ready, UpstreamError)
        return failure.getErrorMessage()


class LoginTests(RedisTests):
    def test_nobody(self) -> None:
        """Without a name there is but a first command, and its reply."""
        redis = FakeRedis(self.clock)
        redis.connect()
        assert redis.took_words(b"PING")
        self.assertNoResult(redis.connection.ready)
        redis.reply(b"+PONG\r\n")
        self.successResultOf(redis.connection.ready)

    def test_steps(self) -> None:
        """The password, then the database, each once the one before was taken."""
        redis = FakeRedis(self.clock, Login("node", "pässword", 3))
        redis.connect()
        assert redis.took_words(b"AUTH", b"node", "pässword".encode())
        redis.reply(b"+OK\r\n")
        assert redis.took_words(b"SELECT", b"3")
        redis.reply(b"+OK\r\n")
        assert redis.took_words(b"PING")
        redis.reply(b"+PONG\r\n")
        self.successResultOf(redis.connection.ready)

    def test_password_alone(self) -> None:
        """A password without a name is given alone, as older servers have it."""
        assert Login(password="it").commands == [(b"AUTH", b"it")]
        assert NOBODY.commands == []

    def test_refused(self) -> None:
        """Who is refused hears the error's code, and nothing that may be secret."""
        redis = FakeRedis(self.clock, Login("node", "secret"))
        redis.connect()
        redis.reply(b"-WRONGPASS you said: secret\r\n")
        assert self.fault(redis) == "AUTH has the reply WRONGPASS"

    def test_odd_reply(self) -> None:
        """A reply that is neither yes nor no is a no."""
        redis = FakeRedis(self.clock)
        redis.connect()
        redis.reply(b":1\r\n")
        assert self.fault(redis) == "PING has the reply something else"

    def test_slow(self) -> None:
        """A login may take its time, the first command may not."""
        redis = FakeRedis(self.clock, Login("", "it"))
        redis.connect()
        self.clock.advance(LOGIN_TIMEOUT - 0.1)
        redis.reply(b"+OK\r\n")
        self.assertNoResult(redis.connection.ready)
        self.clock.advance(0.2)
        for _ in range(TURNS + 1):
            self.clock.advance(LIMIT)
        assert self.fault(redis) == "PING has the reply LATE"

    def test_cancelled(self) -> None:
        """Who cancels hangs up."""
        redis = FakeRedis(self.clock)
        redis.connect()
        redis.connection.ready.cancel()
        self.failureResultOf(redis.connection.ready, CancelledError)
        assert redis.hung_up
        redis.reply(b"+PONG\r\n")
        redis.vanish()

    def test_gone(self) -> None:
        """A server that hangs up has refused."""
        redis = FakeRedis(self.clock)
        redis.connect()
        redis.vanish()
        assert "gone" in self.fault(redis)


class TrustTests(RedisTests):
    def test_public(self) -> None:
        """In clear nothing at all is said to a server of the Internet."""
        redis = FakeRedis(self.clock, Login("", "it"), peer="192.0.2.1")
        redis.connect()
        assert redis.took() == b""
        assert "192.0.2.1 is not of a private network" in self.fault(redis)

    def test_verified(self) -> None:
        """Over TLS nothing is said before the server has proved who it is."""
        redis = FakeRedis(self.clock, peer="192.0.2.1", identity=Judge())
        redis.connect()
        assert redis.took() == b""
        redis.connection.handshakeCompleted()
        assert redis.took_words(b"PING")

    def test_unverified(self) -> None:
        """One that does not hears nothing."""
        redis = FakeRedis(self.clock, Login("", "it"), identity=Judge(late=True))
        redis.connect()
        redis.connection.handshakeCompleted()
        assert redis.took() == b""
        assert self.fault(redis) == "not the one"

    def test_broken_off(self) -> None:
        """Where the handshake was broken off for what it showed, that is the reason."""
        redis = FakeRedis(self.clock, identity=Judge("expired"))
        redis.connect()
        redis.vanish()
        assert self.fault(redis) == "expired"


class AskTests(RedisTests):
    def test_in_order(self) -> None:
        """Each reply is for who asked first of those that wait."""
        redis = self.start()
        self.ask(redis, b"GET", b"a")
        self.ask(redis, b"GET", b"b")
        assert redis.took() == command(b"GET", b"a") + command(b"GET", b"b")
        assert redis.connection.under_way == 2
        redis.reply(b"$1\r\n1\r\n$-1\r\n-ERR no\r\n"[:-9])
        assert self.heard == [b"1", None]
        self.ask(redis)
        redis.reply(b"-ERR no\r\n")
        assert self.heard[2:] == [Refusal("ERR no")]
        assert redis.connection.under_way == 0

    def test_late(self) -> None:
        """After the limit nobody waits; the reply that comes then is for nobody."""
        redis = self.start()
        self.ask(redis)
        redis.be_late()
        assert self.heard == [LATE]
        self.ask(redis)
        assert redis.connection.under_way == 2
        redis.value(b"late")
        assert self.heard == [LATE]
        redis.value(b"in time")
        assert self.heard == [LATE, b"in time"]
        assert not redis.hung_up

    def test_turns(self) -> None:
        """What comes in the turns that are granted is in time."""
        redis = self.start()
        self.ask(redis)
        self.clock.advance(20 * LIMIT)
        for _ in range(TURNS):
            self.clock.advance(0)
        redis.value(b"here")
        self.clock.advance(0)
        assert self.heard == [b"here"]
        assert not self.clock.getDelayedCalls()

    def test_each_its_own(self) -> None:
        """Who asks later waits until later."""
        redis = self.start()
        self.ask(redis)
        self.clock.advance(LIMIT / 2)
        self.ask(redis)
        self.clock.advance(LIMIT / 2)
        for _ in range(TURNS + 1):
            self.clock.advance(0)
        assert self.heard == [LATE]
        self.clock.advance(LIMIT / 2)
        for _ in range(TURNS + 1):
            self.clock.advance(0)
        assert self.heard == [LATE, LATE]

    def test_asked_while_told(self) -> None:
        """Who is told that it is late may ask again at once, and waits as long."""
        redis = self.start()
        redis.connection.ask((b"GET", b"a"), lambda _: self.ask(redis))
        redis.be_late()
        assert self.heard == []
        redis.be_late()
        assert self.heard == [LATE]

    def test_lost(self) -> None:
        """With the connection all who wait hear that it is lost, after its owner."""
        redis = self.start()
        told: list[str] = []
        redis.connection.on_lost = lambda _: told.append("owner")
        for _ in range(2):
            redis.connection.ask((b"GET", b"a"), lambda it: told.append(str(it)))
        redis.vanish()
        assert told == ["owner", str(LOST), str(LOST)]
        assert not self.clock.getDelayedCalls()

    def test_aborted(self) -> None:
        """Its owner need not hear of what it does itself."""
        redis = self.start()
        self.ask(redis)
        redis.connection.abort()
        redis.connection.abort()
        redis.vanish()
        assert self.heard == [LOST]
        assert self.lost == []

    def test_no_resp(self) -> None:
        """Who speaks something else is left."""
        redis = self.start()
        self.ask(redis)
        redis.reply(b"HTTP/1.1 400 Bad Request\r\n")
        assert redis.hung_up
        assert self.heard == [LOST]
        assert "RESP" in self.lost[0]

    def test_unasked(self) -> None:
        """So is who replies to nothing: the replies behind would be to other things."""
        redis = self.start()
        redis.reply(b"+OK\r\n+OK\r\n")
        assert redis.hung_up
        assert self.lost == ["it replies to nothing"]

    def test_nobody_listens(self) -> None:
        """A connection without an owner yet may be lost as well."""
        redis = FakeRedis(self.clock)
        redis.start()
        redis.vanish()
        assert isinstance(self.successResultOf(redis.connection.ready), RedisConnection)
