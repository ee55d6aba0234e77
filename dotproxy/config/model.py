"""What can be configured: types that hold no wrong value.

Every type checks its fields when it is made and raises ConfigError, so whoever is
handed one need not look again.  Nothing here reads a file.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from msgspec import Struct
from msgspec.structs import force_setattr

from dotproxy.config.access import Access, RateLimit
from dotproxy.config.admin import Admin
from dotproxy.config.caching import Caching
from dotproxy.config.certificate import Certificate
from dotproxy.config.clients import Clients
from dotproxy.config.gateway import Gateway, check_gateway
from dotproxy.config.groups import check_default, check_forwards, groups_of
from dotproxy.config.naming import Hosts, Naming, Rebinding, SpecialNames
from dotproxy.config.query_log import HASHED, QueryLog
from dotproxy.config.rule import Rule
from dotproxy.config.setting import (
    ConfigError,
    Flag,
    Text,
    Texts,
    check_types,
    checked,
    one_of,
    seconds,
    shown,
    whole,
    written,
)
from dotproxy.config.spelling import (
    HIGHEST_PORT,
    TLS,
    address_and_port,
    ip_literal,
    joined,
)
from dotproxy.config.upstream import DEFAULT_GROUP, Upstream

__all__ = [
    "DEFAULT_LISTEN",
    "PROFILES",
    "STRATEGIES",
    "SUBNETS",
    "Certificate",
    "Config",
    "ConfigError",
    "Forward",
    "Listen",
    "Upstream",
    "asks_itself",
    "parse_listen",
]

STRATEGIES = ("failover", "fastest", "round-robin", "random", "race", "split")
SUBNETS = ("strip", "private", "keep")
PROFILES = ("strict", "opportunistic")

MOST_WORKERS = 256
"""Processes that serve: more than the cores of nearly all machines."""

HTTPS, HTTP = "https://", "http://"
"""What begins a URL where DNS over HTTPS is served; and where somebody stands before us
who has the certificate."""

TLS_PORT, HTTPS_PORT = 853, 443
"""The ports of DNS over TLS and of HTTPS (RFC 7858 section 3.1, RFC 9110 4.2.2)."""

PATH = re.compile(r"/[A-Za-z0-9._~/-]{1,200}")
"""The path of a URL that clients can be given as a template (RFC 8484 section 4.1)."""


class Listen(Struct, frozen=True):
    """Name an address where DNS is served: in clear over UDP and TCP, or over TLS.

    With a `path` it is served over HTTP.  Port 0 lets the system choose one.
    """

    host: Text
    port: Annotated[int, whole(0, HIGHEST_PORT)]
    encrypted: Flag = False
    path: Text = ""

    def __post_init__(self) -> None:
        check_types(self)
        force_setattr(self, "host", checked("host", self.host, ip_literal))

    def __str__(self) -> str:
        scheme = TLS if self.encrypted else ""
        if self.path:
            scheme = HTTPS if self.encrypted else HTTP
        return f"{scheme}{joined(self.host, self.port)}{self.path}"

    @property
    def streams_only(self) -> bool:
        """Whether there is no UDP at this address."""
        return self.encrypted or bool(self.path)

    def meets(self, other: Listen) -> bool:
        """Whether both would have the same socket; port 0 is another each time."""
        same = (self.host, self.port) == (other.host, other.port)
        return same and (self.port != 0 or self.streams_only == other.streams_only)


class Forward(Struct, frozen=True):
    """Say how upstreams are asked.  Times are in seconds, padding in octets.

    `ecs` is what they hear of the subnet that a client speaks of (RFC 7871): nothing,
    the wish that none be added, or what the client says.
    """

    strategy: Annotated[str, one_of(STRATEGIES)] = "failover"
    timeout: Annotated[float, seconds(0.1, 30)] = 5.0
    connect_timeout: Annotated[float, seconds(0.1, 30)] = 3.0
    idle_timeout: Annotated[float, seconds(0, 3600)] = 8.0
    max_in_flight: Annotated[int, whole(1, 4096)] = 256
    max_connections: Annotated[int, whole(1, 64)] = 4
    padding: Annotated[int, whole(0, 1024)] = 128
    ecs: Annotated[str, one_of(SUBNETS)] = "strip"

    def __post_init__(self) -> None:
        check_types(self)


DEFAULT_LISTEN = (Listen("127.0.0.1", 5300), Listen("::1", 5300))


class Config(Struct, frozen=True):
    """Hold everything that can be configured.

    With `lab` the default group has no upstream: a small server in this process takes
    its place.  `workers` is how many processes serve, 0 for one on each core.  The
    queries for the names of `trace`, spelled as in rules, are logged step by step.
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
    gateway: Gateway = Gateway()
    admin: Admin = Admin()
    query_log: QueryLog = QueryLog()
    certificate: tuple[Certificate, ...] = ()
    workers: Annotated[int, whole(0, MOST_WORKERS)] = 1
    lab: bool = False
    trace: Texts = ()

    def __post_init__(self) -> None:
        check_types(self)
        self._check_workers()
        self._check_listeners()
        self._check_upstreams()
        self._check_loops()
        self._check_groups()
        served = [(listen.host, listen.port) for listen in self.listen]
        check_gateway(self.gateway, self.rule, self.access.allow, served)

    @property
    def naming(self) -> Naming:
        """All that is decided by name."""
        hosts, special, gateway = self.hosts, self.special, self.gateway
        ports = tuple(sorted({port for _, port in gateway.listeners}))
        return Naming(
            self.rule, hosts, self.rebinding, special, gateway.reached_at, ports
        )

    @property
    def listens_by_default(self) -> bool:
        """Whether nobody asked for other listeners: then IPv6 may be missing."""
        return self.listen == DEFAULT_LISTEN

    def _check_workers(self) -> None:
        if self.workers != 1 and self.gateway.listen:
            raise ConfigError(
                written("workers", self.workers),
                "cannot share a gateway, which remembers whom it led: leave workers"
                " away, or run the gateway as a proxy of its own",
                ("workers",),
            )
        log = self.query_log
        if self.workers != 1 and log.names == HASHED and not log.key_file:
            raise ConfigError(
                f"query_log.{written('names', log.names)}",
                "takes a key_file where several workers write, or each would have its"
                " own name for a name: head -c 32 /dev/urandom > FILE",
                ("query_log", "names"),
            )

    def _check_listeners(self) -> None:
        if not self.listen:
            raise ConfigError("listen", "is empty: name an address", ("listen",))
        for index, listen in enumerate(self.listen):
            for other in filter(listen.meets, self.listen[:index]):
                rule = f"has the port of {other}: give it another"
                if listen == other:
                    rule = "stands there twice: keep one"
                raise ConfigError(f"listen {listen}", rule, ("listen",))
            if listen.encrypted and not self.certificate:
                rule = "needs a certificate: name chain and key in [certificate]"
                raise ConfigError(f"listen {listen}", rule, ("listen",))

    def _check_upstreams(self) -> None:
        if self.lab and DEFAULT_GROUP in groups_of(self.upstream):
            raise ConfigError(
                "upstream lab", "stands alone: keep it or the others", ("upstream",)
            )
        if not self.lab and not self.upstream:
            raise ConfigError("upstream", "is empty: name a server", ("upstream",))
        if not self.lab:
            check_default(self.upstream, self.profile == "strict")

    def _check_loops(self) -> None:
        for index, upstream in enumerate(self.upstream):
            for listen in self.listen:
                if _asks(upstream, listen):
                    raise asks_itself(index, upstream, listen)

    def _check_groups(self) -> None:
        forwards = [
            (rule.group, ("rule", index, "group"))
            for index, rule in enumerate(self.rule)
            if rule.group
        ]
        check_forwards(self.upstream, forwards)


def parse_listen(text: str) -> Listen:
    """Read `127.0.0.1:5300`, `tls://[::]:853` or `https://[::]:443/dns-query`.

    With a scheme the port may be left away.  ConfigError if it is anything else.
    """
    try:
        if text.startswith((HTTPS, HTTP)):
            return _parse_url(text)
        address = text.removeprefix(TLS)
        if "://" in address:
            raise ValueError(
                "must be ADDRESS:PORT for UDP and TCP, tls://ADDRESS:PORT,"
                " https://ADDRESS:PORT/dns-query, or http:// behind a proxy"
            )
        if "/" in address:
            raise ValueError("must have no path: that is for https:// and http://")
        if text.startswith(TLS):
            return Listen(*address_and_port(address, TLS_PORT), True)
        return Listen(*address_and_port(text))
    except ValueError as fault:
        raise ConfigError(shown(text), str(fault), ("listen",)) from None


def asks_itself(index: int, upstream: Upstream, listen: Listen) -> ConfigError:
    """Return the fault of an upstream, by its place, that would ask our listener."""
    return ConfigError(
        f"upstream {upstream}",
        f"would ask our own listener {listen}, and so itself:"
        " change the address or the port of one",
        ("upstream", index),
    )


def _parse_url(text: str) -> Listen:
    scheme, _, place = text.partition("://")
    address, slash, path = place.partition("/")
    if not PATH.fullmatch(slash + path):
        raise ValueError("must have a plain path, such as https://[::]:443/dns-query")
    encrypted = f"{scheme}://" == HTTPS
    port = HTTPS_PORT if encrypted else None
    return Listen(*address_and_port(address, port), encrypted, slash + path)


def _asks(upstream: Upstream, listen: Listen) -> bool:
    return any(
        port == listen.port and _meet(address, listen.host)
        for address, port in upstream.servers
    )


def _meet(one: str, other: str) -> bool:
    """Whether what is sent to one address arrives at the other, on this machine.

    A wildcard takes what is sent to loopback, and to send to it is to send there.
    """
    ends = ip_address(one), ip_address(other)
    local = all(end.is_loopback or end.is_unspecified for end in ends)
    return one == other or (local and any(end.is_unspecified for end in ends))
