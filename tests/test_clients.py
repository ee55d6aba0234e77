"""Who is connected over TCP, and who goes when there are too many."""

from ipaddress import ip_network
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from dotproxy.config.clients import Clients as Configured
from dotproxy.config.setting import ConfigError
from dotproxy.journal.note import DOH, TCP, Transport
from dotproxy.local.networks import Networks
from dotproxy.server.clients import GRACE, Clients, is_from, network_of, own_network
from dotproxy.server.limits import Limits
from tests.messages import quick


class Guest:
    """A client that notes that it was turned out."""

    def __init__(self, network: str, proto: Transport = TCP) -> None:
        self.network: str | bytes = network
        self.proto = proto
        self.out = False

    def turn_out(self) -> None:
        assert not self.out, "nobody is turned out twice"
        self.out = True


class ClientsTests(TestCase):
    def setUp(self) -> None:
        self.clients = Clients(Limits(per_client=3, in_all=5))

    def enter(self, *networks: str) -> list[Guest]:
        guests = [Guest(network) for network in networks]
        for guest in guests:
            self.clients.enter(guest)
        return guests

    def test_room(self) -> None:
        """As many as may come stay."""
        guests = self.enter("a", "a", "a", "b", "c")
        assert list(self.clients) == guests
        assert self.clients.turned_out == 0

    def test_by_transport(self) -> None:
        """They are counted by how they ask."""
        self.enter("a", "b")
        self.clients.enter(Guest("c", DOH))
        assert self.clients.by_transport() == {TCP: 2, DOH: 1}

    def test_in_all(self) -> None:
        """One more, and the one that was longest idle goes for it."""
        guests = self.enter("a", "b", "c", "d", "e")
        (last,) = self.enter("f")
        assert [guest.out for guest in guests] == [True, *[False] * 4]
        assert list(self.clients) == [*guests[1:], last]
        assert self.clients.turned_out == 1

    def test_use(self) -> None:
        """One that was of use stays longer than one that came later."""
        guests = self.enter("a", "b", "a", "a", "e")
        self.clients.touch(guests[0])
        self.enter("a")
        assert [at for at, guest in enumerate(guests) if guest.out] == [2]
        self.enter("f")
        assert [at for at, guest in enumerate(guests) if guest.out] == [1, 2]

    def test_per_client(self) -> None:
        """A network that has all it may have makes room itself, not for others."""
        other = self.enter("b")
        guests = self.enter("a", "a", "a", "a")
        assert [guest.out for guest in other + guests] == [False, True, *[False] * 3]
        assert len(self.clients) == 4

    def test_leave(self) -> None:
        """Who leaves makes room; it may do so twice, or be turned out before."""
        guests = self.enter("a", "a", "a", "a")
        for guest in (guests[0], guests[1], guests[1]):
            self.clients.leave(guest)
            self.clients.touch(guest)
        assert list(self.clients) == guests[2:]
        self.enter("a")
        assert not any(guest.out for guest in guests[1:])

    def test_make_room(self) -> None:
        """Somebody goes when the system has no room, if there is anybody."""
        guests = self.enter("a", "b")
        for _ in range(3):
            self.clients.make_room()
        assert all(guest.out for guest in guests)
        assert self.clients.turned_out == 2

    def test_unread(self) -> None:
        """One for whom too much is kept goes; what was read does not count."""
        self.clients = Clients(Limits(unread=100, unread_in_all=1000))
        one, other = self.enter("a", "b")
        for second in range(3):
            self.clients.keep(one, 100, float(second))
            self.clients.read(one)
        assert (one.out, self.clients.unread) == (False, 0)
        self.clients.keep(other, 60, 3.0)
        self.clients.keep(one, 50, 3.0)
        self.clients.keep(one, 51, 3.0 + GRACE)
        assert (one.out, other.out, self.clients.unread) == (True, False, 60)

    def test_unread_at_once(self) -> None:
        """Much may come for one in a single turn: it has some time to read that."""
        self.clients = Clients(Limits(unread=100, unread_in_all=1000))
        (one,) = self.enter("a")
        for _ in range(5):
            self.clients.keep(one, 100, 3.0)
        assert not one.out
        self.clients.keep(one, 1, 2.9 + GRACE)
        assert not one.out
        self.clients.keep(one, 1, 3.0 + GRACE)
        assert one.out

    def test_left(self) -> None:
        """Who has read a part is kept less for, but since the same time."""
        (slow,) = self.enter("a")
        limit = self.clients.limits.unread
        self.clients.keep(slow, limit, 0.0)
        self.clients.left(slow, 5)
        assert self.clients.unread == 5
        self.clients.keep(slow, limit - 5, 9.0)
        assert not slow.out
        self.clients.keep(slow, 1, 9.0)
        assert slow.out
        self.clients.left(slow, 7)
        assert self.clients.unread == 0

    def test_unread_in_all(self) -> None:
        """If it is too much for all, whoever did not read for longest goes."""
        self.clients = Clients(Limits(unread=100, unread_in_all=250))
        guests = self.enter("a", "b", "c", "d")
        for guest in guests[:3]:
            self.clients.keep(guest, 80, 0.0)
        self.clients.read(guests[0])
        self.clients.keep(guests[0], 80, 0.0)
        self.clients.keep(guests[3], 80, 0.0)
        assert [guest.out for guest in guests] == [False, True, False, False]
        for guest in guests:
            self.clients.leave(guest)
        assert self.clients.unread == 0

    @quick
    @given(st.lists(st.tuples(st.sampled_from("eetl"), st.integers(0, 9))))
    def test_limits(self, steps: list[tuple[str, int]]) -> None:
        """Whatever happens, no limit is passed, and who is in was not turned out."""
        self.setUp()
        come: list[Guest] = []
        for step, number in steps:
            if step == "e":
                come += self.enter(str(number % 3))
            elif come:
                guest = come[number % len(come)]
                (self.clients.touch if step == "t" else self.clients.leave)(guest)
            inside = [guest for guest in come if guest in list(self.clients)]
            assert len(inside) == len(self.clients) <= 5
            assert not any(guest.out for guest in inside)
            for network in "012":
                assert sum(guest.network == network for guest in inside) <= 3


class NetworkTests(TestCase):
    def test_ipv4(self) -> None:
        """An IPv4 address is a client, on whatever port."""
        one, same = (IPv4Address("TCP", "192.0.2.1", port) for port in (1, 2))
        other = IPv4Address("TCP", "192.0.2.2", 1)
        assert network_of(one) == network_of(same) != network_of(other)

    def test_ipv6(self) -> None:
        """64 bits of an IPv6 address are one, with or without a zone."""
        hosts = ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1")
        one, same, other = (network_of(IPv6Address("TCP", host, 1)) for host in hosts)
        assert one == same != other
        zones = ("fe80::1%eth0", "fe80::2")
        assert len({network_of(IPv6Address("TCP", zone, 1)) for zone in zones}) == 1

    def test_none(self) -> None:
        """Clients without an IP address are one."""
        assert network_of(None) == network_of(UNIXAddress(b"/nowhere"))

    def test_from(self) -> None:
        """An address is in one of some networks, or has none."""
        networks = Networks((ip_network("192.0.2.0/24"), ip_network("fe80::/10")))
        assert is_from(IPv4Address("TCP", "192.0.2.255", 1), networks)
        assert is_from(IPv6Address("TCP", "fe80::1%eth0", 1), networks)
        assert is_from(IPv6Address("TCP", "::ffff:192.0.2.1", 1), networks)
        assert not is_from(IPv4Address("TCP", "192.0.3.0", 1), networks)
        for nobody in (None, UNIXAddress(b"/nowhere"), IPv4Address("TCP", "x", 1)):
            assert not is_from(nobody, networks)

    def test_own(self) -> None:
        """Two connections of one address may stand for two."""
        one, other = (IPv4Address("TCP", "192.0.2.1", port) for port in (1, 2))
        assert own_network(one) != own_network(other)


class ConfigTests(TestCase):
    def test_bounds(self) -> None:
        """Every limit is a number that makes sense."""
        for key, value, rule in (
            ("max_tcp", 0, "a whole number from 1 to 1000000"),
            ("max_tcp_per_client", "9", "a whole number from 1 to 1000000"),
            ("idle_timeout", 0.5, "a number of seconds from 1 to 3600"),
            ("max_queries", 10**7, "a whole number from 1 to 1000000"),
        ):
            with self.subTest(key=key), self.assertRaises(ConfigError) as caught:
                Configured(**{key: value})
            self.assertEqual(str(caught.exception), f"{key} = {value!r} must be {rule}")

    def test_networks(self) -> None:
        """Those who speak for others are networks, and never everybody."""
        clients = Configured(
            proxy_protocol=("192.0.2.7/32",), trusted_proxies=("::FFFF:10.0.0.1",)
        )
        assert clients.balancers == (ip_network("192.0.2.7"),)
        assert clients.proxies == (ip_network("10.0.0.1"),)
        for key in ("proxy_protocol", "trusted_proxies"):
            for value, rule in (
                ("::/0", "would believe everybody: name those who stand before us"),
                ("192.0.2.1/24", "has bits beyond its prefix"),
                ("lb.example", "must be a network such as 192.168.1.0/24"),
            ):
                with self.assertRaises(ConfigError) as caught:
                    Configured(**{key: (value,)})
                self.assertIn(f"{key} = {value!r} {rule}", str(caught.exception))
