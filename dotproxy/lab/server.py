"""The lab's server: DNS over TLS on loopback (RFC 7858), good or bad as it is told.

1. A client connects and shakes hands; ALPN is `dot` if it offers any.
2. Its connection has the faults in force, or those that are for so many connections.
3. Whenever the faults change, the door and all connections change with them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IAddress, IProtocol, IReactorTCP, IReactorTime
from twisted.internet.protocol import ServerFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from dotproxy.lab import zone
from dotproxy.lab.certificates import Authority, Issued, Leaf
from dotproxy.lab.connection import Answer, Counts, LabConnection
from dotproxy.lab.door import LOOPBACK, Door, State
from dotproxy.lab.faults import Fault, first
from dotproxy.lab.server_tls import ServerTLS

SERVER_NAME = "dns.lab.example"

AUTHORITY_NAME = "dotproxy lab authority"


@dataclass(frozen=True)
class Lab:
    """A server, and what a client must know to trust it."""

    server: "LabServer"
    server_name: str
    ca_pem: bytes


def create_lab(reactor: IReactorTime, now: datetime) -> Lab:
    """Make a server for `lab.example` with a certificate that is good for a day.

    Its authority is made afresh and forgotten, so nobody can sign with it later.
    """
    authority = Authority.create(AUTHORITY_NAME, now)
    issued = authority.issue(Leaf(names=(SERVER_NAME,), addresses=(LOOPBACK,)))
    return Lab(LabServer(reactor, issued), SERVER_NAME, authority.pem)


class LabServer(Service):
    """Listen on loopback while running, and put every query to `answer`.

    `reactor` provides IReactorTCP as well.  `port` is 0 until the first start, if
    none is given.  A later start takes the same port again, so the server can go away
    and come back.  `counts` has what came and what was answered since it was made.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        issued: Issued,
        answer: Answer = zone.answer,
        idle_timeout: float = zone.IDLE_TIMEOUT,
    ) -> None:
        self.counts = Counts()
        self.faults: tuple[Fault, ...] = ()
        self._since = 0
        self._clock = reactor
        self._answer = answer
        self._idle_timeout = idle_timeout
        self._door = Door(IReactorTCP(reactor), Reception(self))
        self._tls = TLSMemoryBIOFactory(ServerTLS(issued), False, ServerFactory())
        self._connections: dict[LabConnection, int] = {}

    @property
    def port(self) -> int:
        """The port of loopback that is listened on, or will be."""
        return self._door.port

    @port.setter
    def port(self, port: int) -> None:
        self._door.port = port

    def open(self) -> None:
        """Listen, before the start if need be; CannotListenError if that cannot be."""
        self._door.open()

    def startService(self) -> None:
        """Listen; CannotListenError if the port of an earlier start is taken."""
        self.open()
        Service.startService(self)
        self._settle()

    def stopService(self) -> Deferred[None]:
        """Stop listening and drop the connections; fires when all are gone."""
        Service.stopService(self)
        gone = [connection.drop() for connection in tuple(self._connections)]
        gone.append(self._settle())
        return gatherResults(gone).addCallback(lambda _: None)

    def set_faults(self, faults: Iterable[Fault] = ()) -> Deferred[None]:
        """Have these faults and no others, on connections that are open as well.

        What was swallowed stays so, and a connection that has ended is over.  The first
        connections, where only some are to have a fault, are counted from now on.
        Fires when the door is as it must be, at the latest in the next turn of the
        reactor; all else has changed at once.  CannotListenError if another took the
        port while nothing listened.
        """
        self.faults = tuple(faults)
        self._since = self.counts.connections
        for connection, number in tuple(self._connections.items()):
            connection.set_faults(self._faults_of(number))
        return self._settle()

    def accept(self, address: IAddress | None) -> IProtocol | None:
        """Return what is to talk with a new client, or None to hang up at once."""
        if self._door.is_ours(cast(IPv4Address, address)):
            return None
        self.counts.connections += 1
        connection = self._connect(self.counts.connections)
        if any(first(connection.faults, it) for it in ("plaintext", "stall-handshake")):
            return connection
        return TLSMemoryBIOProtocol(self._tls, connection)

    def _connect(self, number: int) -> LabConnection:
        connection = LabConnection(
            self._clock, self._answer, self._idle_timeout, self.counts
        )
        connection.set_faults(self._faults_of(number))
        self._connections[connection] = number
        connection.lost.addCallback(lambda _: self._connections.pop(connection))
        return connection

    def _faults_of(self, number: int) -> tuple[Fault, ...]:
        """Return the faults that the connection of that number has."""
        place = number - self._since
        return tuple(
            fault
            for fault in self.faults
            if fault.connections is None or 0 < place <= fault.connections
        )

    def _settle(self) -> Deferred[None]:
        """Have the door as it must be."""
        if not self.running or first(self.faults, "refuse"):
            return self._door.move(State.SHUT)
        stuck = first(self.faults, "drop-syn")
        return self._door.move(State.STUCK if stuck else State.OPEN)


class Reception(ServerFactory[Any]):
    """What Twisted asks for a protocol: it asks the server."""

    noisy = False

    def __init__(self, server: LabServer) -> None:
        self._server = server

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return self._server.accept(addr)
