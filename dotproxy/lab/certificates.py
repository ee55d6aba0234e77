"""A throw-away certificate authority: good certificates, and bad ones for the asking.

A chain reads leaf first, root last.  Keys are EC P-256, because they are made in a
millisecond.  The good certificates follow RFC 5280 closely enough for a strict
verifier, so that a bad one is refused only for the fault that was asked for.
"""

import base64
import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=1)
"""How long a certificate is valid if nothing else is asked for."""

BACKDATE = timedelta(hours=1)
"""How long it has been valid by then, for clocks that are a little behind."""


@dataclass(frozen=True)
class Leaf:
    """What a server's certificate says.

    `names` become DNS names and `addresses` become IP addresses of the subject
    alternative name (RFC 5280 section 4.2.1.6).  With neither there is no such
    extension.  Names are written down as they are, wildcards included, and only
    ASCII ones can be.  The two times carry a time zone; without them the
    certificate is valid from `BACKDATE` before now until `LIFETIME` after it.
    """

    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    common_name: str = "dotproxy lab"
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, ready for a TLS server.

    `chain_pem` holds the leaf, then the intermediates; the root is left out, since a
    client must have it already.  `pins` has one pin for each certificate, the root's
    included.  `leaf` and `authority` are what it was made of, so that another can be.
    """

    chain_pem: bytes
    key_pem: bytes
    pins: tuple[str, ...]
    leaf: Leaf
    authority: "Authority"


@dataclass(frozen=True)
class Authority:
    """A certificate and the key to sign others with it.

    `chain` begins with the authority's own certificate and ends with the root.  All
    certificates under one root take their times from the same `now`.
    """

    chain: tuple[x509.Certificate, ...]
    key: ec.EllipticCurvePrivateKey
    now: datetime

    @classmethod
    def create(cls, common_name: str, now: datetime) -> "Authority":
        """Make a root: a self-signed certificate that may sign others."""
        key = _new_key()
        draft = _as_authority(_draft(Leaf(common_name=common_name), key, now))
        root = _sign(draft, _name(common_name), key)
        return cls((root,), key, now)

    @property
    def pem(self) -> bytes:
        """Return the authority's own certificate."""
        return _pem(self.chain[:1])

    def intermediate(self, common_name: str, *, is_ca: bool = True) -> "Authority":
        """Make an authority under this one.

        Without `is_ca` its certificate is that of a mere server.  It signs all the
        same, and whoever trusts the result has not looked (RFC 5280 section 4.2.1.9).
        """
        key = _new_key()
        draft = _draft(Leaf(common_name=common_name), key, self.now)
        draft = _as_authority(draft) if is_ca else _as_server(draft)
        certificate = _sign(draft, self.chain[0].subject, self.key)
        return Authority((certificate, *self.chain), key, self.now)

    def issue(self, leaf: Leaf) -> Issued:
        """Make a server's certificate under this authority."""
        key = _new_key()
        draft = _as_server(_draft(leaf, key, self.now))
        certificate = _sign(draft, self.chain[0].subject, self.key)
        sent, unsent = (certificate, *self.chain[:-1]), self.chain[-1:]
        pins = tuple(map(pin, (*sent, *unsent)))
        return Issued(_pem(sent), _key_pem(key), pins, leaf, self)


def self_signed(leaf: Leaf, now: datetime) -> Issued:
    """Make a server's certificate that nobody but its own key vouches for."""
    key = _new_key()
    draft = _as_server(_draft(leaf, key, now))
    certificate = _sign(draft, _name(leaf.common_name), key)
    itself = Authority((certificate,), key, now)
    return Issued(itself.pem, _key_pem(key), (pin(certificate),), leaf, itself)


def pin(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate's public key in base64.

    What is hashed is the DER SubjectPublicKeyInfo (RFC 7858 section 4.2).
    """
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _draft(
    leaf: Leaf, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    """Write what every certificate says: who, how long, which key."""
    public = key.public_key()
    draft = (
        x509.CertificateBuilder()
        .subject_name(_name(leaf.common_name))
        .not_valid_before(leaf.not_before or now - BACKDATE)
        .not_valid_after(leaf.not_after or now + LIFETIME)
        .serial_number(x509.random_serial_number())
        .public_key(public)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
    )
    alternatives = _alternative_names(leaf)
    if alternatives:
        draft = draft.add_extension(x509.SubjectAlternativeName(alternatives), False)
    return draft


def _alternative_names(leaf: Leaf) -> list[x509.GeneralName]:
    names = [x509.DNSName(name) for name in leaf.names]
    addresses = [x509.IPAddress(ipaddress.ip_address(it)) for it in leaf.addresses]
    return [*names, *addresses]


def _as_authority(draft: x509.CertificateBuilder) -> x509.CertificateBuilder:
    usage = _key_usage(digital_signature=False, key_cert_sign=True)
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    return draft.add_extension(constraints, True).add_extension(usage, True)


def _as_server(draft: x509.CertificateBuilder) -> x509.CertificateBuilder:
    usage = _key_usage(digital_signature=True, key_cert_sign=False)
    constraints = x509.BasicConstraints(ca=False, path_length=None)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    draft = draft.add_extension(constraints, True).add_extension(usage, True)
    return draft.add_extension(purpose, False)


def _key_usage(*, digital_signature: bool, key_cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _sign(
    draft: x509.CertificateBuilder, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    signed = draft.issuer_name(issuer).add_extension(signer, False)
    return signed.sign(key, hashes.SHA256())


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _pem(chain: tuple[x509.Certificate, ...]) -> bytes:
    return b"".join(it.public_bytes(serialization.Encoding.PEM) for it in chain)
