"""A zone with signatures, good ones and one that is not (RFC 4034)."""

import time
from typing import NamedTuple

import dns.dnssec
import dns.dnssectypes
import dns.zone
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

ORIGIN = "signed.example."

ZONE = """
$TTL 300
@      IN SOA ns hostmaster 1 7200 3600 1209600 60
@      IN NS  ns
ns     IN A   192.0.2.53
good   IN A   192.0.2.7
forged IN A   192.0.2.8
"""

LIFETIME = 24 * 3600
"""Seconds before and after now in which the signatures are valid."""


class SignedZone(NamedTuple):
    """A zone: its name, its master file, and the key that a validator has to trust."""

    origin: str
    text: str
    anchor: str


def sign_zone() -> SignedZone:
    """Sign the zone with a new key; then forge the address of one name."""
    key = generate_private_key(SECP256R1())
    algorithm = dns.dnssectypes.Algorithm.ECDSAP256SHA256
    dnskey = dns.dnssec.make_dnskey(key.public_key(), algorithm, flags=257)
    zone = dns.zone.from_text(ZONE, ORIGIN, relativize=False)
    now = int(time.time())
    dns.dnssec.sign_zone(
        zone,
        keys=[(key, dnskey)],
        inception=now - LIFETIME,
        expiration=now + LIFETIME,
    )
    text = zone.to_text(relativize=False).replace("192.0.2.8", "192.0.2.9")
    return SignedZone(ORIGIN, text, f"{ORIGIN} IN DNSKEY {dnskey}")
