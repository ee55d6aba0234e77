"""What a certificate says: its key, whose it is, and for how long it holds."""

import textwrap
from base64 import b64encode
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import (
    Certificate,
    ExtensionNotFound,
    SubjectAlternativeName,
)

PIN_PREFIX = "sha256//"
"""What stands before a pin, so that what the log says can be pasted as it is."""

LONGEST_DESCRIPTION = 400
"""Characters of a stranger's certificate that go into the log."""

SOON = timedelta(days=14)
"""A certificate that ends sooner is worth a warning; so is the pin in it."""

LAST_PART = 3
"""Of a short-lived certificate the last third is soon: then it should be renewed."""


def pin(certificate: Certificate) -> str:
    """Return the SPKI pin: base64 of SHA-256 over the DER public key (RFC 7858 4.2)."""
    key = certificate.public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(sha256(spki).digest()).decode("ascii")


def describe(certificate: Certificate) -> str:
    """Say in one line whose certificate it is, from whom, and for how long.

    Its words are a stranger's: nothing but printable characters, and not many.
    """
    text = (
        f"subject {certificate.subject.rfc4514_string() or 'empty'},"
        f" names {', '.join(_names(certificate)) or 'none'},"
        f" issuer {certificate.issuer.rfc4514_string()},"
        f" valid {begins(certificate):%Y-%m-%d} to {ends(certificate):%Y-%m-%d}"
    )
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return textwrap.shorten(printable, LONGEST_DESCRIPTION, placeholder=" ...")


def begins(certificate: Certificate) -> datetime:
    """Return when it begins to hold."""
    return certificate.not_valid_before_utc


def ends(certificate: Certificate) -> datetime:
    """Return when it ends."""
    return certificate.not_valid_after_utc


def warned_from(begin: datetime, end: datetime) -> datetime:
    """Return when it is time to warn of the end of a certificate."""
    return end - min(SOON, (end - begin) / LAST_PART)


def _names(certificate: Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return []
    return [str(name.value) for name in names.value]
