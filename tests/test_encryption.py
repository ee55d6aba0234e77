"""TLS towards the clients."""

from datetime import datetime
from typing import Any, cast
from unittest import TestCase

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import CertificateBuilder
from OpenSSL import SSL

from dotproxy.config.setting import ConfigError
from dotproxy.server.credentials import Credential, read_credentials
from dotproxy.server.encryption import DOT, Encryption, Greeter, check
from tests.credentials import folder_of, issue, write
from tests.handshakes import again, client, move, shake

DATES = datetime(2026, 1, 1), datetime(2036, 1, 1)


class EncryptionTests(TestCase):
    def setUp(self) -> None:
        self.folder = folder_of(self.addCleanup)
        self.encryption = Encryption()

    def show(self, *names: str) -> None:
        """Show a certificate for each of these names."""
        files = [write(self.folder, issue(name), name) for name in names]
        self.encryption.use(read_credentials(files))

    def server(self) -> SSL.Connection:
        made = Greeter(self.encryption, DOT).serverConnectionForTLS(cast(Any, None))
        made.set_accept_state()
        return made

    def shown(self, name: bytes) -> str:
        """Return the name of the certificate that a client sees who asks for one."""
        asks = client(name=name)
        shake(asks, self.server())
        leaf = asks.get_peer_certificate(as_cryptography=True)
        assert leaf is not None
        return Credential((leaf,), cast(Any, None)).names[0]

    def test_versions(self) -> None:
        """TLS is 1.2 or 1.3; what is older is refused."""
        self.show("dns.example")
        for highest, spoken in (
            (SSL.TLS1_3_VERSION, "TLSv1.3"),
            (SSL.TLS1_2_VERSION, "TLSv1.2"),
        ):
            asks = client(highest=highest)
            shake(asks, self.server())
            assert asks.get_protocol_version_name() == spoken
        with self.assertRaises(SSL.Error) as caught:
            shake(client(highest=SSL.TLS1_1_VERSION), self.server())
        assert "unsupported protocol" in str(caught.exception)

    def test_alpn(self) -> None:
        """Who names protocols means DNS, or somebody else; many name none."""
        self.show("dns.example")
        for offered, agreed in (
            ([b"dot"], b"dot"),
            ([b"h2", b"dot"], b"dot"),
            ([], b""),
        ):
            asks = client(alpn=offered)
            shake(asks, self.server())
            assert asks.get_alpn_proto_negotiated() == agreed
        with self.assertRaises(SSL.Error) as caught:
            shake(client(alpn=[b"h2"]), self.server())
        assert "no application protocol" in str(caught.exception)

    def test_names(self) -> None:
        """Who asks for a name sees its certificate, all others see the first."""
        self.show("first.example", "dns.example", "*.example.net")
        for asked, shown in (
            (b"dns.example", "dns.example"),
            (b"DNS.Example", "dns.example"),
            (b"a.example.net", "*.example.net"),
            (b"b.a.example.net", "first.example"),
            (b"other.example", "first.example"),
            (b"", "first.example"),
        ):
            assert self.shown(asked) == shown

    def test_one_for_all(self) -> None:
        """A single certificate is for whatever name."""
        self.show("dns.example")
        assert self.shown(b"other.example") == "dns.example"

    def test_resumption(self) -> None:
        """A client that comes again shows its ticket, while contexts are the same."""
        self.show("dns.example")
        for highest in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            first, server = client(highest=highest), self.server()
            shake(first, server)
            move(server, first)
            self.assertRaises(SSL.WantReadError, first.recv, 1)
            for reused in (True, False):
                second = again(first)
                shake(second, self.server())
                assert was_reused(second) is reused
                self.encryption.use(self.encryption.credentials)

    def test_name(self) -> None:
        """Clients are told one name of the first certificate, and never a pattern."""
        assert self.encryption.name == ""
        self.show("*.example.net", "dns.example")
        assert self.encryption.name == ""
        self.encryption.use(self.encryption.credentials[1:])
        assert self.encryption.name == "dns.example"

    def test_short_key(self) -> None:
        """A key that is too short is refused, and what was shown stays."""
        self.show("dns.example")
        (good,) = self.encryption.credentials
        short = rsa.generate_private_key(65537, 1024)
        name = good.chain[0].subject
        draft = CertificateBuilder(name, name, short.public_key(), 1, *DATES)
        weak = Credential((draft.sign(short, SHA256()),), short)
        with self.assertRaises(ConfigError) as caught:
            check((weak,))
        self.assertRaises(ConfigError, self.encryption.use, (good, weak))
        assert str(caught.exception).startswith("certificate cannot be used for TLS: ")
        assert self.shown(b"") == "dns.example"


def was_reused(connection: SSL.Connection) -> bool:
    """Whether a session was resumed: pyOpenSSL does not tell by itself."""
    return bool(SSL._lib.SSL_session_reused(connection._ssl))
