"""One address that is served, over UDP and TCP."""

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorSocket

from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.port import adopt
from dotproxy.server.sockets import Sockets


class Listener(Service):
    """Serve clients on sockets that are bound already."""

    def __init__(
        self, sockets: Sockets, factory: ProxyServerFactory, reactor: IReactorSocket
    ) -> None:
        self.address = sockets.address
        self._sockets = sockets
        self._factory = factory
        self._reactor = reactor
        self._ports: list[IListeningPort] = []

    def startService(self) -> None:
        """Begin to read; Twisted works on copies of the sockets."""
        udp, tcp = self._sockets
        protocol = self._factory.datagram_protocol()
        self._ports = [
            adopt(udp, protocol, self._reactor),
            self._reactor.adoptStreamPort(tcp.fileno(), tcp.family, self._factory),
        ]
        self._sockets.close()
        super().startService()

    def stopService(self) -> Deferred[list[Any]]:
        """Stop listening, and hang up on the clients; fires when that is done."""
        super().stopService()
        for connection in list(self._factory.connections):
            connection.transport.abortConnection()
        return gatherResults(
            [maybeDeferred(port.stopListening) for port in self._ports]
        )
