"""DNS over UDP, towards the clients (RFC 1035 section 4.2.1)."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.names.dns import DNSDatagramProtocol

from dotproxy.journal.journal import Journal
from dotproxy.journal.note import UDP
from dotproxy.local.gate import Gate
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
        self.waiting = 0
        """Queries whose replies are not there yet."""

    @property
    def gate(self) -> Gate | None:
        """Who lets queries in, as it is now."""
        return self.controller.gate

    @property
    def journal(self) -> Journal | None:
        """Where replies are noted, if they are."""
        return self.controller.journal

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        """Answer at once if that can be, and else when the answer is there.

        `addr` is the place of the message in the batch that the port reads.
        """
        datagrams = self.transport.datagrams
        source = datagrams.source(addr) if self.controller.wants_clients else None
        reply = self.controller.respond(data, UDP, source)
        if isinstance(reply, bytes):
            datagrams.reply(addr, reply)
        elif reply is not None:
            self._wait(reply, datagrams.client(addr))

    def known(self, message: bytes) -> bytes | None:
        """Return the reply if it is in the cache, and ask nobody."""
        return self.controller.known(message)

    def answer_late(self, message: bytes, client: Client) -> None:
        """Answer a query that had to wait, and is in no batch any more."""
        wanted = self.controller.wants_clients
        source = self.transport.datagrams.host(client) if wanted else None
        reply = self.controller.respond(message, UDP, source)
        if isinstance(reply, bytes):
            self._send(reply, client)
        elif reply is not None:
            self._wait(reply, client)

    def _wait(self, replying: Deferred[bytes], client: Client) -> None:
        self.waiting += 1
        replying.addCallback(self._answered, client)

    def _answered(self, reply: bytes, client: Client) -> None:
        self.waiting -= 1
        self._send(reply, client)

    def _send(self, reply: bytes, client: Client) -> None:
        """Send, unless the port was closed meanwhile."""
        if self.transport is not None:
            self.transport.send(reply, client)
