"""What can be seen of the gateway."""

from types import SimpleNamespace
from typing import Any, cast
from unittest import TestCase

from dotproxy.gateway.counts import Counts
from dotproxy.observe.gateway_status import (
    GatewayStatus,
    gateway_metrics,
    gateway_status,
)
from dotproxy.observe.subject import Subject


def subject(gateway: Any) -> Subject:
    return cast(Subject, SimpleNamespace(gateway=gateway))


class GatewayTests(TestCase):
    def setUp(self) -> None:
        counts = Counts()
        counts.open, counts.up, counts.down = 2, 517, 4000
        counts.hellos, counts.hello_octets, counts.hello_records = 3, 1551, 4
        counts.results["not_in_table"] = 5
        gateway = SimpleNamespace(addresses=["127.0.0.1:443"], counts=counts)
        self.subject = subject(gateway)

    def samples(self, subject: Subject) -> dict[tuple[str, ...], float]:
        return {
            (sample.name, *sample.labels.values()): sample.value
            for metric in gateway_metrics(subject)
            for sample in metric.samples
        }

    def test_status(self) -> None:
        """Where it listens, who is there, and what became of the others is shown."""
        shown = GatewayStatus(("127.0.0.1:443",), 2, {"not_in_table": 5}, 517, 4000)
        assert gateway_status(self.subject) == shown

    def test_none(self) -> None:
        """Without a gateway its status is null, and nothing is counted."""
        assert gateway_status(subject(None)) is None
        assert {*self.samples(subject(None)).values()} == {0}

    def test_metrics(self) -> None:
        """All that is counted is exported, and relays that ended well even at 0."""
        name = "dotproxy_gateway_"
        assert self.samples(self.subject) == {
            (f"{name}connections",): 2,
            (f"{name}connections_total", "done"): 0,
            (f"{name}connections_total", "not_in_table"): 5,
            (f"{name}octets_total", "up"): 517,
            (f"{name}octets_total", "down"): 4000,
            (f"{name}hellos_total",): 3,
            (f"{name}hello_octets_total",): 1551,
            (f"{name}hello_records_total",): 4,
        }
