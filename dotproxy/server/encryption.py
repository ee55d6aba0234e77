"""TLS towards the clients: 1.2 and 1.3, by the certificates of the moment.

Sessions are resumed by tickets, so a client that comes again costs no signature.
Their key is made with the context; who has it can tell what was said in TLS 1.2 under
it, so contexts are made anew each day (RFC 9325 section 3.4).
"""

from collections.abc import Sequence

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from dotproxy.config.setting import ConfigError
from dotproxy.handshake import ServerConnection
from dotproxy.server.credentials import Credential, Credentials

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and AEAD only (RFC 9325 section 4.2)."""

DOT = (b"dot",)
"""DNS over TLS, as ALPN calls it (IANA)."""

OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION
"""Compression tells what is encrypted, and to shake hands anew costs only us."""


class Encryption:
    """Begin TLS with clients, with the certificate for the name that they ask for.

    The first certificate is for all who ask for none, or for another name.
    """

    def __init__(self) -> None:
        self.credentials: Credentials = ()
        self._first: SSL.Context | None = None
        self._named: dict[str, SSL.Context] = {}

    def use(self, credentials: Credentials) -> None:
        """Show these from now on; ConfigError, and nothing changed, if TLS cannot."""
        contexts = [_context(each) for each in credentials]
        named: dict[str, SSL.Context] = {}
        for credential, context in zip(credentials, contexts, strict=True):
            for name in credential.names:
                named.setdefault(name, context)
        if len(contexts) > 1:
            contexts[0].set_tlsext_servername_callback(self._choose)
        self.credentials, self._named = credentials, named
        self._first = contexts[0] if contexts else None

    @property
    def name(self) -> str:
        """A name that the first certificate is for; "" if it has none, or but `*`."""
        names = [name for each in self.credentials[:1] for name in each.names]
        return next((name for name in names if "*" not in name), "")

    def connection(self, protocols: Sequence[bytes]) -> ServerConnection:
        """Begin TLS with a client, to speak one of these, the best first."""
        assert self._first is not None, "who listens over TLS has a certificate"
        made = ServerConnection(self._first, None)
        made.protocols = protocols
        return made

    def _choose(self, connection: SSL.Connection) -> None:
        """Take the certificate for a name; `*` is for one label (RFC 9525 6.3)."""
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower()
        context = self._named.get(name) or self._named.get(f"*.{_parent(name)}")
        if context is not None:
            connection.set_context(context)


@implementer(IOpenSSLServerConnectionCreator)
class Greeter:
    """Begin TLS with clients of one address, where these protocols are spoken."""

    def __init__(self, encryption: Encryption, protocols: Sequence[bytes]) -> None:
        self._encryption = encryption
        self._protocols = protocols

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Begin TLS with a client."""
        return self._encryption.connection(self._protocols)


def check(credentials: Credentials) -> None:
    """Raise ConfigError if TLS cannot use one of them: a key is too short, say."""
    Encryption().use(credentials)


def _parent(name: str) -> str:
    return name.partition(".")[2]


def _context(credential: Credential) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS)
    context.set_options(OPTIONS)
    # Thousands of clients idle, and each would keep 32 KiB for what it may say.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Tickets are kept by the clients, and nothing by us.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(b"dotproxy")
    context.set_alpn_select_callback(_select)
    own, *others = credential.chain
    try:
        context.use_certificate(own)
        for other in others:
            context.add_extra_chain_cert(other)
        context.use_privatekey(credential.key)
    except SSL.Error as fault:
        why = fault.args[0][-1][2] if fault.args and fault.args[0] else "no reason"
        rule = f"cannot be used for TLS: {why}"
        raise ConfigError("certificate", rule, ("certificate",)) from None
    return context


def _select(connection: SSL.Connection, offered: Sequence[bytes]) -> bytes:
    """Agree on what is spoken here, and on nothing else: who speaks otherwise means
    another server (RFC 7301 section 3.2)."""
    assert isinstance(connection, ServerConnection), "this one is ours"
    for protocol in connection.protocols:
        if protocol in offered:
            return protocol
    said = ("SSL routines", "", "no application protocol in common")
    raise SSL.Error([said])
