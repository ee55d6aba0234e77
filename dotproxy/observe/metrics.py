"""What is counted, for Prometheus.

Nothing happens here before somebody asks: a scrape reads plain numbers where they are.
No label has a name that was asked for, or a client: there would be no end of them.
"""

import platform
import time
from collections.abc import Callable, Iterable, Iterator

import dns.rcode
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from twisted.copyright import version as twisted_version

from dotproxy import __version__
from dotproxy.journal.note import DOH, DOT, TCP, UDP
from dotproxy.observe.certificate_metrics import certificate_metrics
from dotproxy.observe.gateway_metrics import gateway_metrics
from dotproxy.observe.query_metrics import query_metrics
from dotproxy.observe.shared_metrics import shared_metrics
from dotproxy.observe.status import replies_of
from dotproxy.observe.subject import Subject, can_answer
from dotproxy.observe.upstream_metrics import upstream_metrics
from dotproxy.wire.message import NOERROR, NXDOMAIN, REFUSED, SERVFAIL

USUAL = (NOERROR, SERVFAIL, NXDOMAIN, REFUSED)
"""RCODEs that are shown even at 0, so that their first rise is seen."""

Count = tuple[str, str, float]
"""A metric without labels: its name, what it is, and its value."""


def exposition(subject: Subject) -> bytes:
    """Return all metrics in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(Metrics(subject))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class Metrics(Collector):
    """Read the numbers of a proxy, whenever they are asked for.

    `now` gives the time in seconds since 1970.
    """

    def __init__(self, subject: Subject, now: Callable[[], float] = time.time) -> None:
        self._subject = subject
        self._now = now

    def collect(self) -> Iterable[Metric]:
        """Return every metric, in the order of docs/metrics.md."""
        subject = self._subject
        yield from query_metrics(subject)
        yield from _replies(subject)
        yield from _clients(subject)
        yield from _cache(subject)
        yield from shared_metrics(subject)
        yield from upstream_metrics(subject, self._now())
        yield from certificate_metrics(subject)
        yield from gateway_metrics(subject)
        yield from _rules(subject)
        yield from _query_log(subject)
        yield from _program(subject)


def _replies(subject: Subject) -> Iterator[Metric]:
    responses = CounterMetricFamily(
        "dotproxy_responses",
        "Replies to clients, by where they came from and by RCODE.",
        labels=["source", "rcode"],
    )
    for source, counts in replies_of(subject).items():
        for rcode, count in enumerate(counts):
            if count or rcode in USUAL:
                name = dns.rcode.to_text(dns.rcode.Rcode(rcode))
                responses.add_metric([source, name], count)
    yield responses


def _clients(subject: Subject) -> Iterator[Metric]:
    factory = subject.factory
    rejected = CounterMetricFamily(
        "dotproxy_rejected",
        "Clients and queries that were turned away, by reason.",
        labels=["reason"],
    )
    gate = factory.gate
    rejected.add_metric(["denied"], gate.denied if gate else 0)
    rejected.add_metric(["limited"], gate.limited if gate else 0)
    rejected.add_metric(["malformed"], factory.malformed)
    rejected.add_metric(["dropped"], factory.ready[UDP].dropped)
    rejected.add_metric(["shed"], factory.under_way.shed)
    rejected.add_metric(["turned_out"], factory.streams.turned_out)
    yield rejected
    clients = GaugeMetricFamily(
        "dotproxy_client_connections",
        "Clients that are connected, by transport.",
        labels=["proto"],
    )
    connected = factory.streams.by_transport()
    for proto in (TCP, DOT, DOH):
        clients.add_metric([proto], connected[proto])
    yield clients
    yield from _gauges(
        (
            "dotproxy_queries_under_way",
            "Queries of clients that wait for an answer from upstream.",
            len(factory.under_way),
        )
    )


def _cache(subject: Subject) -> Iterator[Metric]:
    forwarder = subject.core.forwarder
    cache, size = forwarder.cache, subject.core.config.cache.size
    yield from _gauges(
        ("dotproxy_cache_entries", "Answers in the cache.", len(cache)),
        ("dotproxy_cache_bytes", "Memory that they take.", cache.octets),
        ("dotproxy_cache_size_bytes", "Memory that they may take.", size),
    )
    yield from _counters(
        ("dotproxy_cache_hits", "Replies from the cache, not ready ones.", cache.hits),
        ("dotproxy_cache_misses", "Look-ups that found nothing.", cache.misses),
        ("dotproxy_cache_stale_served", "Stale replies.", cache.stale_hits),
        ("dotproxy_cache_evictions", "Answers that made room.", cache.evictions),
        (
            "dotproxy_cache_prefetch",
            "Answers that were asked for anew before their end.",
            forwarder.refreshed,
        ),
        (
            "dotproxy_shared_queries",
            "Queries that shared what another had asked.",
            forwarder.joined,
        ),
    )


def _rules(subject: Subject) -> Iterator[Metric]:
    book = subject.rules.book
    rules = len(book.naming.rules)
    paused = int(subject.rules.paused)
    yield from _gauges(
        ("dotproxy_rules", "Rules that are configured.", rules),
        ("dotproxy_rules_paused", "Whether they are paused.", paused),
    )
    matched = CounterMetricFamily(
        "dotproxy_rules_matched",
        "Queries that met a rule, by its action, without those whose reply was ready.",
        labels=["action"],
    )
    for action, count in subject.rules.matched.items():
        matched.add_metric([action], count)
    yield matched
    names = GaugeMetricFamily(
        "dotproxy_list_names", "Names in a list of the rules.", labels=["file"]
    )
    for path, file in book.files.lists.items():
        names.add_metric([path], len(file.listed))
    yield names


def _query_log(subject: Subject) -> Iterator[Metric]:
    recording = subject.recording
    written, lost = (recording.written, recording.lost) if recording else (0, 0)
    yield from _counters(
        ("dotproxy_query_log_written", "Queries that were logged.", written),
        ("dotproxy_query_log_lost", "Queries that could not be logged.", lost),
    )


def _program(subject: Subject) -> Iterator[Metric]:
    reloads = CounterMetricFamily(
        "dotproxy_reloads", "Reloads, by what came of them.", labels=["result"]
    )
    reloads.add_metric(["done"], subject.reloads)
    reloads.add_metric(["refused"], subject.reloads_failed)
    yield reloads
    ready = int(can_answer(subject))
    yield from _gauges(("dotproxy_ready", "Whether answers can be hoped for.", ready))
    build = InfoMetricFamily("dotproxy_build", "What runs here.")
    build.add_metric(
        [],
        {
            "version": __version__,
            "python": platform.python_version(),
            "twisted": twisted_version,
        },
    )
    yield build


def _gauges(*counts: Count) -> Iterator[Metric]:
    for name, meaning, value in counts:
        yield GaugeMetricFamily(name, meaning, value)


def _counters(*counts: Count) -> Iterator[Metric]:
    for name, meaning, value in counts:
        yield CounterMetricFamily(name, meaning, value)
