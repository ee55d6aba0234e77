"""DNS over UDP, towards the clients (RFC 1035 section 4.2.1)."""

from typing import TYPE_CHECKING

from twisted.internet.error import MessageLengthError
from twisted.names.dns import DNSDatagramProtocol

if TYPE_CHECKING:
    from dotproxy.server.factory import ProxyServerFactory

Address = tuple[str, int]


class DatagramProtocol(DNSDatagramProtocol):
    """Answer each datagram, whenever its answer comes."""

    noisy = False
    controller: "ProxyServerFactory"
    unsent = 0
    """Replies that the system refused to send."""

    def datagramReceived(self, data: bytes, addr: Address) -> None:
        """Answer at once if that can be, and else when the answer is there."""
        reply = self.controller.respond(data, datagram=True)
        if isinstance(reply, bytes):
            self._send(reply, addr)
        elif reply is not None:
            reply.addCallback(self._send, addr)

    def _send(self, reply: bytes, addr: Address) -> None:
        """Send, unless the port was closed meanwhile.

        One client to whom nothing can be sent (a firewall, a route that went away)
        is no reason to stop for the others; it will ask again.
        """
        if self.transport is None:
            return
        try:
            self.transport.write(reply, addr)
        except (OSError, MessageLengthError):
            self.unsent += 1
