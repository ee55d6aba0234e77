"""Load balancers before us, which say who the client is: the PROXY protocol.

A connection from one of their networks begins with a header, before TLS and all else;
from any other network nothing is taken for one.  What is decided by address (who may
ask, how often, with how many connections, and who stands in the query log) is decided
once it is known, so the client's protocol is made only then.  Twisted's own wrapper
makes it before; it also hangs up on a header that comes in two parts, and bounds
neither its time nor its size.
"""

from typing import TYPE_CHECKING

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from dotproxy.journal.note import TCP, Transport
from dotproxy.server.clients import is_from, own_network
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.wire.message import FormatError
from dotproxy.wire.proxy_header import Header, Place, read_proxy_header

if TYPE_CHECKING:
    from twisted.internet.tcp import Server


@implementer(IProtocolFactory)
class Balancers:
    """Make the protocols of `front`: for balancers, once their header has come.

    `factory` knows the networks of the moment, and has the list of all clients.
    """

    noisy = False
    log = Logger()

    def __init__(
        self, front: IProtocolFactory, factory: ProxyServerFactory, clock: IReactorTime
    ) -> None:
        self.front = front
        self.streams = factory.streams
        self.clock = clock
        self._factory = factory
        self._faults = 0

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        """Make the protocol for one connection."""
        if is_from(addr, self._factory.terms.balancers):
            return Announcement(self, addr)
        return self.front.buildProtocol(addr)

    def complain(self, addr: IAddress, port: int, fault: FormatError) -> None:
        """Say the first time that there was no header: nobody else would."""
        if not self._faults:
            self.log.warn(
                "a load balancer of [clients] proxy_protocol did not begin with its"
                " header at port {port}, {address}: {fault}; such connections are"
                " closed",
                address=getattr(addr, "host", ""),
                port=port,
                fault=fault,
            )
        self._faults += 1

    def doStart(self) -> None:
        """Begin with an address."""
        self.front.doStart()

    def doStop(self) -> None:
        """Be done with it."""
        self.front.doStop()


class Announcement(Protocol):
    """Wait for the header of one connection, then let the client's protocol take over.

    Meanwhile it is one of the clients, by itself: a balancer speaks for many.
    """

    transport: "Server"
    proto: Transport = TCP

    def __init__(self, through: Balancers, addr: IAddress) -> None:
        self.network: str | bytes = own_network(addr)
        self._through = through
        self._addr = addr
        self._octets = b""
        self._timer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Wait no longer than for a first query."""
        through = self._through
        through.streams.enter(self)
        patience = through.streams.limits.first_query
        self._timer = through.clock.callLater(patience, self.turn_out)

    def dataReceived(self, data: bytes) -> None:
        """Read the header, and hang up if it is none."""
        self._octets += data
        try:
            header = read_proxy_header(self._octets)
        except FormatError as fault:
            self._through.complain(self._addr, self.transport.getHost().port, fault)
            self.turn_out()
            return
        if header is not None:
            self._give_way(header)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Be gone before there was a header."""
        self._leave()

    def finish(self) -> None:
        """Hang up: nothing has been asked."""
        self.transport.loseConnection()

    def turn_out(self) -> None:
        """Hang up at once."""
        self.transport.abortConnection()

    def _give_way(self, header: Header) -> None:
        """Let another protocol have the connection, as STARTTLS does in Twisted."""
        self._leave()
        address = self._addr if header.client is None else _address(header.client)
        protocol = self._through.front.buildProtocol(address)
        assert protocol is not None, "all are let in, if only to be refused"
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        rest = self._octets[header.size :]
        if rest:
            protocol.dataReceived(rest)

    def _leave(self) -> None:
        self._through.streams.leave(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


def _address(client: Place) -> IAddress:
    kind = IPv6Address if ":" in client[0] else IPv4Address
    return kind("TCP", *client)
