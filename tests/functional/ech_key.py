"""A key for ECH, as a server has one: what it publishes, and the hellos that it opens.

That a hello can be opened shows two things: the client did encrypt, and did not merely
send GREASE; and every octet of its message came as it was sent, for all of them are
authenticated (RFC 9849 section 5.2).
"""

import hmac
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from dotproxy.wire.ech import VERSION
from dotproxy.wire.vector import read_vector, write_vector
from tests.hellos import extensions

KEM_ID, SUITE = b"\0\x20", b"\0\1\0\1"
"""X25519; HKDF with SHA-256, and AES-128 in GCM (RFC 9180 section 7)."""

KEM = b"KEM" + KEM_ID
HPKE = b"HPKE" + KEM_ID + SUITE
"""What keys are derived for (RFC 9180 sections 4.1 and 5.1)."""

NUMBER = b"\x2a"
"""Of the configuration."""


class Sealed(NamedTuple):
    """What an encrypted hello has in its extension (RFC 9849 section 5)."""

    public: bytes
    payload: bytes


@dataclass(frozen=True)
class EchKey:
    """A key, and the name that hellos for it show."""

    key: X25519PrivateKey
    public_name: str

    @classmethod
    def create(cls, public_name: str) -> "EchKey":
        """Make a new key."""
        return cls(X25519PrivateKey.generate(), public_name)

    @property
    def published(self) -> bytes:
        """The ECHConfigList that goes into the DNS."""
        return write_vector(self._config, 2)

    def open(self, handshake: bytes) -> bytes:
        """Return the encrypted part of a hello, which holds the true name.

        Raises InvalidTag for GREASE, and if any octet was altered.
        """
        body = handshake[4:]
        sealed = read_sealed(extensions(body)[VERSION])
        bare = body.replace(sealed.payload, bytes(len(sealed.payload)))
        key, nonce = self._derive(sealed.public)
        return AESGCM(key).decrypt(nonce, sealed.payload, bare)

    @property
    def _public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    @property
    def _config(self) -> bytes:
        """An ECHConfig (RFC 9849 section 4)."""
        key = NUMBER + KEM_ID + write_vector(self._public, 2) + write_vector(SUITE, 2)
        name = b"\0" + write_vector(self.public_name.encode(), 1)
        contents = key + name + write_vector(b"", 2)
        return VERSION.to_bytes(2, "big") + write_vector(contents, 2)

    def _derive(self, public: bytes) -> tuple[bytes, bytes]:
        """Return the key and the nonce that a client's share leads to (RFC 9180 4.1 and
        5.1, in base mode)."""
        secret = self.key.exchange(X25519PublicKey.from_public_bytes(public))
        eae = extract(KEM, b"", b"eae_prk" + secret)
        shared = expand(KEM, eae, b"shared_secret" + public + self._public, 32)
        info = b"info_hash" + b"tls ech\0" + self._config
        hashes = extract(HPKE, b"", b"psk_id_hash") + extract(HPKE, b"", info)
        schedule = extract(HPKE, shared, b"secret")
        key = expand(HPKE, schedule, b"key\0" + hashes, 16)
        return key, expand(HPKE, schedule, b"base_nonce\0" + hashes, 12)


def read_sealed(value: bytes) -> Sealed:
    """Read the extension of an outer hello."""
    assert value[:6] == b"\0" + SUITE + NUMBER, "this is not for our key"
    public, at = read_vector(value, 6, 2)
    payload, _ = read_vector(value, at, 2)
    return Sealed(public, payload)


def extract(suite: bytes, salt: bytes, labelled: bytes) -> bytes:
    """Extract a key (RFC 9180 section 4); the label goes first."""
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + labelled, "sha256")


def expand(suite: bytes, key: bytes, labelled: bytes, size: int) -> bytes:
    """Expand a key to so many octets."""
    info = size.to_bytes(2, "big") + b"HPKE-v1" + suite + labelled
    return HKDFExpand(SHA256(), size, info).derive(key)
