"""What can be configured: types that hold no wrong value.

Every type checks its fields when it is made and raises ConfigError, so whoever is
handed one need not look again.  Nothing here reads a file.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated

from msgspec import Struct
from msgspec.structs import force_setattr

from dotproxy.config.access import Access, RateLimit
from dotproxy.config.caching import Caching
from dotproxy.config.clients import Clients
from dotproxy.config.naming import Hosts, Naming, Rebinding, SpecialNames
from dotproxy.config.rule import DEFAULT_GROUP, Rule
from dotproxy.config.setting import (
    ConfigError,
    Text,
    Texts,
    check_types,
    checked,
    one_of,
    respell,
    seconds,
    shown,
    whole,
    written,
)
from dotproxy.config.spelling import (
    HIGHEST_PORT,
    address_and_port,
    host_name,
    ip_literal,
    joined,
    spki_pin,
)

__all__ = [
    "DEFAULT_LISTEN",
    "PROFILES",
    "STRATEGIES",
    "Config",
    "ConfigError",
    "Forward",
    "Listen",
    "Upstream",
    "parse_listen",
]

STRATEGIES = ("failover", "fastest", "round-robin", "random", "race", "split")
PROFILES = ("strict", "opportunistic")

PLAIN_PORT, TLS_PORT = 53, 853
"""Ports of plain DNS (RFC 1035 section 4.2) and of DNS over TLS (RFC 7858 3.1)."""


class Listen(Struct, frozen=True):
    """Name an address where plain DNS is served, over UDP and TCP.

    Port 0 lets the system choose one.
    """

    host: Text
    port: Annotated[int, whole(0, HIGHEST_PORT)]

    def __post_init__(self) -> None:
        check_types(self)
        force_setattr(self, "host", checked("host", self.host, ip_literal))

    def __str__(self) -> str:
        return joined(self.host, self.port)


class Upstream(Struct, frozen=True):
    """Describe a server that is asked over TLS, and how it proves who it is.

    - With `server_name`, the certificate must hold it as a DNS name (RFC 8310
      section 8.1).
    - Without, the certificate must hold the address itself, as iPAddress.
    - Without `server_name` but with `spki_pins`, the pins alone decide, and one must
      be of the server's own key (RFC 7858 section 4.2).  With both, both must fit.

    `ca_file` replaces the system's roots.  A server without addresses is looked up:
    `bootstrap` lists plain resolvers, `9.9.9.9` or `9.9.9.9:53`, that are asked for
    the address of `server_name` and for nothing else.
    """

    addresses: Texts
    port: Annotated[int, whole(1, HIGHEST_PORT)] = TLS_PORT
    server_name: Text = ""
    spki_pins: Texts = ()
    ca_file: Text = ""
    bootstrap: Texts = ()

    def __post_init__(self) -> None:
        check_types(self)
        respell(self, "addresses", ip_literal)
        respell(self, "spki_pins", spki_pin)
        respell(self, "bootstrap", _resolver)
        if self.server_name:
            checked("server_name", self.server_name, host_name)
        self._check_port()
        self._check_reachable()

    def __str__(self) -> str:
        """Return the short form of the first address: `tls://1.1.1.1:853#name`."""
        if not self.addresses:
            return f"tls://{self.server_name}:{self.port}"
        name = f"#{self.server_name}" if self.server_name else ""
        return f"tls://{joined(self.addresses[0], self.port)}{name}"

    @property
    def resolvers(self) -> tuple[tuple[str, int], ...]:
        """Return `bootstrap` as addresses and ports."""
        return tuple(address_and_port(text) for text in self.bootstrap)

    def _check_port(self) -> None:
        if self.port == PLAIN_PORT:
            raise ConfigError(
                written("port", self.port),
                "is for plain DNS, TLS must not be spoken there"
                f" (RFC 7858 section 3.1): take {TLS_PORT}",
                ("port",),
            )

    def _check_reachable(self) -> None:
        if self.addresses and self.bootstrap:
            raise ConfigError(
                written("bootstrap", self.bootstrap),
                "is for an upstream without an address: keep one of the two",
                ("bootstrap",),
            )
        if not self.addresses and not (self.server_name and self.bootstrap):
            raise ConfigError(
                "upstream",
                "has no address: give address, or both server_name and bootstrap",
            )


class Forward(Struct, frozen=True):
    """Say how upstreams are asked.  Times are in seconds, padding in octets."""

    strategy: Annotated[str, one_of(STRATEGIES)] = "failover"
    timeout: Annotated[float, seconds(0.1, 30)] = 5.0
    connect_timeout: Annotated[float, seconds(0.1, 30)] = 3.0
    idle_timeout: Annotated[float, seconds(0, 3600)] = 8.0
    max_in_flight: Annotated[int, whole(1, 4096)] = 256
    max_connections: Annotated[int, whole(1, 64)] = 4
    padding: Annotated[int, whole(0, 1024)] = 128

    def __post_init__(self) -> None:
        check_types(self)


DEFAULT_LISTEN = (Listen("127.0.0.1", 5300), Listen("::1", 5300))


class Config(Struct, frozen=True):
    """Hold everything that can be configured.

    With `lab` there is no upstream: a small server in this process takes its place.
    """

    listen: tuple[Listen, ...]
    upstream: tuple[Upstream, ...]
    profile: Annotated[str, one_of(PROFILES)] = "strict"
    forward: Forward = Forward()
    cache: Caching = Caching()
    access: Access = Access()
    rate_limit: RateLimit = RateLimit()
    clients: Clients = Clients()
    rule: tuple[Rule, ...] = ()
    hosts: Hosts = Hosts()
    rebinding: Rebinding = Rebinding()
    special: SpecialNames = SpecialNames()
    lab: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        self._check_listeners()
        self._check_upstreams()
        self._check_loops()
        self._check_groups()

    @property
    def naming(self) -> Naming:
        """All that is decided by name."""
        return Naming(self.rule, self.hosts, self.rebinding, self.special)

    @property
    def listens_by_default(self) -> bool:
        """Whether nobody asked for other listeners: then IPv6 may be missing."""
        return self.listen == DEFAULT_LISTEN

    def _check_listeners(self) -> None:
        if not self.listen:
            raise ConfigError("listen", "is empty: name an address", ("listen",))
        for index, listen in enumerate(self.listen):
            if listen in self.listen[:index]:
                raise ConfigError(
                    f"listen {listen}", "stands there twice: keep one", ("listen",)
                )

    def _check_upstreams(self) -> None:
        if self.lab and self.upstream:
            raise ConfigError(
                "upstream lab", "stands alone: keep it or the others", ("upstream",)
            )
        if not self.lab and not self.upstream:
            raise ConfigError("upstream", "is empty: name a server", ("upstream",))

    def _check_loops(self) -> None:
        for index, upstream in enumerate(self.upstream):
            for listen in self.listen:
                if _asks(upstream, listen):
                    raise ConfigError(
                        f"upstream {upstream}",
                        f"would ask our own listener {listen}, and so itself:"
                        " change the address or the port of one",
                        ("upstream", index),
                    )

    def _check_groups(self) -> None:
        for index, rule in enumerate(self.rule):
            if rule.group not in ("", DEFAULT_GROUP):
                raise ConfigError(
                    f"rule {index + 1}: {written('group', rule.group)}",
                    f"is no group of upstreams: there is {DEFAULT_GROUP}",
                    ("rule", index, "group"),
                )


def parse_listen(text: str) -> Listen:
    """Read `127.0.0.1:5300` or `[::1]:5300`; ConfigError if it is anything else."""
    if "://" in text:
        rule = "must be ADDRESS:PORT: only plain UDP and TCP are served, no scheme"
        raise ConfigError(shown(text), rule, ("listen",))
    try:
        return Listen(*address_and_port(text))
    except ValueError as fault:
        raise ConfigError(shown(text), str(fault), ("listen",)) from None


def _asks(upstream: Upstream, listen: Listen) -> bool:
    servers = [(address, upstream.port) for address in upstream.addresses]
    return any(
        port == listen.port and _meet(address, listen.host)
        for address, port in (*servers, *upstream.resolvers)
    )


def _meet(one: str, other: str) -> bool:
    """Whether what is sent to one address arrives at the other, on this machine.

    A wildcard takes what is sent to loopback, and to send to it is to send there.
    """
    ends = ip_address(one), ip_address(other)
    local = all(end.is_loopback or end.is_unspecified for end in ends)
    return one == other or (local and any(end.is_unspecified for end in ends))


def _resolver(text: str) -> str:
    return joined(*address_and_port(text, PLAIN_PORT))
