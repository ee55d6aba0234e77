"""The TCP port that clients reach.

Twisted's own lets in whoever stands at the door, in one turn, and the more come the
more it takes at once; and where the system has no descriptor left, it says so in the
log each time, for as long as somebody waits.
"""

import errno
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.internet.tcp import Port as TwistedPort
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from dotproxy.server.balancers import Balancers
from dotproxy.server.clients import Clients
from dotproxy.server.encryption import Greeter
from dotproxy.server.factory import ProxyServerFactory

ACCEPTS = 16
"""Clients let in during one turn of the reactor, before others get theirs."""

PAUSE = 0.1
"""Seconds until the next try, where the system has nothing to make a socket of."""

EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class StreamPort(TwistedPort):
    """Let clients in, a few in each turn."""

    log = Logger()

    factory: Any
    """Makes the protocols, with TLS in front or without."""
    streams: Clients
    clock: IReactorTime
    exhausted = 0
    """Times that the system had no descriptor or memory for a client."""

    def doRead(self) -> None:
        """Let in who waits; make room first where the system has none."""
        for _ in range(ACCEPTS):
            try:
                accepted, address = self.socket.accept()
            except BlockingIOError:
                return
            except OSError as fault:
                if fault.errno in EXHAUSTED:
                    self._wait_for_room(fault)
                    return
                # This one is gone already, or a firewall keeps it out.
                continue
            self._let_in(accepted, address)

    def _let_in(self, accepted: socket.socket, address: Any) -> None:
        """Give a client its protocol; a bug in that is not the end of the others."""
        try:
            protocol = self.factory.buildProtocol(self._buildAddr(address))
            self.sessionno += 1
            transport = self.transport(
                accepted, protocol, address, self, self.sessionno, self.reactor
            )
            protocol.makeConnection(transport)
        except Exception:
            accepted.close()
            self.log.failure("a client could not be let in")

    def _wait_for_room(self, fault: OSError) -> None:
        """Turn somebody out, and look again soon: not at once, and for ever."""
        if not self.exhausted:
            self.log.warn(
                "no room for another TCP client ({reason}): allow more open files,"
                " or lower max_tcp",
                reason=fault.strerror,
            )
        self.exhausted += 1
        self.streams.make_room()
        self.stopReading()
        self.clock.callLater(PAUSE, self._look_again)

    def _look_again(self) -> None:
        if self.connected and not self.disconnecting:
            self.startReading()


def adopt_stream(
    bound: socket.socket,
    factory: ProxyServerFactory,
    reactor: Any,
    front: IProtocolFactory | None = None,
) -> StreamPort:
    """Let clients in from a socket that listens; it is copied, as Twisted does.

    `front` makes their protocols, if it is not the factory itself.
    """
    make: Callable[..., StreamPort] = StreamPort._fromListeningDescriptor
    through = Balancers(front or factory, factory, reactor)
    port = make(reactor, bound.fileno(), bound.family, through)
    port.streams = factory.streams
    port.clock = reactor
    port.startListening()
    return port


def over_tls(
    factory: IProtocolFactory, greeter: Greeter, clock: IReactorTime
) -> TLSMemoryBIOFactory:
    """Put TLS between clients and the protocols that a factory makes.

    Twisted's usual transport would gather replies until the next turn; here what is
    written is gathered already.
    """
    made = TLSMemoryBIOFactory(greeter, False, factory, clock)
    made.protocol = TLSMemoryBIOProtocol
    return made
