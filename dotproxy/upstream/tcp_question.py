"""One query in clear, over TCP: what does not fit a datagram (RFC 7766 section 5)."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IReactorTCP, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.udp_question import Address
from dotproxy.wire.answer import replies_to
from dotproxy.wire.framing import Frames, frame


class TcpQuestion(Protocol):
    """Ask once, over a connection of its own.

    `replied` fires with the reply, or fails with UpstreamError, in a few words, if
    there is no connection, or it ends.  It waits for ever otherwise, and may be
    cancelled, which hangs up.
    """

    transport: ITCPTransport

    def __init__(
        self, query: bytes, server: Address, on_sent: Callable[[], object]
    ) -> None:
        self.server = server
        self.replied: Deferred[bytes] = Deferred(lambda _: self._hang_up())
        self._query = query
        self._on_sent = on_sent
        self._frames = Frames()
        self._connecting: Deferred[Any]
        self._over = False

    def send(self, reactor: IReactorTCP) -> None:
        """Connect, and send the query then; `on_sent` hears that it was."""
        host, port = self.server
        endpoint = TCP6ClientEndpoint if ":" in host else TCP4ClientEndpoint
        factory = Factory.forProtocol(lambda: self)
        factory.noisy = False
        self._connecting = endpoint(reactor, host, port).connect(factory)
        self._connecting.addErrback(self._not_connected)

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Send the query."""
        self.transport.write(frame(self._query))
        self._on_sent()

    def dataReceived(self, data: bytes) -> None:
        """Take the reply, and nothing else."""
        for message in self._frames.feed(data):
            if replies_to(message, self._query):
                self._end(message)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Hear that the connection is gone, maybe by our own doing."""
        self._end(Failure(UpstreamError("connection lost")))

    def _not_connected(self, failure: Failure) -> None:
        self._end(Failure(UpstreamError(failure.getErrorMessage())))

    def _end(self, outcome: bytes | Failure) -> None:
        if not self._over:
            self._hang_up()
            self.replied.callback(outcome)

    def _hang_up(self) -> None:
        self._over = True
        self._connecting.cancel()
        if self.connected:
            self.transport.abortConnection()
