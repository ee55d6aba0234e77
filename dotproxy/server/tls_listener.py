"""One address that is served over TLS (RFC 7858)."""

import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from dotproxy.config.spelling import TLS, joined
from dotproxy.server.encryption import Encryption
from dotproxy.server.entrance import Entrance
from dotproxy.server.factory import ProxyServerFactory


class TLSListener(Service):
    """Serve clients on a socket that listens already; a `Listener` without UDP."""

    def __init__(
        self,
        bound: socket.socket,
        factory: ProxyServerFactory,
        reactor: Any,
        encryption: Encryption,
    ) -> None:
        self.host, self.port = bound.getsockname()[:2]
        self.address = TLS + joined(self.host, self.port)
        self._entrance = Entrance(bound, factory, reactor, encryption)

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
