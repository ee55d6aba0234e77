"""One address on which clients come in."""

from socket import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorSocket
from twisted.logger import Logger

from dotproxy.config.spelling import joined
from dotproxy.gateway.relays import Relays


class Entrance(Service):
    """Let clients in from a socket that is bound, listening and not blocking."""

    log = Logger()

    def __init__(self, bound: socket, factory: Relays, reactor: IReactorSocket) -> None:
        self.place: tuple[str, int] = bound.getsockname()[:2]
        self._bound = bound
        self._factory = factory
        self._reactor = reactor
        self._port: Any = None

    @property
    def address(self) -> str:
        """The address and port in use, as people write them."""
        return joined(*self.place)

    def startService(self) -> None:
        """Begin to accept; Twisted works on a copy of the socket."""
        self._port = self._reactor.adoptStreamPort(
            self._bound.fileno(), self._bound.family, self._factory
        )
        self._bound.close()
        super().startService()
        self.log.info(
            "{does} on {address}", does=self._factory.does, address=self.address
        )

    def stopService(self) -> Deferred[None]:
        """Accept no more; who is there already stays.  Fires when that is done."""
        super().stopService()
        port, self._port = self._port, None
        if port is None:
            self._bound.close()
            return succeed(None)
        closing: Deferred[None] = maybeDeferred(port.stopListening)
        return closing
