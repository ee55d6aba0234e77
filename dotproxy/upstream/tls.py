"""Who an upstream must prove to be, and the proof.

OpenSSL checks the chain during the handshake.  When it is complete, and before the
first query leaves, `Identity.verify` checks chain, dates, name and pins once more,
and takes any doubt for a refusal.  Sessions are never resumed: resumption skips
all of this, and a full handshake costs a millisecond more.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.x509 import Certificate, load_pem_x509_certificates
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.peer_certificate import begins, describe, ends
from dotproxy.upstream.proof import Match, Proof, proof_of

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and AEAD only (RFC 9325 section 4.2)."""

COMPLAINTS = {
    9: "not yet valid",
    10: "expired",
    18: "self-signed",
    19: "signed by a root that is not trusted",
    20: "signed by an authority that is not trusted",
    21: "signed by an authority that is not trusted",
    79: "signed by a certificate that is no authority",
}
"""OpenSSL's reasons to refuse a certificate, in words (x509_vfy.h)."""

TIMELY = (9, 10)
"""Those reasons that may lie in the system's own clock."""

MORE_ROOTS = "/etc/ssl/cert.pem"
"""Where macOS and the BSDs keep the system's roots; OpenSSL's wheels do not know."""


class Unverified(UpstreamError):
    """The peer is not, or did not prove to be, the upstream that was meant."""


@dataclass(frozen=True)
class Trust:
    """What an upstream has to show.

    With `server_name`, or without either, a chain to a trusted root and a
    certificate for that name, or else for the address dialled; with `pins` also
    one of them on the chain.  With pins and no name, the pins alone authenticate,
    and one must be of the server's own key (RFC 7858 section 4.2).  `first_pin` is
    the one that is expected: the others are for the day when the key changes, which
    is worth a warning.  With `report_only` no pin need match, beside a name: all else
    must be right as ever.  `roots` are PEM certificates; None stands for the system's.
    Not `strict` means encrypted at any rate, and authenticated if it can be had
    (RFC 8310 section 5).  `protocol` is what is spoken inside (ALPN), b"" if unnamed.
    """

    server_name: str = ""
    pins: frozenset[str] = frozenset()
    roots: bytes | None = None
    strict: bool = True
    first_pin: str = ""
    report_only: bool = False
    protocol: bytes = b"dot"

    @property
    def by_pin_alone(self) -> bool:
        """Whether the server's own key is all that counts."""
        return bool(self.pins) and not self.server_name


class Authenticator:
    """Make the TLS side of connections to one upstream, with one OpenSSL context.

    The system's roots take milliseconds to read, hence one context, kept.
    `now` gives the time of the calendar, in seconds since 1970.
    """

    def __init__(self, trust: Trust, now: Callable[[], float]) -> None:
        self.trust = trust
        self.now = now
        self.context = _context(trust)
        self.pin_matches: Counter[Match] = Counter()
        """Chains that were right but for their pins, by which of these they have."""

    def expect(self, address: str) -> "Identity":
        """Return what a connection to this IP address has to prove."""
        return Identity(self, address)


@implementer(IOpenSSLClientConnectionCreator)
class Identity:
    """The identity that one connection expects of its peer."""

    def __init__(self, judge: Authenticator, address: str) -> None:
        self._judge = judge
        self._trust = judge.trust
        self._address = address
        self._complaint = ""
        self.proof: Proof | None = None
        """What the peer showed, once that was looked at."""

    @property
    def refusal(self) -> str:
        """What the handshake was broken off for, if it was."""
        return self._complaint if self._trust.strict else ""

    def clientConnectionForTLS(
        self, tlsProtocol: TLSMemoryBIOProtocol
    ) -> SSL.Connection:
        """Begin TLS, asking for the server by name where it has one (RFC 6066 3)."""
        connection = SSL.Connection(self._judge.context, None)
        if not self._trust.by_pin_alone:
            connection.set_verify(SSL.VERIFY_PEER, self._take_down)
        if self._trust.server_name:
            connection.set_tlsext_host_name(self._trust.server_name.encode("ascii"))
        return connection

    def verify(self, connection: SSL.Connection) -> str:
        """Return if the peer is who it must be; raise Unverified otherwise.

        Any exception on the way is a refusal: what cannot be checked did not pass.
        Where the profile is not strict nothing is raised: what is wrong is returned.
        """
        try:
            self._verify(connection)
        except Exception as fault:
            reason = str(fault)
            if not isinstance(fault, Unverified):
                reason = f"the certificate cannot be checked: {fault!r}"
            if self._trust.strict:
                raise Unverified(reason) from fault
            return reason
        return ""

    def _take_down(
        self, _: object, certificate: crypto.X509, error: int, depth: int, ok: int
    ) -> bool:
        """Keep OpenSSL's words for the log, and leave the verdict to it.

        Where the profile is not strict the handshake goes on; `verify` will say.
        """
        if not ok and not self._complaint:
            reason = COMPLAINTS.get(error, f"refused by OpenSSL (error {error})")
            whose = describe(certificate.to_cryptography())
            if error in TIMELY:
                reason += f", the system clock is {self._time():%Y-%m-%d %H:%M} UTC"
            self._complaint = f"certificate {reason}: {whose}"
        return bool(ok) or not self._trust.strict

    def _verify(self, connection: SSL.Connection) -> None:
        if self._trust.by_pin_alone:
            leaf = connection.get_peer_certificate(as_cryptography=True)
            if leaf is None:
                raise Unverified("the server showed no certificate")
            self._check_pins(self._seen([leaf]))
            return
        if self._complaint:
            raise Unverified(self._complaint)
        chain = connection.get_verified_chain(as_cryptography=True)
        if not chain:
            raise Unverified("the server showed no certificate that was verified")
        proof = self._seen(chain)
        self._check_dates(chain)
        self._check_name(chain[0])
        if self._trust.pins:
            self._check_pins(proof)

    def _seen(self, chain: Sequence[Certificate]) -> Proof:
        self.proof = proof_of(chain, self._judge.now())
        return self.proof

    def _check_dates(self, chain: Sequence[Certificate]) -> None:
        now = self._time()
        for certificate in chain:
            if not begins(certificate) <= now <= ends(certificate):
                raise Unverified(
                    "certificate not valid now,"
                    f" the system clock is {now:%Y-%m-%d %H:%M} UTC:"
                    f" {describe(certificate)}"
                )

    def _time(self) -> datetime:
        return datetime.fromtimestamp(self._judge.now(), UTC)

    def _check_name(self, leaf: Certificate) -> None:
        """Compare with the subjectAltName and nothing else (RFC 9525 section 6)."""
        name = self._trust.server_name
        try:
            if name:
                verify_certificate_hostname(leaf, name)
            else:
                verify_certificate_ip_address(leaf, self._address)
        except (VerificationError, CertificateError) as fault:
            expected = name or self._address
            raise Unverified(
                f"certificate is not for {expected}: {describe(leaf)}"
            ) from fault

    def _check_pins(self, proof: Proof) -> None:
        match = self._match(proof.pins)
        self._judge.pin_matches[match] += 1
        relied_on = self._trust.by_pin_alone or not self._trust.report_only
        if match is Match.NONE and relied_on:
            raise Unverified(f"no certificate has a pinned key; {proof.pins_seen}")
        self.proof = proof._replace(match=match)

    def _match(self, pins: Sequence[str]) -> Match:
        """Return which pin there is; where none is expected, any will do."""
        if self._trust.pins.isdisjoint(pins):
            return Match.NONE
        first = self._trust.first_pin
        return Match.BACKUP if first and first not in pins else Match.PRIMARY


def _context(trust: Trust) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if trust.protocol:
        context.set_alpn_protos([trust.protocol])
    if not trust.by_pin_alone:
        _add_roots(context, trust.roots)
    return context


def _add_roots(context: SSL.Context, roots: bytes | None) -> None:
    """Trust these roots, or the system's; ValueError if they are no certificates."""
    if roots is None:
        context.set_default_verify_paths()
        if Path(MORE_ROOTS).exists() and "SSL_CERT_FILE" not in os.environ:
            context.load_verify_locations(MORE_ROOTS)
        return
    store = context.get_cert_store()
    assert store is not None, "a new context has a store"
    for root in load_pem_x509_certificates(roots):
        store.add_cert(crypto.X509.from_cryptography(root))
