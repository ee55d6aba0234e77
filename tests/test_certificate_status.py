"""The certificates that clients are shown."""

from types import SimpleNamespace
from typing import cast
from unittest import TestCase

from dotproxy.observe.certificate_status import (
    CertificateStatus,
    certificate_metrics,
    certificates_status,
)
from dotproxy.observe.subject import Subject
from dotproxy.observe.upstream_status import iso_date
from dotproxy.server.credentials import read_credentials
from tests.credentials import folder_of, issue, write


class CertificateTests(TestCase):
    def setUp(self) -> None:
        folder = folder_of(self.addCleanup)
        files = [write(folder, issue("dns.example"), each) for each in ("one", "two")]
        credentials = read_credentials([*files, write(folder, issue())])
        self.one = credentials[0]
        listeners = SimpleNamespace(credentials=credentials)
        self.subject = cast(Subject, SimpleNamespace(listeners=listeners))

    def status(self, now: float) -> list[CertificateStatus]:
        return list(certificates_status(self.subject, now))

    def test_status(self) -> None:
        """Each has a name and a day; that this is soon is a warning."""
        day = iso_date(self.one.expires)
        one, two, nameless = self.status(self.one.expires_soon - 1)
        assert one == two == CertificateStatus("dns.example", day, ())
        assert nameless.name == ""
        soon, *_ = self.status(self.one.expires_soon)
        assert soon == CertificateStatus("dns.example", day, (f"expires {day}",))

    def test_metrics(self) -> None:
        """Each has its end, under a label of its own."""
        (metric,) = certificate_metrics(self.subject)
        ends = {it.labels["certificate"]: it.value for it in metric.samples}
        assert list(ends) == ["dns.example", "dns.example#2", ""]
        assert ends["dns.example"] == self.one.expires
