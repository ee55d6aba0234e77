"""The certificates that clients are shown, as types; see `status.py`."""

from msgspec import Struct

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
