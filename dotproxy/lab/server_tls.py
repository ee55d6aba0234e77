"""How the lab does TLS as a server: with a good certificate, or as badly as it must."""

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from dotproxy.handshake import ServerConnection
from dotproxy.lab.certificates import BACKDATE, LIFETIME, Authority, Issued, self_signed
from dotproxy.lab.connection import LabConnection
from dotproxy.lab.faults import HANDSHAKE

OLD = "old-tls"

WRONG_NAME = "wrong.example"

NAMES = frozenset(kind.name for kind in HANDSHAKE)
"""The faults that are looked at here; those which need no TLS change nothing."""


@implementer(IOpenSSLServerConnectionCreator)
class ServerTLS:
    """Shake hands as the faults of each connection have it.

    What is made for some faults is kept, so a new key is new once.
    """

    def __init__(self, issued: Issued) -> None:
        self._issued = issued
        self._contexts: dict[frozenset[str], SSL.Context] = {}

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Begin TLS with a client, whose connection knows its faults."""
        connection = cast(LabConnection, protocol.wrappedProtocol)
        names = {fault.name for fault in connection.faults}
        return ServerConnection(self.context(names), None)

    def context(self, names: Iterable[str]) -> SSL.Context:
        """Return TLS under the faults with these names, of which many are none here."""
        wanted = NAMES.intersection(names)
        if wanted not in self._contexts:
            self._contexts[wanted] = _context(spoiled(self._issued, wanted), wanted)
        return self._contexts[wanted]


def spoiled(issued: Issued, faults: frozenset[str]) -> Issued:
    """Return a certificate like this one, with these faults; none of them is itself."""
    if not faults - {OLD}:
        return issued
    leaf, authority = issued.leaf, issued.authority
    now = authority.now
    if "expired" in faults:
        leaf = replace(leaf, not_before=now - LIFETIME, not_after=now - BACKDATE)
    if "not-yet-valid" in faults:
        leaf = replace(leaf, not_before=now + LIFETIME, not_after=now + 2 * LIFETIME)
    if "wrong-name" in faults:
        leaf = replace(leaf, names=(WRONG_NAME,), addresses=())
    if "self-signed" in faults:
        return self_signed(leaf, now)
    if "untrusted" in faults:
        authority = Authority.create("an authority that nobody knows", now)
    return authority.issue(leaf)


def _context(issued: Issued, faults: frozenset[str]) -> SSL.Context:
    """Return TLS for a server: 1.2 or later, which is what Twisted insists on."""
    old = OLD in faults
    leaf, *intermediates = x509.load_pem_x509_certificates(issued.chain_pem)
    # Twisted's annotations name pyOpenSSL's types, which pyOpenSSL deprecates.
    context: SSL.Context = CertificateOptions(
        privateKey=load_pem_private_key(issued.key_pem, None),  # type: ignore[arg-type]
        certificate=leaf,  # type: ignore[arg-type]
        extraCertChain=intermediates,  # type: ignore[arg-type]
        acceptableProtocols=[b"dot"],
        insecurelyLowerMinimumTo=TLSVersion.TLSv1_0 if old else None,
        lowerMaximumSecurityTo=TLSVersion.TLSv1_1 if old else None,
    ).getContext()
    if old:
        # OpenSSL would not even speak it by itself, and so not say why it refuses.
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
    return context
