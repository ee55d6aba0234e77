"""Where clients of streams come in: the door, and who came through it."""

import socket
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IProtocolFactory

from dotproxy.server.clients import Client
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.stream_port import StreamPort, adopt_stream


class Entrance:
    """Let clients in from a socket that listens; `front` makes their protocols."""

    def __init__(
        self,
        bound: socket.socket,
        factory: ProxyServerFactory,
        reactor: Any,
        front: IProtocolFactory | None = None,
    ) -> None:
        self._bound = bound
        self._factory = factory
        self._reactor = reactor
        self._front = front
        self._closing: Deferred[Any] | None = None
        self._port: StreamPort

    @property
    def clients(self) -> list[Client]:
        """Who came in here, and is still there."""
        streams = self._factory.streams
        return [each for each in streams if each.transport.server is self._port]

    def open(self) -> None:
        """Let clients in; Twisted works on a copy of the socket."""
        self._port = adopt_stream(
            self._bound, self._factory, self._reactor, self._front
        )
        self._bound.close()

    def drain(self) -> None:
        """Let nobody in any more; who asked already gets a reply."""
        self.close()
        for client in self.clients:
            client.finish()

    def turn_out(self) -> None:
        """Hang up on all."""
        for client in self.clients:
            client.turn_out()

    def close(self) -> Deferred[Any]:
        """Let nobody in any more."""
        if self._closing is None:
            self._closing = maybeDeferred(self._port.stopListening)
        return self._closing
