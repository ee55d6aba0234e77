"""What is counted of the cache that a fleet shares, for Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from dotproxy.observe.subject import Subject
from dotproxy.upstream.breaker import State

PREFIX = "dotproxy_shared_cache_"


def shared_metrics(subject: Subject) -> Iterator[Metric]:
    """Return the metrics of the shared cache; none where there is none."""
    shared = subject.core.shared
    if shared is None:
        return
    store = shared.store
    in_use = int(store.state is State.CLOSED)
    yield GaugeMetricFamily(f"{PREFIX}up", "Whether it is in use.", in_use)
    lookups = CounterMetricFamily(
        f"{PREFIX}lookups",
        "Look-ups in the shared cache, and values that it did not take in time or at"
        " all, by what came of them.",
        labels=["result"],
    )
    for result, count in (
        ("hit", shared.hits),
        ("miss", shared.misses),
        ("slow", store.slow),
        ("error", store.errors),
        ("skipped", store.skipped),
    ):
        lookups.add_metric([result], count)
    yield lookups
    meaning = "Answers that the shared cache took."
    yield CounterMetricFamily(f"{PREFIX}writes", meaning, store.written)
    meaning = "Times that it was left aside, after it had been in use."
    yield CounterMetricFamily(f"{PREFIX}opened", meaning, store.opened)
