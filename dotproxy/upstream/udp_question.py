"""One query in clear, over UDP, and the port that it leaves from."""

import os
from collections.abc import Callable
from errno import ECONNREFUSED
from socket import SO_ERROR, SOL_SOCKET, socket
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IReactorUDP,
    ISystemHandle,
    IUDPTransport,
)
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure

from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.answer import replies_to
from dotproxy.wire.edns import UDP_PAYLOAD

Address = tuple[str, int]
"""An IP address and a port."""


class UdpQuestion(DatagramProtocol):
    """Ask once, from a port of its own, which the system picks at random.

    `replied` fires with the reply, or fails with UpstreamError, in a few words, if
    the network says that there will be none.  It waits for ever otherwise, and may
    be cancelled, which closes the port.  Only what comes from where the query went,
    and repeats its question under its ID, is a reply (RFC 5452 section 9); whatever
    else comes is ignored and does not end the wait.
    """

    noisy = False
    transport: IUDPTransport

    def __init__(
        self, query: bytes, server: Address, on_sent: Callable[[], object]
    ) -> None:
        self.server = server
        self.replied: Deferred[bytes] = Deferred(lambda _: self._close())
        self._query = query
        self._on_sent = on_sent
        self._port: IListeningPort | None = None

    def send(self, reactor: IReactorUDP) -> None:
        """Send the query; `on_sent` hears if the system did.

        Connected, the port gets nothing from strangers, but errors of the network.
        """
        host, port = self.server
        interface = "::" if ":" in host else ""
        try:
            self._port = reactor.listenUDP(0, self, interface, UDP_PAYLOAD)
            self.transport.connect(host, port)
            self.transport.write(self._query, None)
        except (CannotListenError, OSError) as fault:
            self._end(_failure(str(fault)))
        else:
            self._on_sent()

    # What Twisted calls.

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Take a reply; a stranger's datagram may have come before we connected."""
        if addr == self.server and replies_to(datagram, self._query):
            self._end(datagram)

    def connectionRefused(self) -> None:
        """Hear that nobody listens there."""
        self._end(_failure(os.strerror(ECONNREFUSED)))

    def stopProtocol(self) -> None:
        """Hear that the port is closed, maybe not by us.

        To epoll's reactor any error of the network is the end of the port; which
        error it was, the socket knows.
        """
        port, self._port = self._port, None
        if port is not None:
            handle = cast(socket, ISystemHandle(port).getHandle())
            error = handle.getsockopt(SOL_SOCKET, SO_ERROR)
            self._end(_failure(os.strerror(error) if error else "port lost"))

    def _end(self, outcome: bytes | Failure) -> None:
        """Fire, unless that is done: more may come in before the port is closed."""
        if not self.replied.called:
            self._close()
            self.replied.callback(outcome)

    def _close(self) -> None:
        # Unset first: a port that we close must not count as lost.
        port, self._port = self._port, None
        if port is not None:
            port.stopListening()


def _failure(reason: str) -> Failure:
    return Failure(UpstreamError(reason))
