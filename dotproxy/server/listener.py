"""One address that is served, over UDP and TCP."""

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorSocket

from dotproxy.server.clients import Client
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.port import Port, adopt
from dotproxy.server.sockets import Sockets
from dotproxy.server.stream_port import adopt_stream


class Listener(Service):
    """Serve clients on sockets that are bound already."""

    def __init__(
        self, sockets: Sockets, factory: ProxyServerFactory, reactor: IReactorSocket
    ) -> None:
        self.address = sockets.address
        self._sockets = sockets
        self._factory = factory
        self._reactor = reactor
        self._datagrams = factory.datagram_protocol()
        self._closing: Deferred[Any] | None = None
        self._udp: Port
        self._tcp: IListeningPort

    @property
    def owes(self) -> bool:
        """Whether somebody waits for a reply, or has not read one to its end."""
        return bool(self._datagrams.waiting or self._udp.busy or self._streams())

    def startService(self) -> None:
        """Begin to read; Twisted works on copies of the sockets."""
        udp, tcp = self._sockets
        self._udp = adopt(udp, self._datagrams, self._reactor)
        self._tcp = adopt_stream(tcp, self._factory, self._reactor)
        self._sockets.close()
        super().startService()

    def drain(self) -> None:
        """Take no new queries and clients; whoever asked already gets a reply.

        As long as somebody is owed one, `owes` says so.
        """
        self._close_door()
        self._udp.drain()
        for stream in self._streams():
            stream.finish()

    def stopService(self) -> Deferred[list[Any]]:
        """Stop listening, and hang up on the clients; fires when that is done."""
        super().stopService()
        for stream in self._streams():
            stream.turn_out()
        return gatherResults(
            [self._close_door(), maybeDeferred(self._udp.stopListening)]
        )

    def _close_door(self) -> Deferred[Any]:
        """Let no TCP client in any more."""
        if self._closing is None:
            self._closing = maybeDeferred(self._tcp.stopListening)
        return self._closing

    def _streams(self) -> list[Client]:
        """Return the TCP clients that came in here."""
        return [it for it in self._factory.streams if it.transport.server is self._tcp]
