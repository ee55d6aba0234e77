"""TLS as a server, with clients that break off before it has begun."""

from unittest import TestCase

from OpenSSL import SSL

from dotproxy.handshake import ServerConnection
from dotproxy.server.credentials import read_credentials
from dotproxy.server.encryption import Encryption
from tests.credentials import folder_of, issue, write
from tests.handshakes import client, move

CLOSE_NOTIFY = b"\x15\3\3\0\2\1\0"
"""The alert, in clear."""


class ServerConnectionTests(TestCase):
    def test_early_goodbye(self) -> None:
        """A client that says goodbye in its handshake is an error that says so."""
        encryption = Encryption()
        files = write(folder_of(self.addCleanup), issue("dns.example"))
        encryption.use(read_credentials([files]))
        server = encryption.connection([b"dot"])
        server.set_accept_state()
        hello = client()
        self.assertRaises(SSL.WantReadError, hello.do_handshake)
        move(hello, server)
        self.assertRaises(SSL.WantReadError, server.do_handshake)
        server.bio_write(CLOSE_NOTIFY)
        with self.assertRaises(SSL.Error) as caught:
            server.do_handshake()
        assert "close_notify during the handshake" in str(caught.exception)

    def test_other_faults(self) -> None:
        """Other faults stay what they are: here, there is no certificate."""
        server = ServerConnection(SSL.Context(SSL.TLS_SERVER_METHOD), None)
        server.set_accept_state()
        hello = client()
        self.assertRaises(SSL.WantReadError, hello.do_handshake)
        move(hello, server)
        with self.assertRaises(SSL.Error) as caught:
            server.do_handshake()
        assert "no shared cipher" in str(caught.exception)
