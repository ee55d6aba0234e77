"""What can be seen of the gateway: its part of the status, and its metrics."""

from collections.abc import Iterator

from msgspec import Struct
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)

from dotproxy.observe.subject import Subject

PREFIX = "dotproxy_gateway_"


class GatewayStatus(Struct, frozen=True):
    """The gateway.  Octets are those of relays that are over."""

    listeners: tuple[str, ...]
    open: int
    """Clients that are there."""
    results: dict[str, int]
    """Those that left, or were never let in, by what became of them."""
    octets_up: int
    octets_down: int


def gateway_status(subject: Subject) -> GatewayStatus | None:
    """Look at the gateway, if there is one."""
    gateway = subject.gateway
    if not gateway.addresses:
        return None
    counts = gateway.counts
    return GatewayStatus(
        listeners=tuple(gateway.addresses),
        open=counts.open,
        results=dict(counts.results),
        octets_up=counts.up,
        octets_down=counts.down,
    )


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
