"""How all workers together fare: the status of each, made one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from dotproxy.observe.status import Status, WorkerStatus
from dotproxy.observe.upstream_status import Bucket, UpstreamStatus

S = TypeVar("S", bound=Struct)

STATES = ("down", "up", "new")
"""Of an upstream, the worst first."""


def queries_of(status: Status) -> int:
    """Return how many queries a worker had."""
    clients = status.clients
    return clients.udp_queries + clients.tcp_queries + clients.tls_queries


def together(statuses: Sequence[Status], workers: Sequence[WorkerStatus]) -> Status:
    """Return the status of all: counts are sums, and so is the size of the caches.

    Of an upstream the worst state and the longest usual time stand there.  There must
    be one status at least.
    """
    first = statuses[0]
    return replace(
        first,
        ready=any(each.ready for each in statuses),
        clients=_sum([each.clients for each in statuses]),
        cache=_sum([each.cache for each in statuses]),
        replies=_counts(each.replies for each in statuses),
        upstreams=tuple(_upstreams(statuses)),
        workers=tuple(workers),
    )


def _sum(parts: Sequence[S]) -> S:
    """Add up structs of whole numbers."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(asdict(part))
    return type(parts[0])(**total)


def _counts(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)


def _upstreams(statuses: Sequence[Status]) -> Iterable[UpstreamStatus]:
    """Join what is said of each; all have the same configuration, so the same ones."""
    seen: dict[str, list[UpstreamStatus]] = {}
    for status in statuses:
        for upstream in status.upstreams:
            seen.setdefault(upstream.name, []).append(upstream)
    return map(_upstream, seen.values())


def _latency(parts: Sequence[Sequence[Bucket]]) -> tuple[Bucket, ...]:
    return tuple(
        Bucket(buckets[0].up_to_ms, sum(each.count for each in buckets))
        for buckets in zip(*parts, strict=True)
    )


def _upstream(parts: Sequence[UpstreamStatus]) -> UpstreamStatus:
    worst = min(parts, key=lambda each: STATES.index(each.state))
    usual = [each.usual_ms for each in parts if each.usual_ms is not None]
    ends = [each.certificate_expires for each in parts if each.certificate_expires]
    closed = [each.last_closed for each in parts if each.last_closed]
    return replace(
        worst,
        usual_ms=max(usual, default=None),
        queries=sum(each.queries for each in parts),
        answers=sum(each.answers for each in parts),
        timed_out=sum(each.timed_out for each in parts),
        replayed=sum(each.replayed for each in parts),
        in_flight=sum(each.in_flight for each in parts),
        waiting=sum(each.waiting for each in parts),
        queries_in_clear=sum(each.queries_in_clear for each in parts),
        latency=_latency([each.latency for each in parts]),
        certificate_expires=min(ends, default=None),
        warnings=tuple(dict.fromkeys(it for each in parts for it in each.warnings)),
        opened=sum(each.opened for each in parts),
        closed=_counts(each.closed for each in parts),
        last_closed=min(closed, key=lambda each: each.ago_s, default=None),
        connections=tuple(it for each in parts for it in each.connections),
    )
