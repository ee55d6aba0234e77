"""DNS over UDP, towards the clients (RFC 1035 section 4.2.1)."""

from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.names.dns import DNSDatagramProtocol

from dotproxy.local.ready import Ready
from dotproxy.server.datagrams import Client
from dotproxy.server.port import Port
from dotproxy.server.responder import Responder


class DatagramProtocol(DNSDatagramProtocol):
    """Answer each datagram, whenever its answer comes.

    What is `ready` the port sends by itself; see `Port`.
    """

    noisy = False
    controller: Responder
    transport: Port

    def __init__(
        self, controller: Responder, ready: Ready, clock: IReactorTime
    ) -> None:
        super().__init__(controller, clock)
        self.ready = ready

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        """Answer the `Client` at once if that can be, or when the answer is there."""
        reply = self.controller.respond(data, datagram=True)
        if isinstance(reply, bytes):
            self.transport.send(reply, addr)
        elif reply is not None:
            reply.addCallback(self._send_late, addr)

    def _send_late(self, reply: bytes, client: Client) -> None:
        """Send, unless the port was closed meanwhile."""
        if self.transport is not None:
            self.transport.send(reply, client)
