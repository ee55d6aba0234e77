"""What is counted of the gateway."""

from unittest import TestCase

from dotproxy.observe.gateway_metrics import gateway_metrics
from dotproxy.observe.subject import Subject
from tests.test_gateway_status import a_gateway, subject


class GatewayMetricsTests(TestCase):
    def samples(self, subject: Subject) -> dict[tuple[str, ...], float]:
        return {
            (sample.name, *sample.labels.values()): sample.value
            for metric in gateway_metrics(subject)
            for sample in metric.samples
        }

    def test_metrics(self) -> None:
        """All that is counted is exported, and relays that ended well even at 0."""
        name = "dotproxy_gateway_"
        assert self.samples(subject(a_gateway())) == {
            (f"{name}connections",): 2,
            (f"{name}connections_total", "done"): 0,
            (f"{name}connections_total", "not_in_table"): 5,
            (f"{name}octets_total", "up"): 517,
            (f"{name}octets_total", "down"): 4000,
            (f"{name}hellos_total",): 3,
            (f"{name}hello_octets_total",): 1551,
            (f"{name}hello_records_total",): 4,
        }
