"""What we show to clients over TLS: a certificate and its key, read out of files."""

import os
import stat
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    SubjectAlternativeName,
    load_pem_x509_certificates,
)

from dotproxy.config.certificate import Certificate as Files
from dotproxy.config.setting import ConfigError, written
from dotproxy.upstream.peer_certificate import begins, ends, warned_from

Key = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)
"""The kinds of keys that TLS servers have (RFC 8446 section 4.2.3)."""

LARGEST = 2**20
"""Octets of a file: a chain has some thousand."""


class Credential(NamedTuple):
    """A chain, the server's own certificate first, and the key of that one."""

    chain: tuple[Certificate, ...]
    key: Key

    @property
    def names(self) -> list[str]:
        """The names that the certificate is for, in lower case."""
        return names_of(self.chain[0])

    @property
    def name(self) -> str:
        """The first of its names; "" if it has none."""
        return next(iter(self.names), "")

    @property
    def expires(self) -> float:
        """When the first certificate of the chain ends, in seconds since 1970."""
        return min(map(ends, self.chain)).timestamp()

    @property
    def expires_soon(self) -> float:
        """When it is time to warn of that."""
        first = min(self.chain, key=ends)
        return warned_from(begins(first), ends(first)).timestamp()


Credentials = tuple[Credential, ...]


def read_credentials(certificates: Iterable[Files]) -> Credentials:
    """Read all that are configured; ConfigError if one of them cannot be shown."""
    return tuple(map(_read, certificates))


def names_of(certificate: Certificate) -> list[str]:
    """Return the names that a certificate is for, in lower case."""
    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return []
    return [name.lower() for name in found.value.get_values_for_type(DNSName)]


def read_chain(path: str) -> tuple[Certificate, ...]:
    """Read a chain without its key, which few may; ConfigError if it is none."""
    try:
        return tuple(load_pem_x509_certificates(_content("chain", path)))
    except ValueError:
        rule = "holds no certificate that can be read: name a PEM file"
        raise _fault("chain", path, rule) from None


def _read(files: Files) -> Credential:
    chain, key = read_chain(files.chain), _key(files.key)
    try:
        fits = chain[0].public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        fits = False
    if not fits:
        rule = f"is not the key of the first certificate in {files.chain}"
        raise _fault("key", files.key, rule)
    return Credential(chain, key)


def _key(path: str) -> Key:
    content = _content("key", path, secret=True)
    try:
        key = load_pem_private_key(content, None)
    except TypeError:
        rule = "has a passphrase, which nobody could enter: take it off"
        raise _fault("key", path, rule) from None
    except (ValueError, UnsupportedAlgorithm):
        rule = "holds no private key that can be read: name a PEM file"
        raise _fault("key", path, rule) from None
    if not isinstance(key, Key):
        raise _fault("key", path, "must be an RSA, EC or Ed25519 key")
    return key


def _content(name: str, path: str, secret: bool = False) -> bytes:
    """Read a file; a pipe, from which nothing may ever come, is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise _fault(name, path, "must be a plain file")
            if secret and mode & stat.S_IRWXO:
                rule = f"is open to everybody (mode {mode & 0o777:o}): chmod o= it"
                raise _fault(name, path, rule)
            return file.read(LARGEST)
    except OSError as fault:
        raise _fault(name, path, f"cannot be read: {fault.strerror}") from None


def _fault(name: str, path: str, rule: str) -> ConfigError:
    return ConfigError(f"certificate: {written(name, path)}", rule, ("certificate",))
