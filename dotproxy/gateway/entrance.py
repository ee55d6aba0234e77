"""One address on which clients are relayed."""

from collections.abc import Sequence
from socket import socket

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorSocket
from twisted.logger import Logger

from dotproxy.config.spelling import joined
from dotproxy.gateway.relays import Relays


class Entrance(Service):
    """Relay the clients of sockets that are bound, listening and not blocking.

    When it stops, relays under way have `drain` seconds to end.
    """

    log = Logger()

    def __init__(
        self,
        sockets: Sequence[socket],
        factory: Relays,
        reactor: IReactorSocket,
        drain: float,
    ) -> None:
        self.addresses = [joined(*bound.getsockname()[:2]) for bound in sockets]
        self.factory = factory
        self._sockets = sockets
        self._reactor = reactor
        self._drain = drain
        self._ports: list[IListeningPort] = []

    def startService(self) -> None:
        """Begin to accept; Twisted works on copies of the sockets."""
        for bound in self._sockets:
            port = self._reactor.adoptStreamPort(
                bound.fileno(), bound.family, self.factory
            )
            self._ports.append(port)
            bound.close()
        super().startService()
        self.log.info("relays TLS on {addresses}", addresses=", ".join(self.addresses))

    def stopService(self) -> Deferred[None]:
        """Accept no more, let relays end; fires when none is left."""
        super().stopService()
        closing = DeferredList(
            [maybeDeferred(port.stopListening) for port in self._ports]
        )
        return closing.addCallback(lambda _: self.factory.drain(self._drain))
