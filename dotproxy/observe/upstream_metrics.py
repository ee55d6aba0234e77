"""What is counted of each upstream, for Prometheus."""

from collections.abc import Callable, Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from dotproxy.observe.query_metrics import buckets
from dotproxy.observe.subject import Named, Subject, servers_of
from dotproxy.upstream.asked import Server
from dotproxy.upstream.connection import Ending
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.durations import Durations
from dotproxy.upstream.proof import Match
from dotproxy.upstream.warnings import Kind

LABELS = ("upstream", "group")

PREFIX = "dotproxy_upstream_"

GAUGES: dict[str, tuple[str, Callable[[Server], float]]] = {
    "up": ("Whether it answers.", lambda it: not it.health.down),
    "in_flight": ("Queries that were sent and not answered.", lambda it: it.in_flight),
    "waiting": ("Queries that wait to be sent.", lambda it: it.waiting),
}
"""What is said of every upstream: the name, what it means, and where it stands."""

COUNTERS: dict[str, tuple[str, Callable[[Server], float]]] = {
    "outages": ("Times that it went down.", lambda it: it.health.outages),
    "queries": ("Queries that it was to answer.", lambda it: it.queries),
    "timeouts": ("Queries without an answer in time.", lambda it: it.timed_out),
    "queries_in_clear": (
        "Queries that left in clear: 0 for each that is asked over TLS.",
        lambda it: it.queries_in_clear,
    ),
}

TLS_COUNTERS: dict[str, tuple[str, Callable[[DoT], float]]] = {
    "replays": ("Queries that were asked again.", lambda it: it.replayed),
    "late_answers": ("Answers after the deadline.", lambda it: it.pool.late),
    "faulty_answers": (
        "Messages that answered nothing that was asked.",
        lambda it: it.pool.faulty,
    ),
}
"""The same of those that are asked over TLS."""


def upstream_metrics(subject: Subject, now: float) -> Iterator[Metric]:
    """Return the metrics of all upstreams; `now` is in seconds since 1970."""
    everybody = list(servers_of(subject))
    for name, (meaning, read) in GAUGES.items():
        gauge = GaugeMetricFamily(PREFIX + name, meaning, labels=LABELS)
        for each in everybody:
            gauge.add_metric(each[:2], float(read(each.server)))
        yield gauge
    for name, (meaning, read) in COUNTERS.items():
        counter = CounterMetricFamily(PREFIX + name, meaning, labels=LABELS)
        for each in everybody:
            counter.add_metric(each[:2], read(each.server))
        yield counter
    answers = HistogramMetricFamily(
        f"{PREFIX}request_duration_seconds",
        "Time from a query to its answer.",
        labels=LABELS,
    )
    for each in everybody:
        _add(answers, each, each.server.health.durations)
    yield answers
    yield _hedges(subject)
    encrypted = [(it, it.server) for it in everybody if isinstance(it.server, DoT)]
    yield from _over_tls(encrypted, now)


def _hedges(subject: Subject) -> Metric:
    hedges = CounterMetricFamily(
        "dotproxy_hedges",
        "Times that another upstream was asked since the one before was late.",
        labels=["group"],
    )
    for group, strategy in subject.core.upstreams.groups.items():
        hedges.add_metric([group], strategy.hedges)
    return hedges


def _over_tls(encrypted: list[tuple[Named, DoT]], now: float) -> Iterator[Metric]:
    for name, (meaning, read) in TLS_COUNTERS.items():
        counter = CounterMetricFamily(PREFIX + name, meaning, labels=LABELS)
        for named, server in encrypted:
            counter.add_metric(named[:2], read(server))
        yield counter
    yield _connections(encrypted)
    yield _closed(encrypted)
    yield _handshakes(encrypted)
    times = HistogramMetricFamily(
        f"{PREFIX}handshake_duration_seconds",
        "Time until a connection is ready: addresses, TCP, TLS, verification.",
        labels=LABELS,
    )
    for named, server in encrypted:
        _add(times, named, server.pool.handshakes)
    yield times
    yield from _proofs(encrypted, now)


def _proofs(encrypted: list[tuple[Named, DoT]], now: float) -> Iterator[Metric]:
    """Return what is known of who they are, and what is odd about that."""
    ends = GaugeMetricFamily(
        f"{PREFIX}certificate_expiry_timestamp_seconds",
        "When the first certificate of its chain ends, in seconds since 1970.",
        labels=LABELS,
    )
    matches = CounterMetricFamily(
        f"{PREFIX}pin_matches",
        "Chains that were right but for their pins, by the pin that they have.",
        labels=[*LABELS, "pin"],
    )
    warnings = GaugeMetricFamily(
        f"{PREFIX}warning",
        "Whether it is believed, and yet odd.",
        labels=[*LABELS, "kind"],
    )
    for named, server in encrypted:
        known, labels = server.pool.warnings, named[:2]
        if known.proof is not None:
            ends.add_metric(labels, known.proof.expires)
        for match in Match:
            count = server.pin_matches.get(match, 0)
            matches.add_metric([*labels, match.value], count)
        odd = known.at(now)
        for kind in Kind:
            warnings.add_metric([*labels, kind.value], kind in odd)
    yield from (ends, matches, warnings)


def _connections(encrypted: list[tuple[Named, DoT]]) -> Metric:
    gauge = GaugeMetricFamily(
        f"{PREFIX}connections", "Connections that are open.", labels=LABELS
    )
    for named, server in encrypted:
        gauge.add_metric(named[:2], len(server.pool.connections))
    return gauge


def _closed(encrypted: list[tuple[Named, DoT]]) -> Metric:
    counter = CounterMetricFamily(
        f"{PREFIX}connections_closed",
        "Connections that ended, by reason.",
        labels=[*LABELS, "reason"],
    )
    for named, server in encrypted:
        for ending in Ending:
            labels = [*named[:2], ending.value]
            counter.add_metric(labels, server.pool.closed[ending])
    return counter


def _handshakes(encrypted: list[tuple[Named, DoT]]) -> Metric:
    counter = CounterMetricFamily(
        f"{PREFIX}handshakes",
        "Attempts to connect, by result: the peer proved who it is, or it did not, or"
        " nobody answered.",
        labels=[*LABELS, "result"],
    )
    for named, server in encrypted:
        pool = server.pool
        for result, count in (
            ("verified", pool.opened),
            ("refused", pool.refused),
            ("unreached", pool.unreached),
        ):
            counter.add_metric([*named[:2], result], count)
    return counter


def _add(histogram: HistogramMetricFamily, named: Named, times: Durations) -> None:
    histogram.add_metric(named[:2], buckets(times), times.sum)
