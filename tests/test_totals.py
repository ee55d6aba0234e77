"""The metrics of several processes, made one."""

import re
from pathlib import Path
from unittest import TestCase

from prometheus_client.parser import text_string_to_metric_families

from dotproxy.workers.tally import Tally, tally_metrics
from dotproxy.workers.totals import ONE_OF_ALL, Totals

WORKER = """\
# HELP dotproxy_queries_total Queries of clients, by transport.
# TYPE dotproxy_queries_total counter
dotproxy_queries_total{{proto="udp"}} {queries}
# HELP dotproxy_upstream_up Whether it answers.
# TYPE dotproxy_upstream_up gauge
dotproxy_upstream_up{{upstream="a"}} {up}
# HELP dotproxy_cache_entries Answers in the cache.
# TYPE dotproxy_cache_entries gauge
dotproxy_cache_entries {entries}
# HELP dotproxy_reloads_total Reloads, by what came of them.
# TYPE dotproxy_reloads_total counter
dotproxy_reloads_total{{result="done"}} 7
# HELP seconds How long.
# TYPE seconds histogram
seconds_bucket{{le="1.0"}} {queries}
seconds_bucket{{le="+Inf"}} {queries}
seconds_count {queries}
seconds_sum 0.5
"""

ADDED = {
    *("client_connections", "queries_under_way", "gateway_connections"),
    *("cache_entries", "cache_bytes", "cache_size_bytes"),
    *("upstream_in_flight", "upstream_waiting", "upstream_connections"),
}
"""Gauges of which the sum is what all have."""

METRICS = Path(__file__).parent.parent / "docs" / "metrics.md"

OURS = tally_metrics(Tally(2, 1, 2, 0, 5, 3))


def worker(queries: int, up: int, entries: int) -> str:
    """Return what a worker says."""
    return WORKER.format(queries=queries, up=up, entries=entries)


class TotalsTests(TestCase):
    def setUp(self) -> None:
        self.totals = Totals()

    def say(self, **texts: str) -> dict[str, float]:
        """Return the values of all samples, by name."""
        said = {int(number[1:]): text for number, text in texts.items()}
        exposition = self.totals.exposition(said, OURS).decode()
        families = text_string_to_metric_families(exposition)
        return {
            sample.name + "".join(sorted(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }

    def test_sum(self) -> None:
        """Counters, histograms and most gauges are sums; the worst state stands."""
        values = self.say(_1=worker(3, 1, 10), _2=worker(4, 0, 20))
        assert values["dotproxy_queries_totaludp"] == 7
        assert values["dotproxy_cache_entries"] == 30
        assert values["dotproxy_upstream_upa"] == 0
        assert (values["seconds_bucket1.0"], values["seconds_sum"]) == (7, 1)

    def test_ours(self) -> None:
        """What the supervisor counts takes the place of what the workers say."""
        values = self.say(_1=worker(3, 1, 10))
        assert values["dotproxy_reloads_totaldone"] == 2
        assert values["dotproxy_reloads_totalrefused"] == 1
        assert values["dotproxy_workers"] == 2
        assert values["dotproxy_worker_answers_dropped_total"] == 3

    def test_ended(self) -> None:
        """No counter falls when a worker ends, and gauges do."""
        self.say(_1=worker(3, 1, 10), _2=worker(4, 1, 20))
        self.totals.end(1)
        values = self.say(_2=worker(5, 1, 20))
        assert values["dotproxy_queries_totaludp"] == 8
        assert values["seconds_count"] == 8
        assert values["dotproxy_cache_entries"] == 20
        self.totals.end(1)
        values = self.say(_1=worker(1, 1, 0), _2=worker(5, 1, 20))
        assert values["dotproxy_queries_totaludp"] == 9


class DecidedTests(TestCase):
    def test_every_gauge(self) -> None:
        """Of each gauge somebody has decided whether it is added up."""
        rows = re.findall(r"^\| `dotproxy_(\w+)` \| gauge", METRICS.read_text(), re.M)
        others = {name.removeprefix("dotproxy_") for name in ONE_OF_ALL}
        assert "rules" in rows
        assert {*rows} - others == ADDED
        named = {name for name in others if not name.startswith("process_")}
        assert named <= {*rows}
