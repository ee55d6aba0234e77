"""One address that is served, over UDP and TCP."""

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IReactorSocket

from dotproxy.server.entrance import Entrance
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.port import Port, adopt
from dotproxy.server.sockets import Sockets


class Listener(Service):
    """Serve clients on sockets that are bound already."""

    def __init__(
        self, sockets: Sockets, factory: ProxyServerFactory, reactor: IReactorSocket
    ) -> None:
        self.address = sockets.address
        self._bound = sockets.udp
        self._reactor = reactor
        self._datagrams = factory.datagram_protocol()
        self._entrance = Entrance(sockets.tcp, factory, reactor)
        self._udp: Port

    @property
    def owes(self) -> bool:
        """Whether somebody waits for a reply, or has not read one to its end."""
        return bool(self._datagrams.waiting or self._udp.busy or self._entrance.clients)

    def startService(self) -> None:
        """Begin to read; Twisted works on copies of the sockets."""
        self._udp = adopt(self._bound, self._datagrams, self._reactor)
        self._entrance.open()
        self._bound.close()
        super().startService()

    def drain(self) -> None:
        """Take no new queries and clients; whoever asked already gets a reply.

        As long as somebody is owed one, `owes` says so.
        """
        self._udp.drain()
        self._entrance.drain()

    def stopService(self) -> Deferred[list[Any]]:
        """Stop listening, and hang up on the clients; fires when that is done."""
        super().stopService()
        self._entrance.turn_out()
        return gatherResults(
            [self._entrance.close(), maybeDeferred(self._udp.stopListening)]
        )
