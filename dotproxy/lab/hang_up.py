"""How a connection ends: over TLS and over bare TCP, politely and not.

Each function says its last word, and what was written before leaves before it.  The
connection itself is left to whoever calls: it may have to be dropped some time.
"""

import socket
from contextlib import suppress
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import ITCPTransport, IWriteDescriptor
from twisted.protocols.tls import TLSMemoryBIOProtocol

LARGEST_RECORD = 1 << 14
"""Octets of the largest TLS record (RFC 8446 section 5.1): more than is ever left."""


def tls_of(transport: ITCPTransport) -> TLSMemoryBIOProtocol | None:
    """Return the transport if it is TLS, None if it is bare TCP."""
    return transport if isinstance(transport, TLSMemoryBIOProtocol) else None


def close(transport: ITCPTransport) -> None:
    """Say close_notify, if it is TLS, and close when the client has said it too."""
    transport.loseConnection()


def fin(transport: ITCPTransport) -> None:
    """Say FIN, and over TLS not a word before.

    Twisted is not told, so that it goes on hearing what the client says.
    """
    tcp = _flushed(transport)
    # A client that is gone already will not miss it.
    with suppress(OSError):
        tcp.getHandle().shutdown(socket.SHUT_WR)


def half_close(transport: ITCPTransport) -> None:
    """Say close_notify and FIN, and go on hearing what the client says."""
    if tls := tls_of(transport):
        tls.getHandle().shutdown()
    fin(transport)


def reset(transport: ITCPTransport) -> None:
    """Say RST; it would take with it what has not left yet."""
    _flushed(transport)
    transport.abortConnection()


def _flushed(transport: ITCPTransport) -> Any:
    """Return the TCP transport, with all that was written on its way."""
    tcp: Any = transport
    if tls := tls_of(transport):
        tcp = tls.transport
        # The end of the handshake may still be in there.
        with suppress(SSL.WantReadError):
            tcp.write(tls.getHandle().bio_read(LARGEST_RECORD))
    if IWriteDescriptor.providedBy(tcp):
        tcp.doWrite()
    return tcp
