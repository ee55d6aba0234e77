"""From what is configured to somebody who can be asked."""

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

from dotproxy.config.model import Config, ConfigError, Upstream
from dotproxy.upstream.addresses import Addresses, AddressSource
from dotproxy.upstream.bootstrap.source import Bootstrap
from dotproxy.upstream.dial import Attempt, connector
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.pool import Limits, Pool
from dotproxy.upstream.strategy import Strategy, order_by
from dotproxy.upstream.tls import Authenticator, Trust


def group_of(
    config: Config, reactor: Any, trusts: Sequence[Trust] | None = None
) -> Strategy:
    """Return the configured upstreams as one; ConfigError if a CA file is no good.

    `reactor` is asked for time, TCP and UDP.  Nothing is connected yet.  `trusts` is
    what `trusts_of` said, for who has asked it already.
    """
    random, known = Random(), trusts or trusts_of(config)
    judges = map(authenticator_of, config.upstream, known)
    upstreams = [
        server(
            upstream.server_name or upstream.addresses[0],
            addresses_of(upstream, reactor),
            connector(judge, upstream.port, reactor, random),
            config,
            reactor,
        )
        for upstream, judge in zip(config.upstream, judges, strict=True)
    ]
    return group(upstreams, config, reactor)


def trusts_of(config: Config) -> tuple[Trust, ...]:
    """Return what each upstream must show; ConfigError if a CA file is not readable."""
    return tuple(
        Trust(
            server_name=upstream.server_name,
            pins=frozenset(upstream.spki_pins),
            roots=_content(upstream.ca_file) if upstream.ca_file else None,
            strict=config.profile == "strict",
        )
        for upstream in config.upstream
    )


def group(upstreams: list[DoT], config: Config, reactor: Any) -> Strategy:
    """Return upstreams as one that asks them in the configured order."""
    strategy = config.forward.strategy
    order = order_by(strategy, Random())
    return Strategy(upstreams, order, reactor, race=strategy == "race")


def server(
    name: str, addresses: AddressSource, attempt: Attempt, config: Config, reactor: Any
) -> DoT:
    """Return one upstream, with the configured limits on its connections."""
    forward = config.forward
    limits = Limits(
        connect_timeout=forward.connect_timeout,
        idle_timeout=forward.idle_timeout,
        max_in_flight=forward.max_in_flight,
        max_connections=forward.max_connections,
        padding=forward.padding,
    )
    return DoT(name, Pool(addresses, attempt, reactor, limits), reactor)


def addresses_of(upstream: Upstream, reactor: Any) -> AddressSource:
    """Return where an upstream is to be found, or who finds it."""
    if upstream.addresses:
        return Addresses(upstream.addresses)
    # In clear an ID that can be guessed can be forged (RFC 5452 section 9.2).
    unguessable = SystemRandom()
    return Bootstrap(upstream.server_name, upstream.resolvers, reactor, unguessable)


def authenticator_of(upstream: Upstream, trust: Trust) -> Authenticator:
    """Return the judge of who an upstream is; ConfigError if its CA file is no good."""
    try:
        return Authenticator(trust, time.time)
    except ValueError as fault:
        rule = f"holds a certificate that cannot be read: {fault}"
        raise ConfigError(f"ca_file {upstream.ca_file}", rule) from None


def _content(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as fault:
        rule = f"cannot be read: {fault.strerror}"
        raise ConfigError(f"ca_file {file}", rule) from None
