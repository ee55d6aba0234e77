"""Ports of UDP that open and close without a line in the log: there is one for each
query in clear, and nothing is logged for a query."""

from typing import Any

from twisted.internet.base import BasePort
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorFDSet, IReactorUDP
from twisted.internet.protocol import AbstractDatagramProtocol
from twisted.internet.udp import Port
from twisted.python.failure import Failure
from zope.interface import implementer


def quiet_udp(reactor: Any) -> IReactorUDP:
    """Return what opens quiet ports, or the reactor if it has ports of its own kind."""
    return QuietUDP(reactor) if IReactorFDSet.providedBy(reactor) else reactor


@implementer(IReactorUDP)
class QuietUDP:
    """Listen as the reactor does, and say nothing of it."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def listenUDP(
        self,
        port: int,
        protocol: AbstractDatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
    ) -> Port:
        """Open a port; CannotListenError if there is none."""
        opened = QuietPort(port, protocol, interface, maxPacketSize, self._reactor)
        opened.startListening()
        return opened


class QuietPort(Port):
    """A port that does what Twisted's does, in the same order, but for the log."""

    def _bindSocket(self) -> None:
        bound = self.createInternetSocket()
        try:
            bound.bind((self.interface, self.port))
        except OSError as fault:
            bound.close()
            raise CannotListenError(self.interface, self.port, fault) from fault
        self._realPortNumber = bound.getsockname()[1]
        self.connected = 1
        self.socket = bound
        self.fileno = bound.fileno  # type: ignore[method-assign]

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Give the socket back."""
        self._realPortNumber = None
        self.maxThroughput = -1
        BasePort.connectionLost(self, reason)
        self.protocol.doStop()
        self.socket.close()
        del self.socket
        del self.fileno
        if hasattr(self, "d"):
            self.d.callback(None)
            del self.d
