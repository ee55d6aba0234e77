"""What is counted of the queries of clients, for Prometheus."""

from collections import Counter
from collections.abc import Iterator

import dns.rdatatype
from prometheus_client.core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from dotproxy.local.ready import Ready
from dotproxy.observe.subject import Subject
from dotproxy.upstream.durations import Durations

TYPES = {int(it): it.name.replace("_", "-") for it in dns.rdatatype.RdataType}

OTHER = "other"
"""The label of types that have no name: anybody can make up 65,000 of them."""

Buckets = list[tuple[str, float]]
"""Up to how many seconds, and how many took that long or less."""


def query_metrics(subject: Subject) -> Iterator[Metric]:
    """Return how many came, for what, and how long they took."""
    queries = CounterMetricFamily(
        "dotproxy_queries", "Queries of clients, by transport.", labels=["proto"]
    )
    types = CounterMetricFamily(
        "dotproxy_query_types",
        "Queries by transport and type, but for those turned away.",
        labels=["proto", "type"],
    )
    for proto, ready in subject.factory.ready.items():
        queries.add_metric([proto], ready.queries)
        for label, count in sorted(_named(ready).items()):
            types.add_metric([proto, label], count)
    yield from (queries, types, _durations(subject))


def buckets(durations: Durations) -> Buckets:
    """Return a histogram as Prometheus has it."""
    return [
        ("+Inf" if bound == float("inf") else str(bound), count)
        for bound, count in durations.up_to()
    ]


def _named(ready: Ready) -> Counter[str]:
    """Return the queries by the names of their types."""
    named: Counter[str] = Counter()
    for number, count in ready.by_type().items():
        named[TYPES.get(number, OTHER)] += count
    return named


def _durations(subject: Subject) -> Metric:
    """Return how long clients waited.

    What is known takes some microseconds, and to time it would take as long again: it
    counts in the lowest bucket.
    """
    factory = subject.factory
    under_way = factory.under_way
    answered = sum(each.by_type().total() for each in factory.ready.values())
    later = buckets(under_way.durations)
    at_once: Buckets = [(bound, answered - under_way.begun) for bound, _ in later]
    histogram = HistogramMetricFamily(
        "dotproxy_query_duration_seconds",
        "Time from a query to its reply, which came at once, or later.",
        labels=["answered"],
    )
    histogram.add_metric(["at_once"], at_once, 0.0)
    histogram.add_metric(["later"], later, under_way.durations.sum)
    return histogram
