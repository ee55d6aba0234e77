"""Answers as they lie in a cache that a fleet shares."""

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.config.caching import Caching
from dotproxy.local.cache import Cache
from dotproxy.local.entry import answer_of, pack
from dotproxy.local.lifetime import Lifetime, ttl_of
from dotproxy.local.seal import LARGEST, PREFIX, SKEW, Seal, Sealed
from dotproxy.wire.answer import Answer
from dotproxy.wire.edns import option
from dotproxy.wire.query import Query
from dotproxy.wire.reply import from_answer
from dotproxy.wire.subnet import SUBNET
from tests.messages import opt, quick
from tests.words import BOGUS, NXDOMAIN, SOA, Time, answering, asking, read, ttls

HERE, ELSEWHERE = b"upstreams of ours", b"others"

BOUNDS = Caching()


def address(ttl: int = 300, options: bytes | None = None) -> Answer:
    return answering(asking(), f"@ {ttl} A 192.0.2.1", options=options)


class SealTests(TestCase):
    def setUp(self) -> None:
        self.time = Time(1_700_000_000.25)
        self.seal = self.sealing()

    def sealing(self, secret: bytes = b"", bounds: Caching = BOUNDS) -> Seal:
        return Seal(secret, bounds, self.time)

    def closed(self, answer: Answer, query: Query | None = None) -> Sealed:
        sealed = self.seal.close(HERE, query or asking(), answer)
        assert sealed is not None
        return sealed

    def opened(self, sealed: Sealed, seal: Seal | None = None) -> Answer | None:
        return (seal or self.seal).open(sealed.key, asking(), sealed.value)

    def shown(self, sealed: Sealed, seal: Seal | None = None) -> list[int]:
        """Return the TTLs of what is opened; none if nothing is."""
        answer = self.opened(sealed, seal)
        if answer is None:
            return []
        return [ttl_of(answer.body, record) for record in answer.records]


class KeyTests(SealTests):
    def test_same(self) -> None:
        """Whoever asks the same of the same has the same key, however it is spelled."""
        key = self.seal.key(HERE, asking())
        assert key == self.sealing().key(HERE, asking("eXample.com"))
        assert key.startswith(PREFIX)
        assert key.isascii()

    def test_all_that_differs(self) -> None:
        """Upstreams, question, flags, subnet, secret: each of them counts."""
        subnet = asking()
        subnet.speak_for(bytes.fromhex("00011800c00002"))
        aliased = asking()
        aliased.subnet = bytes.fromhex("00011800c00003")
        keys = [
            self.seal.key(HERE, asking()),
            self.seal.key(ELSEWHERE, asking()),
            self.seal.key(HERE, asking("example.org")),
            self.seal.key(HERE, asking("example.com", "AAAA")),
            self.seal.key(HERE, asking("example.com", "A", opt(ttl=0x8000))),
            self.seal.key(HERE, asking(flags=0x0110)),
            self.seal.key(HERE, asking(flags=0)),
            self.seal.key(HERE, subnet),
            self.seal.key(HERE, aliased),
            self.sealing(b"secret").key(HERE, asking()),
        ]
        assert len(set(keys)) == len(keys)


class CloseTests(SealTests):
    def test_what_holds(self) -> None:
        """Addresses and absence are shared, for as long as they hold."""
        assert self.closed(address()).life == 300
        absent = answering(asking(), authority=(SOA,), flags=NXDOMAIN)
        assert self.closed(absent).life == 60

    def test_what_does_not(self) -> None:
        """Failures, TTL 0, what soon ends, a subnet's and the very large stay here."""
        scoped = option(SUBNET, bytes.fromhex("00011818c00002"))
        texts = [f"@ 300 TXT {'x' * 255}" for _ in range(LARGEST // 255)]
        for answer in (
            answering(asking(), flags=0x8182),
            answering(asking(), flags=0x8183),
            address(0),
            address(2),
            address(options=scoped),
            answering(asking(), *texts),
        ):
            assert self.seal.close(HERE, asking(), answer) is None

    def test_least_ttl(self) -> None:
        """What one cache makes longer is not so for others."""
        seal = self.sealing(bounds=Caching(min_ttl=600))
        sealed = seal.close(HERE, asking(), address(100))
        assert sealed is not None
        assert sealed.life == 100


class OpenTests(SealTests):
    def test_back(self) -> None:
        """At once it is the answer that came, with what the upstream explained."""
        answer = address(options=BOGUS)
        opened = self.opened(self.closed(answer))
        assert opened is not None
        assert opened.opt is not None
        assert opened.body == answer.body
        assert opened.opt.options == ((15, b"\0\6bogus"),)

    def test_spelling(self) -> None:
        """Who asks in another spelling gets it back in that one."""
        opened = self.opened(self.closed(address()))
        assert opened is not None
        reply = read(from_answer(asking("EXAMPLE.com"), opened))
        assert str(reply.question[0].name) == "EXAMPLE.com."

    def test_counts_down(self) -> None:
        """TTLs count down since the answer came, and a part of a second is a whole."""
        sealed = self.closed(address())
        self.time.now += 99.5
        assert self.shown(sealed) == [200]

    def test_last_tenth(self) -> None:
        """In the last tenth of its life it is no answer, nor after its end."""
        sealed = self.closed(address())
        self.time.now += 267
        assert self.shown(sealed) == [33]
        for _ in range(100):
            self.time.now += 1
            assert self.shown(sealed) == []

    def test_refresh(self) -> None:
        """What a cache asks for anew before its end is not answered by the same."""
        for ttl in range(3, 400, 7):
            for lag in range(0, ttl, 5):
                self.time.now = 1_700_000_000.0 + ttl / 7
                sealed = self.closed(address(ttl))
                self.time.now += lag
                answer = self.opened(sealed)
                if answer is not None:
                    self.assert_renewed(sealed, answer)

    def assert_renewed(self, sealed: Sealed, answer: Answer) -> None:
        heard: list[Query] = []
        cache = Cache(BOUNDS, self.time)
        cache.on_due = heard.append
        cache.learn(asking(), answer)
        while cache.answer(asking()) is not None and not heard:
            self.time.now += 0.9
        assert self.opened(sealed) is None

    def test_bounds(self) -> None:
        """Whoever reads it has bounds of their own, since when it was learned."""
        sealed = self.closed(address(3600))
        self.time.now += 20
        assert self.shown(sealed, self.sealing(bounds=Caching(max_ttl=60))) == [40]
        assert self.shown(sealed, self.sealing(bounds=Caching(max_ttl=20))) == []

    def test_learned_on(self) -> None:
        """A cache that learns it keeps it for what is left, absence too."""
        answer = answering(asking(), authority=(SOA,), flags=NXDOMAIN)
        sealed = self.closed(answer)
        self.time.now += 20
        opened = self.opened(sealed)
        assert opened is not None
        cache = Cache(BOUNDS, self.time)
        cache.learn(asking(), opened)
        assert ttls(cache.answer(asking())) == [40]
        self.time.now += 40
        assert cache.answer(asking()) is None

    def test_clock_ahead(self) -> None:
        """A clock that is ahead lengthens no life by more than a minute."""
        self.time.now += SKEW
        sealed = self.closed(address())
        self.time.now -= SKEW
        assert self.shown(sealed) == [300]
        self.time.now -= 1
        assert self.shown(sealed) == []

    def test_since(self) -> None:
        """What was learned before a flush is not believed any more."""
        before = self.closed(address())
        self.time.now += 1
        self.seal.forget()
        assert self.shown(before) == []
        self.time.now += 1
        assert self.shown(self.closed(address())) == [300]

    def test_secret(self) -> None:
        """Only who has the same secret can make what opens."""
        sealed = self.closed(address())
        kept = self.sealing(b"secret")
        assert self.shown(sealed, kept) == []
        theirs = kept.close(HERE, asking(), address())
        assert theirs is not None
        assert self.shown(theirs, kept) == [300]
        assert self.shown(theirs) == []

    def test_other_key(self) -> None:
        """What was written under one key does not open under another."""
        sealed = self.closed(address())
        key = self.seal.key(ELSEWHERE, asking())
        assert self.seal.open(key, asking(), sealed.value) is None

    def test_other_question(self) -> None:
        """Even sealed rightly, an answer to something else is none."""
        other = asking("www.example.com")
        rest = (int(self.time.now) * 1000).to_bytes(8, "big")
        rest += pack(answering(other, "@ 300 A 192.0.2.6"), Lifetime(300, 300), 0)
        key = self.seal.key(HERE, asking())
        value = b"\1" + self.seal._seal(key, rest) + rest
        assert self.seal.open(key, other, value) is not None
        assert self.seal.open(key, asking(), value) is None

    def test_unkept(self) -> None:
        """What we would not keep ourselves is no answer, however it got there."""
        failed = pack(answering(asking(), flags=0x8182), Lifetime(300, 300), 0)
        rest = (int(self.time.now) * 1000).to_bytes(8, "big") + failed
        key = self.seal.key(HERE, asking())
        value = b"\1" + self.seal._seal(key, rest) + rest
        assert self.seal.open(key, asking(), value) is None

    def test_version(self) -> None:
        """Another version is not read."""
        sealed = self.closed(address())
        other = sealed._replace(value=b"\2" + sealed.value[1:])
        assert self.opened(other) is None

    @quick
    @given(st.binary(max_size=200))
    def test_any_octets(self, value: bytes) -> None:
        """Any octets at all are no answer."""
        key = self.seal.key(HERE, asking())
        assert self.seal.open(key, asking(), value) is None
        assert self.seal.open(key, asking(), b"\1" + value) is None

    @quick
    @given(st.data())
    def test_damaged(self, data: st.DataObject) -> None:
        """An octet that has changed, or is missing, is no answer."""
        sealed = self.closed(address())
        value = bytearray(sealed.value)
        at = data.draw(st.integers(0, len(value) - 1))
        value[at] ^= data.draw(st.integers(1, 255))
        assert self.opened(sealed._replace(value=bytes(value))) is None
        assert self.opened(sealed._replace(value=sealed.value[:at])) is None

    @quick
    @given(st.binary(max_size=200), st.integers(0, 100))
    def test_sealed_octets(self, entry: bytes, cut: int) -> None:
        """Even sealed by who has the secret, what is no answer to this is a miss."""
        key = self.seal.key(HERE, asking())
        good = pack(address(), Lifetime(300, 300), 0)
        rest = int(self.time.now * 1000).to_bytes(8, "big") + good[:cut] + entry
        value = b"\1" + self.seal._seal(key, rest) + rest
        answer = self.seal.open(key, asking(), value)
        assert answer is None or answer_of(good).body[12:29] == answer.body[12:29]
