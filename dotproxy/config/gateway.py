"""The gateway: where it listens, for whom, and what it may take."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated

from msgspec import Meta, Struct

from dotproxy.config.rule import PER_NAME, Rule
from dotproxy.config.setting import (
    ConfigError,
    Flag,
    Text,
    Texts,
    check_types,
    checked,
    respell,
    seconds,
    whole,
    written,
)
from dotproxy.config.spelling import (
    HIGHEST_PORT,
    address_and_port,
    ip_literal,
    joined,
    network,
    place,
)

LEAST_LEASES = 256
"""Addresses of the smallest network that is worth the name."""


class Gateway(Struct, frozen=True):
    """Relay TLS connections by the server's name.  Times are in seconds.

    It is off as long as it listens nowhere.  `addresses` is what the DNS answers for
    redirected names, `leases` the networks out of which names have their own.  With no
    `allow` the same may connect as may ask.  `port` is that of the origins: 0 stands
    for the one that the client connected to.  `public` lets everybody in, which takes
    both it and an `allow` that says so.
    """

    listen: Texts = ()
    addresses: Texts = ()
    leases: Texts = ()
    allow: Texts = ()
    public: Flag = False
    default_backend: Text = ""
    port: Annotated[int, whole(0, HIGHEST_PORT)] = 0
    sources: Texts = ()
    hello_timeout: Annotated[float, seconds(1, 60)] = 10.0
    connect_timeout: Annotated[float, seconds(0.1, 60)] = 5.0
    idle_timeout: Annotated[float, seconds(1, 86400)] = 600.0
    drain_timeout: Annotated[float, seconds(0, 3600)] = 5.0
    max_connections: Annotated[int, whole(1, 100_000)] = 2000
    max_per_client: Annotated[int, whole(1, 100_000)] = 100
    new_per_second: Annotated[
        float, Meta(ge=0.1, le=100_000, description="a number from 0.1 to 100000")
    ] = 50.0

    def __post_init__(self) -> None:
        check_types(self)
        respell(self, "listen", _listener)
        respell(self, "addresses", _reachable)
        respell(self, "leases", _roomy)
        respell(self, "allow", network)
        respell(self, "sources", ip_literal)
        if self.default_backend:
            checked("default_backend", self.default_backend, place)
        self._check_leases()

    @property
    def listeners(self) -> tuple[tuple[str, int], ...]:
        """Return `listen` as addresses and ports."""
        return tuple(map(address_and_port, self.listen))

    @property
    def reached_at(self) -> tuple[str, ...]:
        """Return the addresses by which clients reach it: where it listens, if no
        others are given, and that is no wildcard."""
        heard = dict.fromkeys(host for host, _ in self.listeners)
        return self.addresses or tuple(
            host for host in heard if not ip_address(host).is_unspecified
        )

    @property
    def leased(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return `leases` as networks."""
        return tuple(map(ip_network, self.leases))

    def _check_leases(self) -> None:
        if len({each.version for each in self.leased}) < len(self.leases):
            rule = "has two networks of one family: keep one"
            raise ConfigError(written("leases", self.leases), rule, ("leases",))
        for address in self.reached_at:
            if any(ip_address(address) in each for each in self.leased):
                rule = f"has {address} in it, which is for all: take it out of these"
                raise ConfigError(written("leases", self.leases), rule, ("leases",))


def check_gateway(
    gateway: Gateway, rules: Sequence[Rule], allow: Sequence[str]
) -> None:
    """Check that the gateway and those who lead there fit; `allow` is of the DNS."""
    _check_public(gateway, gateway.allow or allow)
    if gateway.default_backend in gateway.listen:
        path = ("gateway", "default_backend")
        raise _itself("default_backend", gateway.default_backend, path)
    for index, rule in enumerate(rules):
        if rule.action != "redirect":
            continue
        if rule.backend in gateway.listen:
            raise _itself("backend", rule.backend, ("rule", index, "backend"))
        if rule.policy != PER_NAME and not gateway.reached_at:
            raise ConfigError(
                written("action", rule.action),
                "leads nowhere: give addresses in [gateway]",
                ("rule", index, "action"),
            )
        if rule.policy == PER_NAME and not (gateway.leases and gateway.listen):
            raise ConfigError(
                written("policy", rule.policy),
                "has no addresses to give: give leases and listen in [gateway]",
                ("rule", index, "policy"),
            )


def _check_public(gateway: Gateway, allow: Sequence[str]) -> None:
    everybody = any(ip_network(each).prefixlen == 0 for each in allow)
    nearby = all(ip_address(host).is_loopback for host, _ in gateway.listeners)
    if everybody and not nearby and not gateway.public:
        raise ConfigError(
            written("allow", tuple(allow)),
            "lets everybody in: name your own networks in [gateway], or write"
            " public = true there as well",
            ("gateway", "allow"),
        )


def _itself(key: str, backend: str, path: tuple[str | int, ...]) -> ConfigError:
    rule = "is the gateway itself: name another address or port"
    return ConfigError(written(key, backend), rule, path)


def _listener(text: str) -> str:
    return joined(*address_and_port(text))


def _reachable(text: str) -> str:
    if ip_address(ip_literal(text)).is_unspecified:
        raise ValueError("is nobody's address: name one that clients can reach")
    return ip_literal(text)


def _roomy(text: str) -> str:
    """Return a network in its shortest spelling, if many can have an address of it."""
    spelled = network(text)
    if ip_network(spelled).num_addresses < LEAST_LEASES:
        raise ValueError("is too small: give a network of 256 addresses or more")
    return spelled
