"""The client behind a proxy."""

from ipaddress import ip_network
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.local.forwarded import MOST, client_behind
from dotproxy.local.networks import Networks, octets
from tests.messages import quick

PROXY = "127.0.0.1"

TRUSTED = Networks(
    tuple(map(ip_network, ("127.0.0.0/8", "10.0.0.0/8", "2001:db8:1::/48")))
)


def client(forwarded: bytes) -> str:
    return client_behind(PROXY, forwarded, TRUSTED)


class ForwardedTests(TestCase):
    def test_last(self) -> None:
        """It is the last that is no proxy's; those before it may be made up."""
        for forwarded in (
            b"203.0.113.7",
            b"  203.0.113.7 ",
            b"198.51.100.1, 203.0.113.7",
            b"10.0.0.5,203.0.113.7",
            b"nonsense, 203.0.113.7,10.1.1.1, 2001:db8:1::9",
        ):
            assert client(forwarded) == "203.0.113.7", forwarded

    def test_proxies_alone(self) -> None:
        """Where all are proxies, it is the first: one of them asks for itself."""
        assert client(b"10.0.0.2, 10.0.0.1") == "10.0.0.2"

    def test_stranger(self) -> None:
        """Nobody believes one that is no proxy, or has no address."""
        for host in ("203.0.113.1", "nowhere"):
            assert client_behind(host, b"10.0.0.1", TRUSTED) == host

    def test_nobody(self) -> None:
        """Without the field it is the proxy; what is no address is who wrote it."""
        for forwarded in (
            b"",
            b"unknown",
            b"203.0.113.7,",
            b"203.0.113.7, _x",
            b"1.2.3",
        ):
            assert client(forwarded) == PROXY, forwarded
        assert client(b"203.0.113.7, x, 10.0.0.1") == "10.0.0.1"

    def test_spelled(self) -> None:
        """Brackets and ports are left away, and IPv4 inside IPv6 is what it is."""
        for forwarded, found in (
            (b"203.0.113.7:4711", "203.0.113.7"),
            (b"[2001:DB8::7]:4711", "2001:db8::7"),
            (b"[2001:db8::7]", "2001:db8::7"),
            (b"2001:db8:0::7", "2001:db8::7"),
            (b"fe80::7%eth0", "fe80::7"),
            (b"::ffff:203.0.113.7", "203.0.113.7"),
            (b"203.0.113.7, ::ffff:10.0.0.1", "203.0.113.7"),
        ):
            assert client(forwarded) == found, forwarded

    def test_many(self) -> None:
        """There is an end to the search, however many there are."""
        assert client(b"203.0.113.7" + b",10.0.0.1" * MOST) == "203.0.113.7"
        assert client(b"203.0.113.7" + b",10.0.0.1" * (MOST + 1)) == "10.0.0.1"

    @quick
    @given(st.binary(max_size=60))
    def test_any(self, octets_of_field: bytes) -> None:
        """Whatever the field is, there is an address."""
        assert octets(client(octets_of_field)) is not None
        behind = client(octets_of_field + b", 203.0.113.7")
        assert behind == "203.0.113.7"
