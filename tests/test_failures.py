"""What failed a moment ago."""

from math import ceil
from unittest import TestCase

from dotproxy.local.failures import MOST, Failures
from dotproxy.wire.message import FORMERR, NOTIMP, REFUSED, SERVFAIL
from dotproxy.wire.query import Query, parse_query
from tests.messages import message, opt
from tests.words import Time, answering, asking, error_codes, read, respelled

GOOD = 0x8180


class FailuresTests(TestCase):
    def setUp(self) -> None:
        self.time = Time()
        self.failures = Failures(self.time)

    def learn(self, flags: int, query: Query | None = None) -> None:
        """Bring an answer with these flags and no records."""
        query = query or asking()
        self.failures.learn(query, answering(query, flags=flags))

    def rcode(self, query: Query | None = None) -> int | None:
        """Return the RCODE that a query gets from here, if any."""
        found = self.failures.answer(query or asking())
        return None if found is None else read(found).rcode()

    def assert_pause(self, seconds: int) -> None:
        """Assert that a failure of just now holds for so long, to the next second."""
        over = ceil(self.time.now + seconds)
        self.time.now = over - 0.001
        assert self.rcode() is not None
        self.time.now = over
        assert self.rcode() is None


class RememberedTests(FailuresTests):
    def test_nothing(self) -> None:
        """Of what was never asked no failure is known."""
        assert self.rcode() is None
        assert len(self.failures) == 0

    def test_which(self) -> None:
        """What is no help is remembered, with its RCODE (RFC 9520 section 2)."""
        for rcode in (FORMERR, SERVFAIL, NOTIMP, REFUSED):
            self.failures = Failures(self.time)
            self.learn(GOOD | rcode)
            assert self.rcode() == rcode
            assert len(self.failures) == 1

    def test_which_not(self) -> None:
        """An answer is no failure, nor is one that is cut or says something rare."""
        for flags in (GOOD, 0x8183, 0x8380, 0x8186):
            self.learn(flags)
            assert self.rcode() is None
            assert len(self.failures) == 0

    def test_latest(self) -> None:
        """The last word counts."""
        self.learn(0x8182)
        self.learn(0x8185)
        assert self.rcode() == REFUSED

    def test_reply(self) -> None:
        """The reply is the client's own: ID, flags, spelling; and has no records."""
        self.learn(0x8182)
        query = parse_query(respelled(asking().wire))
        assert self.failures.answer(query) == message(0x8182, [query.question])

    def test_said(self) -> None:
        """Who can hear it is told that it is an old failure (RFC 8914 4.14)."""
        self.learn(0x8182)
        found = self.failures.answer(asking("example.com", "A", opt()))
        assert error_codes(found) == [13]
        (error,) = read(found).extended_errors()
        assert error.text == "it failed a moment ago"

    def test_for_whom(self) -> None:
        """It is remembered for the same question and flags, and for no others."""
        self.learn(0x8182)
        assert self.rcode(asking("EXAMPLE.com", "A", flags=0x0120)) == SERVFAIL
        for query in (
            asking("example.net"),
            asking("example.com", "AAAA"),
            asking("example.com", "A", flags=0x0110),
            asking("example.com", "A", opt(ttl=0x8000)),
        ):
            assert self.rcode(query) is None


class PauseTests(FailuresTests):
    def test_growing(self) -> None:
        """It holds for 1 s, then twice as long each time, to 30 s (RFC 9520 3.2)."""
        for pause in (1, 2, 4, 8, 16, 30, 30):
            self.learn(0x8182)
            self.assert_pause(pause)

    def test_whenever_it_begins(self) -> None:
        """A second is a second, whenever it begins (RFC 9520 section 3.2)."""
        for self.time.now in (1000.0, 2000.5, 3000.999):
            self.failures.flush()
            self.learn(0x8182)
            self.assert_pause(1)

    def test_any_failure(self) -> None:
        """It grows whatever the failures, each of which is one."""
        for flags in (0x8182, 0x8185, 0x8181):
            self.learn(flags)
        self.assert_pause(4)

    def test_forgotten(self) -> None:
        """A good answer ends it, and the next failure starts anew (RFC 9520 3.2)."""
        for flags in (GOOD, 0x8183):
            for _ in range(3):
                self.learn(0x8182)
            self.learn(flags)
            assert self.rcode() is None
            assert len(self.failures) == 0
            self.learn(0x8182)
            self.assert_pause(1)

    def test_each(self) -> None:
        """Each question has a pause of its own."""
        for _ in range(3):
            self.learn(0x8182)
        other = asking("example.net")
        self.learn(0x8182, other)
        self.time.now += 2
        assert self.rcode() == SERVFAIL
        assert self.rcode(other) is None
        self.learn(GOOD, other)
        assert self.rcode() == SERVFAIL


class BoundTests(FailuresTests):
    def test_most(self) -> None:
        """No more than 10,000 are remembered; beyond, the oldest is forgotten."""
        assert MOST == 10_000
        failed = answering(asking(), flags=0x8182)
        queries = [asking("example.com", f"TYPE{n + 256}") for n in range(MOST + 1)]
        for query in queries[:-1]:
            self.failures.learn(query, failed)
        assert len(self.failures) == MOST
        self.failures.learn(queries[0], failed)
        assert len(self.failures) == MOST
        self.failures.learn(queries[-1], failed)
        assert len(self.failures) == MOST
        told = [self.rcode(query) for query in (*queries[:3], queries[-1])]
        assert told == [SERVFAIL, None, SERVFAIL, SERVFAIL]

    def test_flush(self) -> None:
        """All can be forgotten, and the next failure starts anew."""
        for name in ("example.com", "example.com", "example.net"):
            self.learn(0x8182, asking(name))
        self.failures.flush()
        assert len(self.failures) == 0
        assert self.rcode() is None
        self.learn(0x8182)
        self.assert_pause(1)
