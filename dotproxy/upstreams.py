"""From what is configured to somebody who can be asked."""

import time
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

from dotproxy.config.groups import groups_of
from dotproxy.config.model import Config, ConfigError, Forward, Upstream
from dotproxy.config.upstream import DEFAULT_GROUP
from dotproxy.upstream.addresses import Addresses, AddressSource
from dotproxy.upstream.asked import Server
from dotproxy.upstream.bootstrap.source import Bootstrap
from dotproxy.upstream.cleartext import Cleartext
from dotproxy.upstream.dial import connector
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.inquiry import Way
from dotproxy.upstream.pool import Limits, Pool
from dotproxy.upstream.quiet_udp import quiet_udp
from dotproxy.upstream.routes import Route, Routes
from dotproxy.upstream.strategy import Strategy, order_by
from dotproxy.upstream.tls import Authenticator, Trust


def routes(config: Config, reactor: Any, route: Route) -> Routes:
    """Return all that is configured as one, which asks the group that `route` names.

    See `groups` for the rest.
    """
    return Routes(groups(config, reactor), DEFAULT_GROUP, route)


def groups(
    config: Config, reactor: Any, trusts: Sequence[Trust] | None = None
) -> dict[str, Strategy]:
    """Return the upstreams of each configured group as one.

    Raises ConfigError if a CA file is no good.  `reactor` is asked for time, TCP and
    UDP.  Nothing is connected yet.  `trusts` is what `trusts_of` said, for who has
    asked it already.
    """
    known = trusts or trusts_of(config)
    trust = dict(zip(config.upstream, known, strict=True))
    return {
        name: group(
            [_server(each, trust[each], config, reactor) for each in upstreams],
            config,
            reactor,
        )
        for name, upstreams in groups_of(config.upstream).items()
    }


def trusts_of(config: Config) -> tuple[Trust, ...]:
    """Return what each upstream must show; ConfigError if a CA file is not readable."""
    return tuple(
        Trust(
            server_name=upstream.server_name,
            pins=frozenset(upstream.spki_pins),
            first_pin=next(iter(upstream.spki_pins), ""),
            roots=_content(upstream.ca_file) if upstream.ca_file else None,
            strict=config.profile == "strict",
            report_only=upstream.pins_report_only,
        )
        for upstream in config.upstream
    )


def group(upstreams: Sequence[Server], config: Config, reactor: Any) -> Strategy:
    """Return upstreams as one that asks them in the configured order."""
    strategy = config.forward.strategy
    order = order_by(strategy, Random())
    made = Strategy(upstreams, order, reactor, race=strategy == "race")
    made.name = strategy
    return made


def limits(forward: Forward, most: int) -> Limits:
    """Return bounds on one upstream's connections, on which `most` queries go at most.

    That holds for connections in use: one that fell silent is owed no patience, and
    what it owes is asked again.
    """
    connections = min(forward.max_connections, ceil(most / forward.max_in_flight))
    return Limits(
        connect_timeout=forward.connect_timeout,
        idle_timeout=forward.idle_timeout,
        max_in_flight=min(forward.max_in_flight, most // connections),
        max_connections=connections,
        padding=forward.padding,
    )


def _server(upstream: Upstream, trust: Trust, config: Config, reactor: Any) -> Server:
    if upstream.cleartext:
        places = [(address, upstream.port) for address in upstream.addresses]
        way = Way(reactor, SystemRandom(), quiet_udp(reactor))
        return Cleartext(places, upstream.max_in_flight, way)
    name = upstream.server_name or upstream.addresses[0]
    judge = authenticator_of(upstream, trust)
    attempt = connector(judge, upstream.port, reactor, Random())
    bounds = limits(config.forward, upstream.max_in_flight)
    pool = Pool(addresses_of(upstream, reactor), attempt, reactor, bounds)
    return DoT(name, pool, reactor, judge.pin_matches)


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
