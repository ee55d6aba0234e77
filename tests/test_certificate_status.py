"""The certificates that clients are shown."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast
from unittest import TestCase

from dotproxy.observe.certificate_status import CertificateStatus, certificates_status
from dotproxy.observe.subject import Subject
from dotproxy.observe.upstream_status import iso_date
from dotproxy.server.credentials import read_credentials
from tests.credentials import folder_of, issue, write


def showing(at_end: Callable[..., object]) -> Subject:
    """Return who shows three certificates, two for one name and one for none."""
    folder = folder_of(at_end)
    files = [write(folder, issue("dns.example"), each) for each in ("one", "two")]
    credentials = read_credentials([*files, write(folder, issue())])
    listeners = SimpleNamespace(credentials=credentials)
    return cast(Subject, SimpleNamespace(listeners=listeners))


class CertificateTests(TestCase):
    def setUp(self) -> None:
        self.subject = showing(self.addCleanup)
        self.one = self.subject.listeners.credentials[0]

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
