"""The gateway: where it listens, for whom, and what it may take."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import combinations
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from dotproxy.config.everybody import lets_everybody_in
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
    WILDCARDS,
    address_and_port,
    ip_literal,
    joined,
    network,
    place,
    spread,
)
from dotproxy.wire.socks import LONGEST_WORD

LEAST_LEASES = 256
"""Addresses of the smallest network that is worth the name."""

Place = tuple[str, int]
"""An IP address and a port."""


class Gateway(Struct, frozen=True):
    """Relay TLS connections by the server's name.  Times are in seconds.

    It is off as long as it listens nowhere; `:443` is port 443 of all addresses, IPv4
    and IPv6.  `addresses` is what the DNS answers for
    redirected names, `leases` the networks out of which names have their own.  With no
    `allow` the same may connect as may ask.  `port` is that of the origins: 0 stands
    for the one that the client connected to.  `public` lets everybody in, which takes
    both it and an `allow` that says so.  `redirect_http` is where plain HTTP is sent to
    HTTPS; `socks5` the proxy by which origins are connected to.
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
    redirect_http: Texts = ()
    socks5: Text = ""
    socks5_user: Text = ""
    socks5_password: Text = ""

    def __post_init__(self) -> None:
        _check_secret(self.socks5_password)
        check_types(self)
        for key in ("listen", "redirect_http"):
            given = getattr(self, key)
            everywhere = (each for text in given for each in spread(text))
            force_setattr(self, key, tuple(everywhere))
            respell(self, key, _listener)
        respell(self, "addresses", _reachable)
        respell(self, "leases", _roomy)
        respell(self, "allow", network)
        respell(self, "sources", ip_literal)
        if self.default_backend:
            checked("default_backend", self.default_backend, place)
        self._check_leases()
        self._check_http()
        self._check_heard()
        self._check_proxy()
        self._check_login()

    @property
    def listeners(self) -> tuple[Place, ...]:
        """Return `listen` as addresses and ports."""
        return tuple(map(address_and_port, self.listen))

    @property
    def http_listeners(self) -> tuple[tuple[str, int], ...]:
        """Return `redirect_http` as addresses and ports."""
        return tuple(map(address_and_port, self.redirect_http))

    @property
    def proxy(self) -> tuple[str, int] | None:
        """Return `socks5` as an address and a port, None if there is none."""
        return address_and_port(self.socks5) if self.socks5 else None

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
        for leased in self.leased if self.listen else ():
            # A socket of one address hears no other one, on loopback either.
            wildcard = WILDCARDS[leased.version == 6]
            if not any(host == wildcard for host, _ in self.listeners):
                rule = (
                    f"lie where nobody listens: let listen in [gateway] have {wildcard}"
                )
                raise ConfigError(written("leases", self.leases), rule, ("leases",))

    def _check_http(self) -> None:
        path = ("redirect_http",)
        if self.redirect_http and not self.listen:
            rule = "sends clients to a gateway that is off: give listen as well"
            raise ConfigError(written(*path, self.redirect_http), rule, path)

    def _check_heard(self) -> None:
        """Check that the system can give all places where clients come in."""
        heard = [("listen", each) for each in self.listeners]
        heard += [("redirect_http", each) for each in self.http_listeners]
        for (key, one), (other, another) in combinations(heard, 2):
            if _meet(one, another):
                raise ConfigError(
                    f"{other} {joined(*another)}",
                    f"meets {key} {joined(*one)}: give one of the two another address"
                    " or port",
                    (other,),
                )

    def _check_proxy(self) -> None:
        if not self.socks5:
            return
        path = ("socks5",)
        checked("socks5", self.socks5, place)
        if self.socks5 in (*self.listen, *self.redirect_http):
            raise _itself("socks5", self.socks5, path)
        if self.sources:
            rule = "stands beside sources, which it would replace: keep one of the two"
            raise ConfigError(written("socks5", self.socks5), rule, path)

    def _check_login(self) -> None:
        """Check user and password; what they are stays out of the message."""
        words = {
            "socks5_user": self.socks5_user,
            "socks5_password": self.socks5_password,
        }
        given = [key for key, word in words.items() if word]
        for key, word in words.items() if given else ():
            # One that is missing stands on no line.
            path = (key if word else given[0],)
            if not self.socks5:
                raise ConfigError(key, "is for a proxy: give socks5 as well", path)
            if not 1 <= len(word.encode()) <= LONGEST_WORD:
                rule = f"must have 1 to {LONGEST_WORD} octets, if the other is given"
                raise ConfigError(key, rule, path)


def check_gateway(
    gateway: Gateway,
    rules: Sequence[Rule],
    allow: Sequence[str],
    served: Sequence[Place] = (),
) -> None:
    """Check that the gateway and those who lead there fit; `allow` is of the DNS, which
    is `served` at places of its own."""
    _check_public(gateway, gateway.allow or allow)
    _check_places(gateway, served)
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


def _check_secret(password: object) -> None:
    """Check what would be shown if it were checked like the others."""
    if not isinstance(password, str):
        key = "socks5_password"
        raise ConfigError(key, "must be a string", (key,))


def _check_public(gateway: Gateway, allow: Sequence[str]) -> None:
    heard = (*gateway.listeners, *gateway.http_listeners)
    nearby = all(ip_address(host).is_loopback for host, _ in heard)
    if lets_everybody_in(allow) and not nearby and not gateway.public:
        raise ConfigError(
            written("allow", tuple(allow)),
            "lets everybody in, or nearly (more than a /4 of IPv4 or a /16 of IPv6):"
            " name your own networks in [gateway], or write public = true there as"
            " well",
            ("gateway", "allow"),
        )


def _check_places(gateway: Gateway, served: Sequence[Place]) -> None:
    """Check that the DNS is not served where the gateway listens."""
    for listener in gateway.listeners:
        for other in served:
            if _meet(listener, other):
                raise ConfigError(
                    f"listen {joined(*listener)} in [gateway]",
                    f"meets listen {joined(*other)}, where DNS is served: give one of"
                    " the two another address or port",
                    ("gateway", "listen"),
                )


def _meet(one: Place, other: Place) -> bool:
    """Whether the system would give one of two places alone; port 0 is a new one."""
    (host, port), (another, number) = one, other
    if port != number or not port or (":" in host) != (":" in another):
        return False
    return host == another or host in WILDCARDS or another in WILDCARDS


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
