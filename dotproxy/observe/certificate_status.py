"""The certificates that clients are shown: their part of the status, and metrics."""

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct
from prometheus_client.core import GaugeMetricFamily, Metric

from dotproxy.observe.subject import Subject
from dotproxy.observe.upstream_status import iso_date


class CertificateStatus(Struct, frozen=True):
    """One certificate, by the first of its names."""

    name: str
    expires: str
    """The day, as `2026-12-31`, on which the first one of its chain ends."""
    warnings: tuple[str, ...]


def certificates_status(subject: Subject, now: float) -> tuple[CertificateStatus, ...]:
    """Look at the certificates; `now` is in seconds since 1970."""
    found = []
    for credential in subject.listeners.credentials:
        expires = iso_date(credential.expires)
        near = now >= credential.expires_soon
        warnings = (f"expires {expires}",) if near else ()
        found.append(CertificateStatus(credential.name, expires, warnings))
    return tuple(found)


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
