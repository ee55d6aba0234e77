"""A client of DNS over TLS for the tests, with nothing of ours in it but the frames."""

import socket
import ssl

from dotproxy.wire.framing import frame

PATIENCE = 5.0
"""Seconds after which the client gives up."""


class Client:
    """A blocking client from the standard library, to be used in a thread."""

    def __init__(self, port: int, context: ssl.SSLContext, server_name: str) -> None:
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        try:
            self.tls = context.wrap_socket(
                plain, server_hostname=server_name, suppress_ragged_eofs=False
            )
        except OSError:
            plain.close()
            raise
        self._stream = self.tls.makefile("rb")

    def close(self) -> None:
        self._stream.close()
        self.tls.close()

    def send(self, *queries: bytes) -> None:
        self.tls.sendall(b"".join(map(frame, queries)))

    def receive(self) -> bytes:
        """Return the next message, or nothing after a close_notify."""
        size = int.from_bytes(self._stream.read(2), "big")
        return self._stream.read(size)


def trusting(ca_pem: bytes) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca_pem.decode())
    context.set_alpn_protocols(["dot"])
    return context
