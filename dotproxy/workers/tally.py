"""What the supervisor counts itself, for Prometheus."""

from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


class Tally(NamedTuple):
    """Reloads, workers that serve, those that took another's place, and what was passed
    from one to the others."""

    reloads: int
    reloads_failed: int
    serving: int
    again: int
    messages: int
    dropped: int


def tally_metrics(tally: Tally) -> list[Metric]:
    """Return it as metrics; that of reloads takes the place of the workers' own."""
    reloads = CounterMetricFamily(
        "dotproxy_reloads", "Reloads, by what came of them.", labels=["result"]
    )
    reloads.add_metric(["done"], tally.reloads)
    reloads.add_metric(["refused"], tally.reloads_failed)
    return [
        reloads,
        GaugeMetricFamily("dotproxy_workers", "Workers that serve.", tally.serving),
        CounterMetricFamily(
            "dotproxy_worker_restarts",
            "Workers that took another's place.",
            tally.again,
        ),
        CounterMetricFamily(
            "dotproxy_worker_messages",
            "Messages with what one worker learned, for the others.",
            tally.messages,
        ),
        CounterMetricFamily(
            "dotproxy_worker_answers_dropped",
            "Learned answers that the others had to do without.",
            tally.dropped,
        ),
    ]
