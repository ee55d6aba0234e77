"""What is counted of the gateway, for Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)

from dotproxy.observe.subject import Subject

PREFIX = "dotproxy_gateway_"


def gateway_metrics(subject: Subject) -> Iterator[Metric]:
    """Return the metrics of the gateway; all are 0 where there is none."""
    counts = subject.gateway.counts
    yield GaugeMetricFamily(
        f"{PREFIX}connections", "Clients of the gateway.", counts.open
    )
    results = CounterMetricFamily(
        f"{PREFIX}connections",
        "Clients of the gateway that are gone, by what became of them.",
        labels=["result"],
    )
    for result in {"done": 0, **counts.results}:
        results.add_metric([result], counts.results[result])
    yield results
    octets = CounterMetricFamily(
        f"{PREFIX}octets",
        "Octets relayed, to origins and to clients, of relays that are over.",
        labels=["direction"],
    )
    octets.add_metric(["up"], counts.up)
    octets.add_metric(["down"], counts.down)
    yield octets
    for name, meaning, value in (
        ("hellos", "Hellos of TLS that could be read.", counts.hellos),
        ("hello_octets", "Octets that they took.", counts.hello_octets),
        ("hello_records", "TLS records that they took.", counts.hello_records),
    ):
        yield CounterMetricFamily(PREFIX + name, meaning, value)
