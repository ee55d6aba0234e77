"""The certificates of a chain, and what of them fits."""

from collections.abc import Collection, Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import (
    DNS_ID,
    DNSPattern,
    IPAddress_ID,
    verify_service_identity,
)

from dotproxy.cli.check.findings import Certificate
from dotproxy.upstream.peer_certificate import pin

CURL = "sha256//"
"""How curl spells a pin, and `--pin` takes it."""


def describe_chain(
    chain: Sequence[x509.Certificate], pins: Collection[str]
) -> tuple[Certificate, ...]:
    """Describe certificates, the server's own first; `pins` are those configured."""
    return tuple(
        _described(certificate, "" if place else "server", pins)
        for place, certificate in enumerate(chain)
    )


def matching_name(leaf: x509.Certificate, expected: str, by: str) -> str:
    """Return the name in a certificate that stands for the expected one, or ''."""
    try:
        identifier = IPAddress_ID(expected) if by == "address" else DNS_ID(expected)
        matches = verify_service_identity(extract_patterns(leaf), [identifier], [])
    except (VerificationError, CertificateError, ValueError):
        return ""
    pattern = matches[0].cert_pattern
    return pattern.pattern.decode() if isinstance(pattern, DNSPattern) else expected


def printable(text: str) -> str:
    """Return a stranger's words without what a terminal might obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _described(
    certificate: x509.Certificate, role: str, pins: Collection[str]
) -> Certificate:
    own = certificate.issuer == certificate.subject
    digest = _digest(certificate)
    return Certificate(
        role=role or ("root" if own else "authority"),
        subject=printable(_subject(certificate)),
        names=tuple(map(printable, _names(certificate))),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        pin=CURL + digest if digest else "",
        pinned=digest in pins,
    )


def _digest(certificate: x509.Certificate) -> str:
    """Return the pin, or '' for a key of a kind that nobody here knows."""
    try:
        return pin(certificate)
    except (ValueError, UnsupportedAlgorithm):
        return ""


def _subject(certificate: x509.Certificate) -> str:
    """Return the common name, which people know it by, or else the whole subject."""
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if common:
        return str(common[0].value)
    return certificate.subject.rfc4514_string()


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(name.value) for name in found.value]
