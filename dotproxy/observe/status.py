"""How the proxy fares at this moment, as types.

`GET /status` writes them as they stand here: their names are the keys of that JSON, on
which programs rely.  New ones may be added.  Counters begin with the process; those of
upstreams, and of the replies behind them, with the last reload.  None is for unknown.
"""

import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from dotproxy import __version__
from dotproxy.clock import uptime
from dotproxy.config.rule import BLOCK
from dotproxy.journal.note import DOH, DOT, TCP, UDP
from dotproxy.journal.top import Top
from dotproxy.observe.certificate_status import CertificateStatus, certificates_status
from dotproxy.observe.gateway_status import GatewayStatus, gateway_status
from dotproxy.observe.shared_status import SharedStatus, status_of_shared
from dotproxy.observe.subject import Subject, can_answer, servers_of
from dotproxy.observe.upstream_status import UpstreamStatus, status_of_upstream

MOST_SHOWN = 20
"""Names, and clients, that are shown of those that come most often."""


class ClientStatus(Struct, frozen=True):
    """What clients do."""

    udp_queries: int
    tcp_queries: int
    tls_queries: int
    https_queries: int
    tcp_connections: int
    tls_connections: int
    https_connections: int
    under_way: int
    denied: int
    limited: int
    malformed: int
    dropped: int
    shed: int
    turned_out: int


class CacheStatus(Struct, frozen=True):
    """The cache.  `hits` are those of the cache alone: `replies` has the ready ones."""

    entries: int
    octets: int
    size: int
    hits: int
    misses: int
    stale: int
    evictions: int
    refreshed: int
    shared: int
    """Queries that shared what another had asked."""


class Counted(Struct, frozen=True):
    """Who or what came so often in the last hour or so, at most."""

    name: str
    count: int


class WorkerStatus(Struct, frozen=True):
    """One of several processes that serve."""

    number: int
    pid: int
    serves: bool
    begun: int
    """How many were started in its place, and it the last."""
    queries: int
    cache_entries: int


class Status(Struct, frozen=True):
    """All of it."""

    dotproxy: str
    """Our version."""
    uptime_s: float
    ready: bool
    profile: str
    listeners: tuple[str, ...]
    certificates: tuple[CertificateStatus, ...]
    clients: ClientStatus
    replies: dict[str, int]
    """How many came from where; see docs/metrics.md."""
    cache: CacheStatus
    upstreams: tuple[UpstreamStatus, ...]
    gateway: GatewayStatus | None
    rules: int
    rules_paused_s: float
    """Until the rules hold again; 0 if they do."""
    blocked: int
    """Queries that a rule blocked, without those whose reply was ready."""
    reloads: int
    reloads_failed: int
    shared_cache: SharedStatus | None = None
    top_names: tuple[Counted, ...] | None = None
    """None where they are not counted, and none for those who must not see them."""
    top_clients: tuple[Counted, ...] | None = None
    workers: tuple[WorkerStatus, ...] = ()
    """Those who serve, where they are several."""


def status_of(subject: Subject, now: Callable[[], float] = time.time) -> Status:
    """Look at the proxy; `now` gives the time in seconds since 1970."""
    core, ranking, today = subject.core, subject.ranking, now()
    replies = replies_of(subject)
    return Status(
        dotproxy=__version__,
        uptime_s=uptime() - subject.started_at,
        ready=can_answer(subject),
        profile=core.config.profile,
        listeners=tuple(subject.listeners.addresses),
        certificates=certificates_status(subject, today),
        clients=_clients(subject),
        replies={source: sum(counts) for source, counts in replies.items()},
        cache=_cache(subject),
        upstreams=tuple(status_of_upstream(it, today) for it in servers_of(subject)),
        gateway=gateway_status(subject),
        rules=len(core.config.rule),
        rules_paused_s=subject.pause.left,
        blocked=subject.rules.matched[BLOCK],
        reloads=subject.reloads,
        reloads_failed=subject.reloads_failed,
        shared_cache=status_of_shared(core.shared),
        top_names=None if ranking is None else _first(ranking.names),
        top_clients=None if ranking is None else _first(ranking.clients),
    )


def public(status: Status) -> Status:
    """Return a status without what is asked, and who asks."""
    if status.top_names is None:
        return status
    return replace(status, top_names=(), top_clients=())


def replies_of(subject: Subject) -> dict[str, list[int]]:
    """Return the replies by source, and in each list by RCODE."""
    counts = (each.by_rcode() for each in subject.factory.ready.values())
    ready = [sum(same) for same in zip(*counts, strict=True)]
    return {"ready": ready, **subject.core.forwarder.replies.by_source()}


def _first(top: Top) -> tuple[Counted, ...]:
    return tuple(Counted(*each) for each in top.first(MOST_SHOWN))


def _clients(subject: Subject) -> ClientStatus:
    factory, gate = subject.factory, subject.factory.gate
    connected = factory.streams.by_transport()
    return ClientStatus(
        udp_queries=factory.ready[UDP].queries,
        tcp_queries=factory.ready[TCP].queries,
        tls_queries=factory.ready[DOT].queries,
        https_queries=factory.ready[DOH].queries,
        tcp_connections=connected[TCP],
        tls_connections=connected[DOT],
        https_connections=connected[DOH],
        under_way=len(factory.under_way),
        denied=gate.denied if gate else 0,
        limited=gate.limited if gate else 0,
        malformed=factory.malformed,
        dropped=factory.ready[UDP].dropped,
        shed=factory.under_way.shed,
        turned_out=factory.streams.turned_out,
    )


def _cache(subject: Subject) -> CacheStatus:
    forwarder = subject.core.forwarder
    cache = forwarder.cache
    return CacheStatus(
        entries=len(cache),
        octets=cache.octets,
        size=subject.core.config.cache.size,
        hits=cache.hits,
        misses=cache.misses,
        stale=cache.stale_hits,
        evictions=cache.evictions,
        refreshed=forwarder.refreshed,
        shared=forwarder.joined,
    )
