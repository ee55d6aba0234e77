"""Who may ask, and how often."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated

from msgspec import Struct

from dotproxy.config.setting import (
    ConfigError,
    Texts,
    check_types,
    one_of,
    respell,
    whole,
)
from dotproxy.config.spelling import network

DENIALS = ("refuse", "drop")

NEARBY = (
    "127.0.0.0/8",
    "::1",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "169.254.0.0/16",
    "fe80::/10",
    "100.64.0.0/10",
)
"""Loopback, private networks (RFC 1918, RFC 4193), link-local addresses, and the space
that providers and overlay networks share (RFC 6598): what dnsdist and the PowerDNS
Recursor let in by default.  None of it is routed on the Internet."""

MOST_QPS = 1_000_000
"""Queries per second, and at once: beyond what one process answers."""


def is_nearby(address: str) -> bool:
    """Whether an IP address is one that is not routed on the Internet."""
    return any(ip_address(address) in ip_network(network) for network in NEARBY)


class Access(Struct, frozen=True):
    """Name the networks that may ask; others are refused, or get no reply at all.

    An IPv4 address inside an IPv6 one (`::ffff:192.0.2.1`) counts as IPv4.
    """

    allow: Texts = NEARBY
    deny: Annotated[str, one_of(DENIALS)] = "refuse"

    def __post_init__(self) -> None:
        check_types(self)
        respell(self, "allow", network)
        if not self.allow:
            raise ConfigError("allow", "is empty: name a network", ("allow",))

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return `allow` as networks."""
        return tuple(map(ip_network, self.allow))


class RateLimit(Struct, frozen=True):
    """Bound the queries of each client network: so many per second, `burst` at once.

    `qps` 0 is no bound.  A network is what shares so many bits of its address: by
    default what BIND's response rate limiting takes for one client.  Over the bound,
    every `slip`-th reply to UDP is an empty one that asks for TCP (0: none is).
    """

    qps: Annotated[int, whole(0, MOST_QPS)] = 0
    burst: Annotated[int, whole(1, MOST_QPS)] = 100
    ipv4_prefix: Annotated[int, whole(0, 32)] = 24
    ipv6_prefix: Annotated[int, whole(0, 128)] = 56
    slip: Annotated[int, whole(0, 10)] = 2

    def __post_init__(self) -> None:
        check_types(self)
