"""Somebody who looks on while a server proves who it is."""

from collections.abc import Callable, Sequence

from cryptography.x509 import Certificate
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from dotproxy.upstream.proof import Proof
from dotproxy.upstream.tls import Identity


@implementer(IOpenSSLClientConnectionCreator)
class Witness:
    """See what a server shows, and leave the verdict to the proxy's own `identity`.

    So what was presented can be told where the verdict is a refusal, too.  With a
    `session` of an earlier connection the server is asked to resume it.
    """

    def __init__(
        self,
        identity: Identity,
        seconds: Callable[[], float],
        session: SSL.Session | None = None,
    ) -> None:
        self._identity = identity
        self._seconds = seconds
        self._session = session
        self.connected_at: float | None = None
        """When TCP was there, and TLS began."""
        self.tls: SSL.Connection | None = None
        self.completed = False
        """Whether the handshake came to its end."""

    @property
    def refusal(self) -> str:
        """What the handshake was broken off for, if it was."""
        return self._identity.refusal

    @property
    def proof(self) -> Proof | None:
        """What the proxy made of what it saw."""
        return self._identity.proof

    @property
    def shown(self) -> Sequence[Certificate]:
        """The certificates as the server sent them."""
        if self.tls is None:
            return ()
        return self.tls.get_peer_cert_chain(as_cryptography=True) or ()

    @property
    def resumed(self) -> bool:
        """Whether the server resumed the session: then no chain was verified anew."""
        return (
            self._session is not None
            and self.completed
            and self.tls is not None
            and self.tls.get_verified_chain(as_cryptography=True) is None
        )

    def expect(self, _: str) -> "Witness":
        """Stand where the proxy has its Authenticator."""
        return self

    def clientConnectionForTLS(
        self, tlsProtocol: TLSMemoryBIOProtocol
    ) -> SSL.Connection:
        """Begin TLS as the proxy does."""
        self.connected_at = self._seconds()
        self.tls = self._identity.clientConnectionForTLS(tlsProtocol)
        if self._session is not None:
            self.tls.set_session(self._session)
        return self.tls

    def verify(self, connection: SSL.Connection) -> str:
        """Let the proxy judge."""
        self.completed = True
        return self._identity.verify(connection)
