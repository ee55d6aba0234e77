"""Clients for the tests of the server, and upstreams that do as they are told."""

import os
from collections.abc import Callable, Sequence
from socket import SO_RCVBUF, SOL_SOCKET
from tempfile import mkstemp

import dns.message
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from dotproxy.lab import zone
from dotproxy.upstream.interface import IUpstream, UpstreamError
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.framing import Frames, frame
from dotproxy.wire.query import Query, outgoing

Address = tuple[str, int]

BROKEN_PEM = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
"""What looks like a certificate and is none."""

SMALL_BUFFER = 2**15
"""Octets to ask of the system where a full buffer is the point; it gives some more."""


def query(number: int, name: str = "www.lab.example", rdtype: str = "A") -> bytes:
    """Return a query under the ID `number`, without EDNS."""
    return dns.message.make_query(name, rdtype, id=number).to_wire()


def numbers(messages: Sequence[bytes]) -> list[int]:
    """Return the IDs of some messages."""
    return [int.from_bytes(message[:2], "big") for message in messages]


def rcode(message: bytes) -> int:
    """Return the RCODE of a message, as far as its header says."""
    return message[3] & 0x0F


def answer_to(wish: Query, size: int = 0) -> Answer:
    """Return an answer with one record of an unknown type and of so many octets."""
    head = b"\0\0\x81\x80\0\1\0\1\0\0\0\0"
    record = b"\xc0\x0c\xff\0\0\1\0\0\0\0" + size.to_bytes(2, "big") + bytes(size)
    return parse_answer(head + wish.question + record)


def file_of(content: bytes, at_end: Callable[..., object]) -> str:
    """Write a file that is gone at the end; a test gives its addCleanup."""
    handle, path = mkstemp(".pem")
    at_end(os.unlink, path)
    with open(handle, "wb") as file:
        file.write(content)
    return path


@implementer(IUpstream)
class Held:
    """An upstream that keeps what it is asked until a test answers it."""

    def __init__(self) -> None:
        self.asked: list[Query] = []
        self.waiting: list[Deferred[Answer]] = []

    @property
    def numbers(self) -> list[int]:
        """The IDs that the clients gave their queries, in the order they came here."""
        return numbers([each.wire for each in self.asked])

    def exchange(self, query: Query) -> Deferred[Answer]:
        self.asked.append(query)
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def answer(self, *places: int, size: int = 0) -> None:
        """Answer the queries at these places in the order they came here."""
        for place in places:
            self.waiting[place].callback(answer_to(self.asked[place], size))


@implementer(IUpstream)
class Zone:
    """An upstream that knows the lab's zone and answers at once."""

    def exchange(self, query: Query) -> Deferred[Answer]:
        reply = zone.answer(outgoing(query, 0, 0))
        assert reply is not None
        return succeed(parse_answer(reply.wire))


@implementer(IUpstream)
class Dark:
    """An upstream that fails at once."""

    def exchange(self, query: Query) -> Deferred[Answer]:
        return fail(UpstreamError("the network is down"))


class TcpTransport(StringTransport):
    """A StringTransport with what TCP has besides."""

    no_delay = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def take(self) -> list[bytes]:
        """Return the messages written since the last look; all must be whole."""
        frames = Frames()
        messages = frames.feed(self.value())
        assert not frames.pending
        self.clear()
        return messages


class TcpClient(Protocol):
    """Send queries over TCP and keep the replies.

    `gone` fires when the connection is over, with whether that was done politely.
    """

    transport: Connection

    def __init__(self) -> None:
        self.replies: list[bytes] = []
        self.gone: Deferred[bool] = Deferred()
        self._frames = Frames()
        self._hopes: list[tuple[int, Deferred[list[bytes]]]] = []

    def connectionMade(self) -> None:
        self.transport.getHandle().setsockopt(SOL_SOCKET, SO_RCVBUF, SMALL_BUFFER)

    def dataReceived(self, data: bytes) -> None:
        self.replies += self._frames.feed(data)
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone.callback(reason.check(ConnectionDone) is not None)

    def ask(self, *queries: bytes) -> None:
        """Send queries on end."""
        self.transport.write(b"".join(map(frame, queries)))

    def told(self, count: int) -> Deferred[list[bytes]]:
        """Fire with all replies once there are so many."""
        hope: Deferred[list[bytes]] = Deferred()
        self._hopes.append((count, hope))
        self._look()
        return hope

    def _look(self) -> None:
        come = [each for each in self._hopes if each[0] <= len(self.replies)]
        self._hopes = [each for each in self._hopes if each not in come]
        for _, hope in come:
            hope.callback(self.replies)


class UdpClient(DatagramProtocol):
    """Send queries in datagrams."""

    transport: IUDPTransport

    def __init__(self) -> None:
        self._hope: Deferred[bytes] = Deferred()

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        hope, self._hope = self._hope, Deferred()
        hope.callback(datagram)

    def ask(self, wish: bytes, server: Address) -> Deferred[bytes]:
        """Send a query, and fire with the next datagram that comes."""
        self.transport.write(wish, server)
        return self._hope
