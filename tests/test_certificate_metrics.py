"""The certificates that clients are shown, as they are counted."""

from unittest import TestCase

from dotproxy.observe.certificate_metrics import certificate_metrics
from tests.test_certificate_status import showing


class CertificateMetricsTests(TestCase):
    def test_metrics(self) -> None:
        """Each has its end, under a label of its own."""
        subject = showing(self.addCleanup)
        (metric,) = certificate_metrics(subject)
        ends = {it.labels["certificate"]: it.value for it in metric.samples}
        assert list(ends) == ["dns.example", "dns.example#2", ""]
        assert ends["dns.example"] == subject.listeners.credentials[0].expires
