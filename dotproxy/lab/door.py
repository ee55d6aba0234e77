"""Where the lab listens: a door that is open, shut, or stuck."""

import socket
from enum import Enum
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, DeferredLock, succeed
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import ServerFactory
from twisted.internet.tcp import Port

LOOPBACK = "127.0.0.1"

BACKLOG = 50
"""Connections that the kernel keeps for us to accept; Twisted's own default."""


class State(Enum):
    """How the door is; STUCK: it is there, but SYNs get no answer."""

    OPEN = "open"
    SHUT = "shut"
    STUCK = "stuck"


class Door:
    """Listen on a port of loopback, or not.

    `port` is 0 until it is open for the first time, and stays the same from then on.
    """

    def __init__(self, reactor: IReactorTCP, factory: ServerFactory[Any]) -> None:
        self.port = 0
        self._reactor = reactor
        self._factory = factory
        self._listening: Port | None = None
        self._plug: socket.socket | None = None
        self._plugs: set[int] = set()
        self._lock = DeferredLock()

    def open(self) -> None:
        """Open a door that is shut; CannotListenError if another has the port."""
        if self._listening is not None:
            return
        self._listening = cast(
            Port,
            self._reactor.listenTCP(self.port, self._factory, BACKLOG, LOOPBACK),
        )
        self.port = cast(IPv4Address, self._listening.getHost()).port

    def move(self, state: State) -> Deferred[None]:
        """Bring the door into a state, after all that was asked for before.

        Fires with None once it is so, or fails with CannotListenError.
        """
        return self._lock.run(self._move, state)

    def is_ours(self, address: IPv4Address) -> bool:
        """Tell, once, whether a connection from there is but our plug."""
        ours = address.port in self._plugs
        self._plugs.discard(address.port)
        return ours

    def _move(self, state: State) -> Deferred[None]:
        if state is State.SHUT:
            return self._shut()
        self.open()
        if state is State.STUCK:
            self._jam()
        else:
            self._free()
        return succeed(None)

    def _shut(self) -> Deferred[None]:
        self._pull_plug()
        self._plugs.clear()
        listening, self._listening = self._listening, None
        if listening is None:
            return succeed(None)
        return listening.stopListening() or succeed(None)

    def _jam(self) -> None:
        """Accept nothing, and let the queue of those to be accepted be full.

        Linux answers no SYN then, as if a firewall had dropped it.  A backlog of 0
        has room for one connection, which is ours.
        """
        assert self._listening is not None
        if self._plug is None:
            self._listening.stopReading()
            self._listening.socket.listen(0)
            self._plug = socket.socket()
            self._plug.setblocking(False)
            self._plug.connect_ex((LOOPBACK, self.port))
            self._plugs.add(self._plug.getsockname()[1])

    def _free(self) -> None:
        assert self._listening is not None
        if self._plug is not None:
            self._pull_plug()
            self._listening.socket.listen(BACKLOG)
            self._listening.startReading()

    def _pull_plug(self) -> None:
        if self._plug is not None:
            self._plug.close()
            self._plug = None
