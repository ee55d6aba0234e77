"""Who may ask, and how often."""

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.config.access import Access, RateLimit
from dotproxy.local.gate import (
    DROP,
    MOST_SOURCES,
    PASS,
    REFUSE,
    SLIP,
    Gate,
    create_gate,
)
from tests.messages import quick

NOW = 1000.0

HOME = ("192.168.1.0/24", "fd00::/8", "fe80::/10")

UNLIMITED = RateLimit()
SLOW = RateLimit(qps=1, burst=3, slip=2)

INSIDE, OUTSIDE = b"\xc0\xa8\1\1", b"\xc0\0\2\1"
"""192.168.1.1 and 192.0.2.1."""


def gate(
    limit: RateLimit = UNLIMITED, allow: tuple[str, ...] = HOME, deny: str = "refuse"
) -> Gate:
    """Make a gate that lets a home network in."""
    made = create_gate(Access(allow, deny), limit, b"seed")
    assert made is not None
    return made


class AccessTests(TestCase):
    def test_admitted(self) -> None:
        """Who is in a network that may ask is let in, octets or spelling."""
        home = gate()
        for source in (
            *(INSIDE, "192.168.1.1", "::ffff:192.168.1.1", "fd00::1", "fe80::1%eth0"),
            *(bytes(10) + b"\xff\xff" + INSIDE, b"\xfd" + bytes(15)),
        ):
            assert home.admit(source, NOW) is PASS, source
            assert home.allows(source)
        assert (home.denied, home.limited) == (0, 0)

    def test_refused(self) -> None:
        """Who is not is refused, or gets no reply, as configured, every time."""
        for deny, verdict in (("refuse", REFUSE), ("drop", DROP)):
            home = gate(deny=deny)
            for source in (OUTSIDE, "192.0.2.1", "::1", "fe00::1", bytes(16)) * 2:
                assert home.admit(source, NOW) is verdict, source
                assert not home.allows(source)
            assert (home.denied, home.limited) == (10, 0)

    def test_no_address(self) -> None:
        """Who has no address that can be read is not let in."""
        everybody = gate(SLOW, ("0.0.0.0/0", "::/0"))
        for source in ("", "localhost", b"", bytes(28)):
            assert everybody.admit(source, NOW) is REFUSE
            assert not everybody.allows(source)
            assert everybody.wait(source, NOW) == 0.0

    def test_unlimited(self) -> None:
        """Without a rate an address may ask as often as it likes."""
        home = gate()
        assert {home.admit(INSIDE, NOW) for _ in range(1000)} == {PASS}
        assert {home.wait(INSIDE, NOW) for _ in range(1000)} == {0.0}

    @quick
    @given(st.lists(st.sampled_from([INSIDE, OUTSIDE, "fd00::1", "192.0.2.1", "::1"])))
    def test_in_any_order(self, sources: list[bytes | str]) -> None:
        """Who asked before makes no difference."""
        home = gate()
        for source in sources:
            expected = PASS if source in (INSIDE, "fd00::1") else REFUSE
            assert home.admit(source, NOW) is expected


class RateTests(TestCase):
    def test_story(self) -> None:
        """After a burst, each second reply asks for TCP, and the others are none."""
        home = gate(SLOW)
        verdicts = [home.admit(INSIDE, NOW) for _ in range(7)]
        assert verdicts == [PASS, PASS, PASS, DROP, SLIP, DROP, SLIP]
        assert (home.denied, home.limited) == (0, 4)
        assert home.admit(INSIDE, NOW + 1) is PASS

    def test_network(self) -> None:
        """Neighbours share, however their addresses are given; strangers do not."""
        home = gate(SLOW)
        for source in (INSIDE, "192.168.1.2", "::ffff:192.168.1.3"):
            assert home.admit(source, NOW) is PASS
        assert home.admit("192.168.1.4", NOW) is DROP
        assert home.admit("fd00::1", NOW) is PASS

    def test_refused(self) -> None:
        """Who may not ask is refused, not counted."""
        home = gate(SLOW)
        assert {home.admit(OUTSIDE, NOW) for _ in range(10)} == {REFUSE}
        assert (home.denied, home.limited) == (10, 0)
        assert home.wait(OUTSIDE, NOW) == 0.0

    def test_streams(self) -> None:
        """Over TCP a query waits for its token, which UDP lacks then."""
        home = gate(SLOW)
        assert [home.wait(INSIDE, NOW) for _ in range(5)] == [0.0, 0.0, 0.0, 1.0, 2.0]
        assert home.admit(INSIDE, NOW + 2) is DROP
        assert home.admit(INSIDE, NOW + 3) is PASS

    def test_looking(self) -> None:
        """To ask whether an address may ask takes no token."""
        home = gate(SLOW)
        assert all(home.allows(INSIDE) for _ in range(10))
        assert home.admit(INSIDE, NOW) is PASS


class MemoryTests(TestCase):
    def test_bounded(self) -> None:
        """However many addresses ask, only so many are kept."""
        home = gate(SLOW)
        most = 0
        for number in range(2 * MOST_SOURCES + 10):
            home.admit(number.to_bytes(4), NOW)
            most = max(most, len(home))
        assert most == MOST_SOURCES
        assert len(home) == 10

    def test_again(self) -> None:
        """Who is forgotten and asks again is treated as before: no new burst."""
        home = gate(SLOW)
        for _ in range(3):
            home.admit(INSIDE, NOW)
        for number in range(MOST_SOURCES):
            assert home.admit(number.to_bytes(4), NOW) is REFUSE
        assert home.admit(INSIDE, NOW) is DROP
        assert home.admit(OUTSIDE, NOW) is REFUSE


class CreateTests(TestCase):
    def test_open(self) -> None:
        """Where everybody may ask as often as they like, there is no gate."""
        everybody = Access(("0.0.0.0/0", "::/0"))
        assert create_gate(everybody, UNLIMITED, b"seed") is None
        assert create_gate(everybody, SLOW, b"seed") is not None
        assert create_gate(Access(("0.0.0.0/0",)), UNLIMITED, b"seed") is not None

    def test_default(self) -> None:
        """By default this machine and its neighbours may ask, and nobody from afar."""
        made = create_gate(Access(), RateLimit(), b"seed")
        assert made is not None
        assert made.admit("127.0.0.1", NOW) is made.admit("::1", NOW) is PASS
        assert made.admit(INSIDE, NOW) is PASS
        assert made.admit(OUTSIDE, NOW) is REFUSE
