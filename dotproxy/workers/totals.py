"""What all workers together have counted: the metrics of each, made one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

Labels = tuple[tuple[str, str], ...]

Samples = dict[tuple[str, Labels], float]
"""The values of a metric, by the sample's name and its labels."""

COUNTED = ("counter", "histogram")
"""Kinds of metrics that only rise: those of a worker that ended still count."""

ONE_OF_ALL: Mapping[str, Callable[[Iterable[float]], float]] = {
    "dotproxy_build_info": max,
    "dotproxy_certificate_expiry_timestamp_seconds": min,
    "dotproxy_list_names": max,
    "dotproxy_ready": max,
    "dotproxy_rules": max,
    "dotproxy_rules_paused": max,
    "dotproxy_shared_cache_up": min,
    "dotproxy_upstream_certificate_expiry_timestamp_seconds": min,
    "dotproxy_upstream_up": min,
    "dotproxy_upstream_warning": max,
    "process_max_fds": max,
    "process_start_time_seconds": min,
}
"""Metrics that are no sum of what the workers say, but the worst or the same of all."""


class Totals:
    """Add up metrics, and keep what was counted by workers that ended.

    So no counter falls when one ends, which would look like a restart of all.  What
    such a worker counted since it was read last is lost.
    """

    def __init__(self) -> None:
        self._ended: dict[str, Metric] = {}
        self._last: dict[int, str] = {}

    def exposition(self, texts: Mapping[int, str], ours: Sequence[Metric]) -> bytes:
        """Return the metrics of all in the text format; `texts` are those of the
        workers by their numbers.  `ours` take the place of theirs."""
        self._last.update(texts)
        said = [*texts.values()]
        total = merged([*map(_families, said), self._ended])
        total.update((metric.name, metric) for metric in ours)
        registry = CollectorRegistry()
        registry.register(Fixed(total.values()))
        return generate_latest(registry)

    def end(self, number: int) -> None:
        """Keep what a worker that ended had counted."""
        families = _families(self._last.pop(number, ""))
        counted = {name: it for name, it in families.items() if it.type in COUNTED}
        self._ended = merged([self._ended, counted])


class Fixed(Collector):
    """Show metrics as they are."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterator[Metric]:
        """Return them."""
        yield from self._metrics


def merged(parts: Sequence[Mapping[str, Metric]]) -> dict[str, Metric]:
    """Return one metric for all of a name, in the order in which they come."""
    found: dict[str, list[Metric]] = {}
    for part in parts:
        for name, metric in part.items():
            found.setdefault(name, []).append(metric)
    return {name: _merged(metrics) for name, metrics in found.items()}


def _merged(metrics: Sequence[Metric]) -> Metric:
    first = metrics[0]
    values: dict[tuple[str, Labels], list[float]] = {}
    for metric in metrics:
        for sample in metric.samples:
            key = sample.name, tuple(sample.labels.items())
            values.setdefault(key, []).append(sample.value)
    total = Metric(first.name, first.documentation, first.type)
    of_all = ONE_OF_ALL.get(first.name, sum)
    for (name, labels), each in values.items():
        total.add_sample(name, dict(labels), of_all(each))
    return total


def _families(text: str) -> dict[str, Metric]:
    return {each.name: each for each in text_string_to_metric_families(text)}
