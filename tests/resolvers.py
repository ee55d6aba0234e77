"""Plain resolvers for the tests: ports that exist in memory only, a real one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import dns.message
import dns.rcode
import dns.rrset
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IConnector, IReactorUDP, ISystemHandle
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.clients import TcpTransport

SERVER = "dns.example"

V4 = f"{SERVER}. 300 A 192.0.2.1"
V6 = f"{SERVER}. 300 AAAA 2001:db8::1"


def reply(query: bytes, *records: str, rcode: int = 0) -> bytes:
    """Reply to a query with those records that are of its type, and all aliases.

    A record is written "owner TTL type data".
    """
    asked = dns.message.from_wire(query)
    answer = dns.message.make_response(asked, recursion_available=True)
    answer.set_rcode(dns.rcode.Rcode(rcode))
    for record in records:
        owner, ttl, kind, rdata = record.split(maxsplit=3)
        if kind in ("CNAME", asked.question[0].rdtype.name):
            rrset = dns.rrset.from_text(owner, int(ttl), "IN", kind, rdata)
            answer.find_rrset(
                answer.answer, rrset.name, rrset.rdclass, rrset.rdtype, create=True
            ).update(rrset)
    return answer.to_wire(want_shuffle=False)


@implementer(IReactorUDP)
class Network(Clock):
    """A reactor whose datagrams go nowhere until the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Port] = []
        self.fault: OSError | None = None
        self._tcp = MemoryReactor()

    @property
    def open(self) -> list["Port"]:
        """The ports that are not closed, in the order they were made."""
        return [port for port in self.made if port.open]

    @property
    def dialled(self) -> list["Dialled"]:
        """The connections that were tried over TCP, in their order."""
        return [Dialled(*client[:3]) for client in self._tcp.tcpClients]

    @property
    def given_up(self) -> int:
        """Count the connections that nobody wanted before they came about."""
        return sum(each.stoppedConnecting for each in self._tcp.connectors)

    def connectTCP(self, *arguments: Any, **words: Any) -> IConnector:
        return self._tcp.connectTCP(*arguments, **words)

    def listenUDP(
        self,
        port: int,
        protocol: DatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
    ) -> "Port":
        assert port == 0, "the system picks the port"
        made = Port(protocol, interface, self.fault)
        self.made.append(made)
        protocol.makeConnection(made)
        return made


@implementer(ISystemHandle)
class Port:
    """A port of `Network`: what left from it, and what comes to it."""

    def __init__(
        self, protocol: DatagramProtocol, interface: str, fault: OSError | None
    ) -> None:
        self.interface = interface
        self.open = True
        self.sent = b""
        self.resolver = ("", 0)
        self._protocol = protocol
        self._fault = fault
        self._error = 0

    def receive(self, datagram: bytes, sender: tuple[str, int] | None = None) -> None:
        """Bring a datagram, from the resolver if no one else is named."""
        self._protocol.datagramReceived(datagram, sender or self.resolver)

    def answer(self, *records: str, rcode: int = 0) -> None:
        """Bring the resolver's reply to what was sent."""
        self.receive(reply(self.sent, *records, rcode=rcode))

    def refuse(self) -> None:
        """Bring word that nobody listens there, as most reactors do."""
        self._protocol.connectionRefused()

    def lose(self, error: int) -> None:
        """Close the port for an error of the network, as epoll's reactor does."""
        self.open = False
        self._error = error
        self._protocol.doStop()

    # What the code under test calls.

    def connect(self, host: str, port: int) -> None:
        if self._fault:
            raise self._fault
        self.resolver = host, port

    def write(self, packet: bytes, addr: tuple[str, int] | None) -> None:
        assert addr is None, "a connected port has one place to write to"
        self.sent = packet

    def stopListening(self) -> None:
        assert self.open, "a port is closed once"
        self.open = False
        self._protocol.doStop()

    def getHandle(self) -> "Port":
        return self

    def getsockopt(self, level: int, option: int) -> int:
        return self._error


class Dialled(NamedTuple):
    """A connection that was tried: where to, and by whom."""

    host: str
    port: int
    factory: Any

    def take(self) -> "TcpTransport":
        """Connect; return the server's end."""
        transport = TcpTransport()
        transport.protocol = self.factory.buildProtocol(None)
        transport.protocol.makeConnection(transport)
        return transport

    def refuse(self) -> None:
        """Bring word that nobody listens there."""
        self.factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))


class Resolver(DatagramProtocol):
    """A resolver on loopback; `replies` makes of a query what is sent back."""

    noisy = False

    def __init__(self, replies: Callable[[bytes], list[bytes]]) -> None:
        self.asked: list[bytes] = []
        self.senders: list[tuple[str, int]] = []
        self._replies = replies

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.asked.append(datagram)
        self.senders.append(addr)
        for each in self._replies(datagram):
            assert self.transport is not None
            self.transport.write(each, addr)
