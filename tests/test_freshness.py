"""For how long a reply holds."""

from unittest import TestCase

from dotproxy.wire.freshness import freshness
from tests.messages import ADDRESS, BACK, EXAMPLE, message, opt, record

SOA = b"\0\0" + bytes(16) + (60).to_bytes(4, "big")


class FreshnessTests(TestCase):
    def test_smallest(self) -> None:
        """The smallest TTL of the answer counts, and nothing beside it."""
        answers = [record(BACK, 1, ADDRESS, ttl) for ttl in (300, 20, 40)]
        beside = [record(BACK, 2, b"\0", 5)]
        assert freshness(message(0x8180, [EXAMPLE], answers, beside, [opt()])) == 20

    def test_absence(self) -> None:
        """Without an answer it is the lesser of the SOA's TTL and its MINIMUM."""
        for ttl, expected in ((300, 60), (30, 30)):
            soa = record(BACK, 6, SOA, ttl)
            assert freshness(message(0x8183, [EXAMPLE], [], [soa])) == expected

    def test_alias_to_nothing(self) -> None:
        """An alias of a name without an answer holds no longer than the absence."""
        alias = record(BACK, 5, b"\1a\0", 3600)
        for ttl, expected in ((300, 60), (30, 30)):
            absence = [record(BACK, 6, SOA, ttl), record(BACK, 47, b"\0", 5)]
            assert freshness(message(0x8180, [EXAMPLE], [alias], absence)) == expected

    def test_beyond(self) -> None:
        """A TTL beyond all TTLs counts as none."""
        answers = [record(BACK, 1, ADDRESS, ttl) for ttl in (2**31, 300)]
        assert freshness(message(0x8180, [EXAMPLE], answers)) == 0
        longest = [record(BACK, 1, ADDRESS, 2**31 - 1)]
        assert freshness(message(0x8180, [EXAMPLE], longest)) == 2**31 - 1

    def test_nothing(self) -> None:
        """Where nothing tells, it is not kept."""
        assert freshness(message(0x8182, [EXAMPLE], [], [], [opt()])) == 0
        assert freshness(message(0x8181)) == 0
