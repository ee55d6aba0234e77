"""One address where streams alone are served: DNS over TLS (RFC 7858), over HTTPS (RFC
8484), or over HTTP behind somebody who has the certificate."""

import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory

from dotproxy.config.model import Listen
from dotproxy.local.designation import Way
from dotproxy.server.encryption import DOT, Encryption, Greeter
from dotproxy.server.entrance import Entrance
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.stream_port import over_tls


class StreamListener(Service):
    """Serve clients on a socket that listens already; a `Listener` without UDP.

    `way` is how clients speak there, encrypted; None where they do not.
    """

    def __init__(
        self,
        opened: socket.socket,
        listen: Listen,
        factory: ProxyServerFactory,
        encryption: Encryption,
        reactor: Any,
    ) -> None:
        self.host, self.port = opened.getsockname()[:2]
        bound = Listen(self.host, self.port, listen.encrypted, listen.path)
        self.address = str(bound)
        front: IProtocolFactory = factory
        protocols: tuple[bytes, ...] = DOT
        if listen.path:
            # What speaks HTTP is not imported where nobody does.
            from dotproxy.server.http_factory import PROTOCOLS, HTTPFactory

            front = HTTPFactory(factory, listen.path, reactor)
            protocols = PROTOCOLS
        self.way: Way | None = None
        if listen.encrypted:
            self.way = Way(protocols, listen.path)
            front = over_tls(front, Greeter(encryption, protocols), reactor)
        self._entrance = Entrance(opened, factory, reactor, front)

    @property
    def owes(self) -> bool:
        """Whether somebody waits for a reply, or has not read one to its end."""
        return bool(self._entrance.clients)

    def startService(self) -> None:
        """Begin to let clients in."""
        self._entrance.open()
        super().startService()

    def drain(self) -> None:
        """Take no new queries and clients; whoever asked already gets a reply."""
        self._entrance.drain()

    def stopService(self) -> Deferred[Any]:
        """Stop listening, and hang up on the clients; fires when that is done."""
        super().stopService()
        self._entrance.turn_out()
        return self._entrance.close()
