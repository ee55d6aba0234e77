"""From what is configured of a shared cache to somebody who can be asked."""

import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory

from dotproxy.config.groups import groups_of
from dotproxy.config.model import Config, ConfigError
from dotproxy.config.shared_cache import Place, Shared
from dotproxy.config.upstream import Upstream
from dotproxy.upstream.breaker import Breaker
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.redis import Login, RedisConnection
from dotproxy.upstream.store import Store
from dotproxy.upstream.tls import Authenticator, Trust

CONNECT_TIMEOUT = 3.0
"""Seconds for TCP, TLS and the login together."""

SHORTEST_SECRET = 16
"""Octets: 128 bits, if they are random."""


class Sharing(NamedTuple):
    """A shared cache, what seals answers there, and what tells where they come from."""

    store: Store
    secret: bytes
    origins: Mapping[str, bytes]
    """Of each group of upstreams, who is asked and must show what."""


def sharing_of(config: Config, trusts: Sequence[Trust], reactor: Any) -> Sharing | None:
    """Return the shared cache of a configuration, if there is one.

    `trusts` is what each of its upstreams must show.  Raises ConfigError if a file is
    no good.  Nothing is connected yet.
    """
    shared = config.cache.shared
    if not shared.url:
        return None
    place = shared.place
    attempt = connector(shared, reactor)
    store = Store(str(place), attempt, reactor, Breaker(Random()))
    return Sharing(store, secret_of(shared), origins_of(config.upstream, trusts))


def origins_of(
    upstreams: Sequence[Upstream], trusts: Sequence[Trust]
) -> dict[str, bytes]:
    """Return what stands for the upstreams of each group, in whatever order.

    It is the same wherever the same servers are asked, and must show the same: who
    trusts others must not be told what these say.
    """
    trust = dict(zip(upstreams, trusts, strict=True))
    return {
        name: _digest(name, *sorted(_origin(each, trust[each]) for each in group))
        for name, group in groups_of(upstreams).items()
    }


def connector(shared: Shared, reactor: Any) -> Callable[[], Deferred[RedisConnection]]:
    """Return how to connect, and log in; ConfigError if a file is no good."""
    place = shared.place
    password = place.password
    if shared.password_file:
        password = _password(shared.password_file)
    login = Login(place.user, password, place.database)
    judge = _authenticator(shared, place) if place.encrypted else None
    endpoint = _endpoint(place, reactor)

    def attempt() -> Deferred[RedisConnection]:
        identity = judge.expect(place.host) if judge else None
        connection = RedisConnection(login, identity, reactor, shared.timeout)
        factory: Any = Factory.forProtocol(lambda: connection)
        factory.noisy = False
        if identity is not None:
            factory = TLSMemoryBIOFactory(identity, True, factory)
            factory.noisy = False
        connecting = endpoint.connect(factory).addCallback(lambda _: connection.ready)
        return connecting.addTimeout(CONNECT_TIMEOUT, reactor, _late)

    return attempt


def secret_of(shared: Shared) -> bytes:
    """Return the secret that answers are sealed with; b"" for none."""
    if not shared.secret_file:
        return b""
    secret = _content("secret_file", shared.secret_file).strip()
    if len(secret) < SHORTEST_SECRET:
        rule = (
            f"must hold {SHORTEST_SECRET} characters or more: try"
            f" openssl rand -base64 32 > {shared.secret_file}"
        )
        raise ConfigError(f"secret_file {shared.secret_file}", rule)
    return secret


def _late(_: object, timeout: float) -> NoReturn:
    raise UpstreamError(f"no connection within {timeout:g} s")


def _endpoint(place: Place, reactor: Any) -> IStreamClientEndpoint:
    if not place.is_address:
        return HostnameEndpoint(reactor, place.host, place.port)
    tcp = TCP6ClientEndpoint if ":" in place.host else TCP4ClientEndpoint
    return tcp(reactor, place.host, place.port)


def _authenticator(shared: Shared, place: Place) -> Authenticator:
    """Return the judge of who the server is, who is strict whatever the profile."""
    roots = _content("ca_file", shared.ca_file) if shared.ca_file else None
    name = "" if place.is_address else place.host
    try:
        return Authenticator(Trust(name, roots=roots, protocol=b""), time.time)
    except ValueError as fault:
        rule = f"holds no certificate that can be read: {fault}"
        raise ConfigError(f"ca_file {shared.ca_file}", rule) from None


def _password(file: str) -> str:
    content = _content("password_file", file)
    try:
        password = content.decode().strip()
    except UnicodeDecodeError:
        password = ""
    if not password or "\n" in password:
        rule = "must hold one line of text, the password"
        raise ConfigError(f"password_file {file}", rule)
    return password


def _content(key: str, file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as fault:
        said = fault.strerror if isinstance(fault, OSError) else fault
        raise ConfigError(f"{key} {file}", f"cannot be read: {said}") from None


def _origin(upstream: Upstream, trust: Trust) -> str:
    return _digest(
        upstream.server_name,
        upstream.port,
        upstream.cleartext,
        trust.strict,
        sha256(trust.roots or b"").hexdigest(),
        *sorted(trust.pins),
        *sorted(upstream.addresses),
    ).hex()


def _digest(*parts: object) -> bytes:
    return sha256("\0".join(map(str, parts)).encode()).digest()
