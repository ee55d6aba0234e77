"""The certificates that clients are shown, for Prometheus."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from dotproxy.observe.subject import Subject


def certificate_metrics(subject: Subject) -> Iterator[Metric]:
    """Return when they end; a second one of the same name is called `name#2`."""
    ends = GaugeMetricFamily(
        "dotproxy_certificate_expiry_timestamp_seconds",
        "When a certificate that clients are shown ends, in seconds since 1970.",
        labels=["certificate"],
    )
    seen: Counter[str] = Counter()
    for credential in subject.listeners.credentials:
        name = credential.name
        seen[name] += 1
        label = f"{name}#{seen[name]}" if seen[name] > 1 else name
        ends.add_metric([label], credential.expires)
    yield ends
