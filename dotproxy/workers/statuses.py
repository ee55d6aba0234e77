"""How all workers together fare: the status of each, made one."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from dotproxy.observe.certificate_status import CertificateStatus
from dotproxy.observe.gateway_status import GatewayStatus
from dotproxy.observe.shared_status import SharedStatus
from dotproxy.observe.status import (
    MOST_SHOWN,
    CacheStatus,
    ClientStatus,
    Counted,
    Status,
    WorkerStatus,
)
from dotproxy.observe.upstream_status import (
    Bucket,
    Closed,
    ConnectionStatus,
    UpstreamStatus,
)
from dotproxy.workers.seat import Seat

S = TypeVar("S", bound=Struct)

Way = Callable[[Sequence[Any]], Any]
"""What becomes one value of those that the workers say."""

STATES = ("down", "up", "new")
"""Of an upstream, the worst first."""

SHARED_STATES = ("open", "half-open", "closed")
"""Of a cache that a fleet shares, the worst first."""


def queries_of(status: Status) -> int:
    """Return how many queries a worker had."""
    clients = status.clients
    in_clear = clients.udp_queries + clients.tcp_queries
    return in_clear + clients.tls_queries + clients.https_queries


def worker_status(seat: Seat, status: Status | None) -> WorkerStatus:
    """Return the row of a worker, and what it said itself, if it did."""
    return WorkerStatus(
        number=seat.number,
        pid=seat.pid,
        serves=seat.serves,
        begun=seat.begun,
        queries=queries_of(status) if status else 0,
        cache_entries=status.cache.entries if status else 0,
    )


def together(statuses: Sequence[Status], workers: Sequence[WorkerStatus]) -> Status:
    """Return the status of all, field by field, as WAYS says; there must be one at
    least."""
    return replace(merged(statuses), workers=tuple(workers))


def merged(parts: Sequence[S]) -> S:
    """Return one for all of a kind."""
    kind = type(parts[0])
    return kind(
        **{
            name: way([getattr(part, name) for part in parts])
            for name, way in WAYS[kind].items()
        }
    )


def same(values: Sequence[Any]) -> Any:
    """Return what all say, or who is in front."""
    return values[0]


def greatest(values: Sequence[Any]) -> Any:
    """Return the greatest, of those who know."""
    return max((it for it in values if it is not None), default=None)


def earliest(values: Sequence[Any]) -> Any:
    """Return the least, of those who know."""
    return min((it for it in values if it is not None), default=None)


def sums(values: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Add up counts by their names."""
    total: Counter[str] = Counter()
    for each in values:
        total.update(each)
    return dict(total)


def beside(values: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """Put them one behind the other."""
    return tuple(chain.from_iterable(values))


def once(values: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """Put them one behind the other, each of them once."""
    return tuple(dict.fromkeys(beside(values)))


def by_name(values: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """Make those of one name one, the worst in front."""
    seen: dict[str, list[Any]] = {}
    for each in beside(values):
        seen.setdefault(each.name, []).append(each)
    return tuple(merged(sorted(each, key=_badness)) for each in seen.values())


def ranked(values: Sequence[Sequence[Counted] | None]) -> tuple[Counted, ...] | None:
    """Add up those who are among the first at some worker, the first again."""
    known = [each for each in values if each is not None]
    if not known:
        return None
    found = sorted(by_name(known), key=lambda each: each.count, reverse=True)
    return tuple(found[:MOST_SHOWN])


def buckets(values: Sequence[Sequence[Bucket]]) -> tuple[Bucket, ...]:
    """Add up those with one bound."""
    return tuple(merged(each) for each in zip(*values, strict=True))


def newest(values: Sequence[Closed | None]) -> Closed | None:
    """Return the last one."""
    known = (each for each in values if each is not None)
    return min(known, key=lambda each: each.ago_s, default=None)


def one(values: Sequence[Any]) -> Any:
    """Make one of what some have, the worst in front."""
    known = [each for each in values if each is not None]
    return merged(sorted(known, key=_badness)) if known else None


def _all(way: Way, *names: str) -> Mapping[str, Way]:
    return dict.fromkeys(names, way)


WAYS: Mapping[type[Struct], Mapping[str, Way]] = {
    Status: {
        **_all(same, "dotproxy", "profile", "listeners", "rules", "workers"),
        **_all(max, "uptime_s", "rules_paused_s", "reloads", "reloads_failed"),
        **_all(one, "clients", "cache", "gateway", "shared_cache"),
        **_all(by_name, "certificates", "upstreams"),
        **_all(ranked, "top_names", "top_clients"),
        "ready": any,
        "replies": sums,
        "blocked": sum,
    },
    ClientStatus: {
        **_all(sum, "udp_queries", "tcp_queries", "tls_queries", "https_queries"),
        **_all(sum, "tcp_connections", "tls_connections", "https_connections"),
        **_all(sum, "under_way"),
        **_all(sum, "denied", "limited", "malformed"),
        **_all(sum, "dropped", "shed", "turned_out"),
    },
    CacheStatus: {
        **_all(sum, "entries", "octets", "size", "hits", "misses", "stale"),
        **_all(sum, "evictions", "refreshed", "shared"),
    },
    Counted: {"name": same, "count": sum},
    CertificateStatus: {"name": same, "expires": min, "warnings": once},
    GatewayStatus: {
        "listeners": once,
        "results": sums,
        **_all(sum, "open", "octets_up", "octets_down"),
    },
    SharedStatus: {
        **_all(same, "name", "state"),
        **_all(sum, "hits", "misses", "slow", "errors", "skipped"),
        **_all(sum, "written", "opened"),
    },
    Bucket: {"up_to_ms": same, "count": sum},
    UpstreamStatus: {
        **_all(same, "name", "group", "state", "reason", "encrypted"),
        "usual_ms": greatest,
        **_all(sum, "queries", "answers", "timed_out", "replayed"),
        **_all(sum, "in_flight", "waiting", "queries_in_clear", "opened"),
        "latency": buckets,
        "certificate_expires": earliest,
        "warnings": once,
        "closed": sums,
        "last_closed": newest,
        "connections": beside,
    },
}
"""How each field is made one: whoever adds a field decides it here."""

WHOLE = (Closed, ConnectionStatus, WorkerStatus)
"""Kinds that stay as they are: each of them is one worker's own."""


def _badness(part: Struct) -> int:
    """Sort what is worst to the front, and leave the rest in its order."""
    if isinstance(part, UpstreamStatus):
        return STATES.index(part.state)
    if isinstance(part, SharedStatus):
        return SHARED_STATES.index(part.state)
    return 0
