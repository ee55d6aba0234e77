"""Networks, and whether an address is in one of them."""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from dotproxy.local.networks import Networks, octets
from tests.messages import quick

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

addresses = st.ip_addresses(v=4) | st.ip_addresses(v=6)


def holding(*networks: str) -> Networks:
    """Make it of networks as they are written."""
    return Networks([ip_network(network) for network in networks])


def allowed(networks: Networks, host: str) -> bool:
    """Whether they have the address that is written so."""
    address = octets(host)
    assert address is not None
    return address in networks


def obviously_in(address: Address, networks: Sequence[Network]) -> bool:
    """Look through all of them."""
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(plain in network for network in networks)


@st.composite
def around(draw: DrawFn, networks: Sequence[Network]) -> Address:
    """Draw an address: any, or one at an edge of a network, inside or just outside."""
    if not networks or draw(st.booleans()):
        return draw(addresses)
    network = draw(st.sampled_from(networks))
    first, last = int(network.network_address), int(network.broadcast_address)
    most = 2**network.max_prefixlen - 1
    number = draw(st.sampled_from([first - 1, first, last, last + 1]))
    return type(network.network_address)(min(max(number, 0), most))


@st.composite
def networks(draw: DrawFn) -> list[Network]:
    """Draw networks, some of them inside or beside others."""
    drawn: list[Network] = []
    for _ in range(draw(st.integers(0, 8))):
        address = draw(around(drawn))
        prefix = draw(st.integers(0, address.max_prefixlen))
        network = ip_network((address, prefix), strict=False)
        if getattr(network.network_address, "ipv4_mapped", None) is None:
            drawn.append(network)
    return drawn


class NetworksTests(TestCase):
    def test_edges(self) -> None:
        """A network goes from its first address to its last."""
        near = holding("172.16.0.0/12", "fe80::/10", "::1")
        for host in ("172.16.0.0", "172.31.255.255", "fe80::", "febf:ffff::1", "::1"):
            assert allowed(near, host), host
        for host in ("172.15.255.255", "172.32.0.0", "fe7f:ffff::", "fec0::", "::"):
            assert not allowed(near, host), host

    def test_none(self) -> None:
        """Of no networks there is no address."""
        assert not allowed(holding(), "0.0.0.0")
        assert not allowed(holding(), "::")

    def test_families(self) -> None:
        """A network of one family has no address of the other."""
        assert not allowed(holding("0.0.0.0/0"), "::")
        assert not allowed(holding("::/0"), "0.0.0.0")
        assert not allowed(holding("::/0"), "::ffff:192.0.2.1")
        assert allowed(holding("192.0.2.0/24"), "::ffff:192.0.2.1")

    def test_overlap(self) -> None:
        """A network inside another takes nothing from it."""
        both = holding("10.1.0.0/16", "10.0.0.0/8", "10.1.1.0/24")
        assert allowed(both, "10.200.0.1")
        assert allowed(both, "10.1.1.1")

    @quick
    @given(st.data(), networks())
    def test_obvious(self, data: st.DataObject, drawn: list[Network]) -> None:
        """Whatever the networks, it finds what looking through all of them finds."""
        address = data.draw(around(drawn))
        expected = obviously_in(address, drawn)
        assert allowed(Networks(drawn), str(address)) == expected

    def test_everything(self) -> None:
        """Everything is all of both families, in however many pieces."""
        assert holding("0.0.0.0/0", "::/0").everything
        assert holding("0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1").everything
        for pieces in (
            [],
            ["0.0.0.0/0"],
            ["::/0"],
            ["0.0.0.0/1", "::/0"],
            ["0.0.0.0/0", "8000::/1"],
            ["0.0.0.0/0", "::/1", "c000::/2"],
        ):
            assert not holding(*pieces).everything


class OctetsTests(TestCase):
    def test_spelled(self) -> None:
        """A spelling and its octets are the same address."""
        assert octets("192.0.2.1") == octets(b"\xc0\0\2\1") == b"\xc0\0\2\1"
        whole = bytes.fromhex("20010db8000000000000000000000001")
        assert octets("2001:db8::1") == octets(whole) == whole

    def test_zone(self) -> None:
        """A zone tells a link of this machine, and is no part of the address."""
        assert octets("fe80::1%eth0") == octets("fe80::1%2") == octets("fe80::1")

    def test_mapped(self) -> None:
        """An IPv4 address inside an IPv6 one is that IPv4 address."""
        assert octets("::ffff:192.0.2.1") == octets("192.0.2.1")
        assert octets(bytes(10) + b"\xff\xff\xc0\0\2\1") == octets("192.0.2.1")
        for other in ("::fffe:192.0.2.1", "::192.0.2.1", "64:ff9b::192.0.2.1"):
            assert octets(other) == ip_address(other).packed

    def test_no_address(self) -> None:
        """What is no address has no octets."""
        texts = ("", "localhost", "1.2.3", "1.2.3.256", "::g", "[::1]", "1.2.3.4\0")
        for source in (*texts, "1.2.3.\u0664", "\udc80:", b"", bytes(3), bytes(17)):
            assert octets(source) is None, source

    @quick
    @given(st.text() | st.binary())
    def test_whatever(self, source: str | bytes) -> None:
        """Whatever it is, it has 4 octets, 16, or none."""
        found = octets(source)
        assert found is None or len(found) in (4, 16)
