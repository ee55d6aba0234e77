"""What can be configured of access and limits."""

from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any
from unittest import TestCase

import pytest

from dotproxy.config.access import Access, RateLimit
from dotproxy.config.setting import ConfigError


def fault(kind: type[Access | RateLimit], **settings: Any) -> str:
    """Return what is wrong with these settings."""
    with pytest.raises(ConfigError) as caught:
        kind(**settings)
    assert caught.value.path == (next(iter(settings)),)
    return str(caught.value)


def nearby(address: str) -> bool:
    """Whether an address may ask by default."""
    return any(ip_address(address) in network for network in Access().networks)


class AccessTests(TestCase):
    def test_nearby(self) -> None:
        """By default those may ask who cannot come from the Internet."""
        for address in (
            *("127.0.0.1", "127.255.255.255", "::1"),
            *("10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
            *("fc00::1", "fd12:3456::1", "fe80::1", "febf::1", "169.254.1.1"),
            *("100.64.0.1", "100.127.255.255"),
        ):
            assert nearby(address), address

    def test_afar(self) -> None:
        """All others may not, down to the next address."""
        for address in (
            *("126.255.255.255", "128.0.0.0", "::", "::2", "192.0.2.1", "2001:db8::1"),
            *("9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0"),
            *("192.167.255.255", "192.169.0.0", "100.63.255.255", "100.128.0.0"),
            *("169.253.255.255", "169.255.0.0", "fbff::1", "fe00::1", "fec0::1"),
        ):
            assert not nearby(address), address

    def test_refused(self) -> None:
        """Others are refused, unless silence is asked for."""
        assert Access().deny == "refuse"
        assert Access(deny="drop").deny == "drop"
        assert (
            fault(Access, deny="ignore")
            == "deny = 'ignore' must be one of refuse, drop"
        )

    def test_networks(self) -> None:
        """Networks come as written, in their usual spelling."""
        access = Access(allow=["192.0.2.7", "2001:DB8:0::/32"])  # type: ignore[arg-type]
        assert access.allow == ("192.0.2.7", "2001:db8::/32")
        assert access.networks == (
            IPv4Network("192.0.2.7/32"),
            IPv6Network("2001:db8::/32"),
        )

    def test_network_faults(self) -> None:
        """What is no network is a fault of `allow`."""
        assert fault(Access, allow=("10.0.0.0/8", "10.1.0.0/8")) == (
            "allow = '10.1.0.0/8' has bits beyond its prefix: write 10.0.0.0/8 for the"
            " network, or 10.1.0.0 for the one address"
        )
        assert fault(Access, allow="::1") == "allow = '::1' must be an array of strings"

    def test_nobody(self) -> None:
        """A server that nobody may ask is a mistake."""
        assert fault(Access, allow=()) == "allow is empty: name a network"


class RateLimitTests(TestCase):
    def test_defaults(self) -> None:
        """Nothing is bounded; once it is, networks are those of BIND's RRL."""
        assert RateLimit() == RateLimit(
            qps=0, burst=100, ipv4_prefix=24, ipv6_prefix=56, slip=2
        )

    def test_bounds(self) -> None:
        """Both ends of each range belong to it, and what lies beyond is a fault."""
        for key, least, most in (
            ("qps", 0, 1_000_000),
            ("burst", 1, 1_000_000),
            ("ipv4_prefix", 0, 32),
            ("ipv6_prefix", 0, 128),
            ("slip", 0, 10),
        ):
            for value in (least, most):
                assert getattr(RateLimit(**{key: value}), key) == value
            rule = f"must be a whole number from {least} to {most}"
            for wrong in (least - 1, most + 1, 1.5, "1"):
                assert fault(RateLimit, **{key: wrong}) == f"{key} = {wrong!r} {rule}"
