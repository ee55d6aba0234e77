"""TLS as a server, with clients that break off before it has begun."""

from collections.abc import Sequence

from OpenSSL import SSL


class ServerConnection(SSL.Connection):
    """TLS with a client that may say goodbye before it has said all of its hello.

    GnuTLS does so if it does not like the certificate.  Twisted expects an error then
    that says why, and fails over one that does not.
    """

    protocols: Sequence[bytes] = ()
    """What may be spoken, as ALPN calls it, the best first."""

    def do_handshake(self) -> None:
        """Go on with the handshake; SSL.Error if the client has left it."""
        try:
            super().do_handshake()
        except SSL.ZeroReturnError:
            said = ("SSL routines", "", "close_notify during the handshake")
            raise SSL.Error([said]) from None
