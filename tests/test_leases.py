"""Addresses that names have to themselves."""

from ipaddress import ip_network
from unittest import TestCase

import pytest

from dotproxy.config.rule import TTL
from dotproxy.local.leases import AGAIN, KEEP, KEEP_NEW, MOST, SETTLED, Leases
from dotproxy.wire.message import FormatError
from tests.words import Time

FOUR, SIX = ip_network("127.64.0.0/16"), ip_network("2001:db8::/64")

SMALL = ip_network("10.0.0.0/30")
"""Two addresses."""


class LeasesTests(TestCase):
    def setUp(self) -> None:
        self.time = Time()
        self.leases = Leases((FOUR, SIX), self.time)

    def small(self) -> Leases:
        return Leases((SMALL,), self.time)

    def test_families(self) -> None:
        """A name has an address in each network, always the same, and its own."""
        first = {1: [b"\x7f\x40\0\1"], 28: [SIX[1].packed]}
        assert self.leases.lease("a.example") == first
        assert self.leases.lease("b.example") == {
            1: [b"\x7f\x40\0\2"],
            28: [SIX[2].packed],
        }
        assert self.leases.lease("a.example") == first
        assert self.leases.given == 2

    def test_one_family(self) -> None:
        """Of a family without a network there is no address."""
        assert self.small().lease("a.example") == {1: [b"\x0a\0\0\1"], 28: []}

    def test_name(self) -> None:
        """The name of an address is known, in every spelling of it."""
        self.leases.lease("a.example")
        for address in ("127.64.0.1", "2001:db8::1", "2001:db8:0::1%lo"):
            assert self.leases.name_at(address) == "a.example"
        for other in ("127.64.0.2", "127.64.0.0", "127.0.0.1", "::1", "10.0.0.1"):
            assert self.leases.name_at(other) is None

    def test_held(self) -> None:
        """What a name has is known, without a lease for those that have none."""
        leases = self.small()
        assert leases.held("a.example") is None
        assert leases.given == 0
        assert leases.lease("a.example") == leases.held("a.example")
        assert leases.held("a.example") == {1: [b"\x0a\0\0\1"], 28: []}

    def test_other_networks(self) -> None:
        """A name keeps its number in other networks, where there is room for it."""
        for name in ("a.example", "b.example", "c.example"):
            self.leases.lease(name)
        assert not self.leases.use((FOUR, SIX))
        assert self.leases.given == 3
        assert self.leases.use((FOUR,))
        assert self.leases.given == 4
        assert self.leases.lease("c.example") == {1: [b"\x7f\x40\0\3"], 28: []}
        assert self.leases.name_at("2001:db8::1") is None
        assert self.leases.use((SMALL,))
        assert self.leases.name_at("10.0.0.2") == "b.example"
        assert self.leases.name_at("10.0.0.3") is None
        assert self.leases.lease("c.example") is None
        self.leases.use((FOUR,))
        assert self.leases.lease("c.example") == {1: [b"\x7f\x40\0\3"], 28: []}
        assert self.leases.lease("d.example") == {1: [b"\x7f\x40\0\4"], 28: []}

    def test_none_any_more(self) -> None:
        """Where the networks are gone nobody has an address."""
        self.leases.lease("a.example")
        self.leases.use(())
        assert self.leases.lease("a.example") is None
        assert self.leases.dump() == Leases((), self.time).dump()

    def test_new(self) -> None:
        """When all are leased, the new name longest unused goes, after its time."""
        leases = self.small()
        leases.lease("a.example")
        self.time.now += 1
        leases.lease("b.example")
        self.time.now += KEEP_NEW - 1
        leases.held("a.example")
        assert leases.lease("c.example") is None
        self.time.now += 1
        assert leases.lease("c.example") == {1: [b"\x0a\0\0\2"], 28: []}
        assert leases.name_at("10.0.0.2") == "c.example"
        assert leases.name_at("10.0.0.1") == "a.example"
        assert leases.lease("b.example") is None
        assert leases.given == 3

    def test_settled(self) -> None:
        """A name that was asked for over an hour stays, whoever makes up others."""
        leases = self.small()
        leases.lease("a.example")
        self.time.now += SETTLED
        leases.lease("a.example")
        for number in range(100):
            assert leases.lease(f"{number}.example") is not None
            assert leases.lease("other.example") is None
            self.time.now += KEEP_NEW
        assert leases.held("a.example") is not None
        leases.lease("b.example")
        self.time.now += SETTLED
        leases.lease("b.example")
        self.time.now += KEEP - SETTLED - 1
        assert leases.lease("c.example") is None
        self.time.now += 1
        assert leases.lease("c.example") == {1: [b"\x0a\0\0\1"], 28: []}

    def test_outlives(self) -> None:
        """A lease lasts longer than what is said of it."""
        assert KEEP_NEW > TTL

    def test_complains(self) -> None:
        """That none is left is said once an hour."""
        leases = self.small()
        assert leases.complains()
        assert not leases.complains()
        self.time.now += AGAIN
        assert leases.complains()

    def test_bound(self) -> None:
        """However large the network, so many names have a lease."""
        leases = Leases((SIX,), self.time)
        for number in range(MOST):
            assert leases.lease(f"{number}.example")
        assert leases.lease("a.example") is None

    def test_none(self) -> None:
        """Out of no network nothing is leased."""
        assert Leases((), self.time).lease("a.example") is None


class RestoreTests(TestCase):
    def setUp(self) -> None:
        self.time = Time()
        self.before = Leases((SMALL,), self.time)
        self.after = Leases((SMALL,), self.time)

    def test_restored(self) -> None:
        """Names keep their addresses, and these their age."""
        self.before.lease("a.example")
        self.time.now += 10
        self.before.lease("b.example")
        self.before.lease("a.example")
        text = self.before.dump()
        lines = "0 0 2 b.example\n0 10 1 a.example\n"
        assert text == f"dotproxy leases 2\n{lines}end of 2\n"
        self.time.now = 5
        self.after.restore(text, KEEP_NEW - 10)
        assert self.after.name_at("10.0.0.1") == "a.example"
        self.time.now += 9
        assert self.after.lease("c.example") is None
        self.time.now += 1
        assert self.after.lease("a.example") == {1: [b"\x0a\0\0\1"], 28: []}
        assert self.after.lease("c.example") == {1: [b"\x0a\0\0\2"], 28: []}

    def test_settled(self) -> None:
        """Who was asked for over an hour before is not new after."""
        self.before.lease("a.example")
        self.time.now += SETTLED
        self.before.lease("a.example")
        self.before.lease("b.example")
        self.after.restore(self.before.dump(), KEEP_NEW)
        assert self.after.lease("c.example") == {1: [b"\x0a\0\0\2"], 28: []}
        assert self.after.lease("d.example") is None
        assert self.after.dump().endswith(
            f"{KEEP_NEW} {SETTLED} 1 a.example\nend of 2\n"
        )

    def test_oldest_first(self) -> None:
        """Who was longest unused goes first, whatever the order of the lines."""
        lines = f"5 0 1 a.example\n{KEEP_NEW} 0 2 b.example\nend of 2\n"
        self.after.restore(f"dotproxy leases 2\n{lines}", 0)
        assert self.after.lease("c.example") == {1: [b"\x0a\0\0\2"], 28: []}

    def test_free(self) -> None:
        """What nobody had is free, and only that."""
        self.after.restore("dotproxy leases 2\n0 0 1 a.example\nend of 1\n", 0)
        assert self.after.lease("b.example") == {1: [b"\x0a\0\0\2"], 28: []}
        assert self.after.lease("c.example") is None

    def test_not_fitting(self) -> None:
        """What does not fit the network, or stands there twice, is left out."""
        lines = "9 0 1 a.example\n8 0 1 b.example\n7 9 2 a.example\n6 0 3 c.example\n"
        self.after.restore(f"dotproxy leases 2\n{lines}end of 4\n", 0)
        assert self.after.name_at("10.0.0.1") == "a.example"
        assert self.after.name_at("10.0.0.2") is None
        assert self.after.name_at("10.0.0.3") is None

    def test_damaged(self) -> None:
        """Of what is damaged nothing is taken."""
        good = "0 0 1 a.example\n"
        for text in (
            "",
            "dotproxy leases 2",
            f"dotproxy leases 1\n{good}end of 1\n",
            f"dotproxy leases 2\n{good}",
            f"dotproxy leases 2\n{good}end of 2\n",
            f"dotproxy leases 2\n{good}0 0 2\nend of 2\n",
            f"dotproxy leases 2\n{good}0 0 x b.example\nend of 2\n",
            f"dotproxy leases 2\n{good}0 0 2 ü.example\nend of 2\n",
        ):
            with pytest.raises(FormatError):
                self.after.restore(text, 0)
            assert self.after.name_at("10.0.0.1") is None
