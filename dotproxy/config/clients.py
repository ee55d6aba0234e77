"""How much of us the clients may have."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from msgspec import Struct

from dotproxy.config.setting import (
    ConfigError,
    Texts,
    check_types,
    respell,
    seconds,
    whole,
    written,
)
from dotproxy.config.spelling import network

EVERYBODY = ("0.0.0.0/0", "::/0")


class Clients(Struct, frozen=True):
    """Bound what clients do; `idle_timeout` is in seconds.

    A client is an address, or for IPv6 a network of 64 bits, which is what one
    subscriber has (RFC 6177).  From the networks `proxy_protocol` and `trusted_proxies`
    come others, who say which client they speak for: with a PROXY header before each
    connection, or X-Forwarded-For in each request over HTTP.
    """

    max_tcp: Annotated[int, whole(1, 1_000_000)] = 4000
    max_tcp_per_client: Annotated[int, whole(1, 1_000_000)] = 100
    idle_timeout: Annotated[float, seconds(1, 3600)] = 10.0
    max_queries: Annotated[int, whole(1, 1_000_000)] = 2000
    proxy_protocol: Texts = ()
    trusted_proxies: Texts = ()

    def __post_init__(self) -> None:
        check_types(self)
        for key in ("proxy_protocol", "trusted_proxies"):
            respell(self, key, network)
            for each in getattr(self, key):
                if each in EVERYBODY:
                    rule = "would believe everybody: name those who stand before us"
                    raise ConfigError(written(key, each), rule, (key,))

    @property
    def balancers(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return `proxy_protocol` as networks."""
        return tuple(map(ip_network, self.proxy_protocol))

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return `trusted_proxies` as networks."""
        return tuple(map(ip_network, self.trusted_proxies))
