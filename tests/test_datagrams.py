"""Datagrams from clients and back, one system call for each."""

import errno
import socket
import struct
from socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPV6_PKTINFO,
    SOCK_DGRAM,
)
from typing import Any, cast
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from dotproxy.server.batch import Batch
from dotproxy.server.datagrams import (
    BATCH,
    LARGEST,
    Client,
    Datagrams,
    by_any_interface,
)
from dotproxy.server.sockets import IP_PKTINFO, ListenError, bind

LOOPBACK = "127.0.0.1"

IP_RECVERR = 11
"""Has the system tell a socket that a datagram was refused (in.h of Linux, ip(7))."""

PATIENCE = 2.0
"""Seconds that a datagram may take over loopback."""


class SocketTests(SynchronousTestCase):
    """What both ways to read and write have in common, on real sockets."""

    def make(self, bound: socket.socket) -> Datagrams | Batch:
        return Datagrams(bound)

    def sender(self, place: int) -> Any:
        """Return the address of who sent the message at this place."""
        return self.server.client(place).address

    def source(self, place: int) -> str:
        """Return the address that the message at this place came from, in words."""
        source = self.server.source(place)
        if isinstance(source, bytes):
            family = AF_INET if len(source) == 4 else AF_INET6
            return socket.inet_ntop(family, source)
        return source

    def nobody(self) -> Client:
        """Return a client to whom nothing can be sent."""
        return Client((LOOPBACK, 0), [])

    def serve(self, host: str = LOOPBACK) -> tuple[str, int]:
        """Bind a socket as the service does, and return where."""
        try:
            sockets = bind(host, 0)
        except ListenError as fault:
            if fault.absent:
                raise SkipTest(f"this machine has no {host}") from None
            raise
        self.addCleanup(sockets.close)
        self.bound = sockets.udp
        self.server = self.make(self.bound)
        where: tuple[str, int] = self.bound.getsockname()[:2]
        return where

    def client(self, where: tuple[str, int], host: str = LOOPBACK) -> socket.socket:
        """Make a client that hears only those it asks: so replies come from there."""
        made = socket.socket(AF_INET6 if ":" in host else AF_INET, SOCK_DGRAM)
        self.addCleanup(made.close)
        made.settimeout(PATIENCE)
        made.bind((host, 0))
        made.connect(where)
        return made

    def received(self, count: int) -> list[bytes]:
        """Read until so many messages have come, all in one batch."""
        self.bound.settimeout(PATIENCE)
        self.bound.recv(1, socket.MSG_PEEK)
        self.bound.setblocking(False)
        messages = self.server.receive()
        assert len(messages) == count
        return messages

    def exchange(self, client: socket.socket) -> None:
        """Let a client ask, and be answered."""
        client.send(b"query")
        assert self.received(1) == [b"query"]
        self.server.reply(0, b"reply")
        self.server.flush()
        assert client.recv(99) == b"reply"

    def test_conversation(self) -> None:
        """A message comes with its sender, who gets the reply."""
        client = self.client(self.serve())
        self.exchange(client)
        assert self.sender(0) == client.getsockname()
        assert self.server.unsent == 0

    def test_answerable(self) -> None:
        """A reply may go to whoever asks, from whatever port."""
        where = self.serve()
        self.client(where).send(b"one")
        with socket.socket(AF_INET, SOCK_DGRAM) as neighbour:
            neighbour.bind(("127.0.0.2", where[1]))
            neighbour.sendto(b"two", where)
        assert len(self.received(2)) == 2
        assert self.server.answerable(0)
        assert self.server.answerable(1)

    def test_source(self) -> None:
        """The address of a sender is known, whichever family it is of."""
        for host in (LOOPBACK, "::1"):
            where = self.serve(host)
            self.client(where, host).send(b"one")
            self.received(1)
            assert self.source(0) == host
            client = self.server.client(0)
            assert self.server.host(client) == self.server.source(0)

    def test_ourselves(self) -> None:
        """None goes to this very socket, however that is named: it is forged."""
        for host, name in ((LOOPBACK, LOOPBACK), ("0.0.0.0", LOOPBACK)):
            _, port = self.serve(host)
            self.bound.sendto(b"query", (name, port))
            self.received(1)
            assert not self.server.answerable(0), host

    def test_ourselves_ipv6(self) -> None:
        """So it is for IPv6."""
        for host in ("::1", "::"):
            _, port = self.serve(host)
            self.bound.sendto(b"query", ("::1", port))
            self.received(1)
            assert not self.server.answerable(0), host
            self.client(("::1", port), "::1").send(b"query")
            self.received(1)
            assert self.server.answerable(0), host

    def test_no_port(self) -> None:
        """Nor to port 0, from where nobody can have asked."""
        _, port = self.serve()
        try:
            raw = socket.socket(AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        except PermissionError:
            raise SkipTest("to forge a port takes the rights of root") from None
        with raw:
            header = struct.pack("!4H", 0, port, 8 + 5, 0)
            raw.sendto(header + b"query", (LOOPBACK, 0))
        assert self.received(1) == [b"query"]
        assert not self.server.answerable(0)

    def test_nothing(self) -> None:
        """Nobody waits where nothing has come."""
        self.serve()
        assert self.server.receive() == []
        self.server.flush()

    def test_batch(self) -> None:
        """So many come at once, in their order; the others with the next."""
        client = self.client(self.serve())
        messages = [b"%d" % number for number in range(BATCH + 9)]
        for message in messages:
            client.send(message)
        first = self.received(BATCH)
        assert first + self.received(9) == messages
        assert self.server.receive() == []

    def test_several(self) -> None:
        """Each client gets its own reply, whoever else asks, now or later."""
        where = self.serve()
        clients = [self.client(where) for _ in range(5)]
        for turn in (b"1", b"2"):
            for number, client in enumerate(clients):
                client.send(b"%d" % number)
            for place, message in enumerate(self.received(5)):
                self.server.reply(place, turn + message)
            self.server.flush()
            replies = [client.recv(99) for client in clients]
            assert replies == [turn + b"%d" % number for number in range(5)]

    def test_some(self) -> None:
        """Who is not answered in this turn gets nothing, and disturbs nobody."""
        where = self.serve()
        clients = [self.client(where) for _ in range(3)]
        for client in clients:
            client.send(b"query")
        self.received(3)
        for place in (2, 1):
            self.server.reply(place, b"reply to %d" % place)
        self.server.flush()
        self.server.flush()
        assert [each.recv(99) for each in clients[1:]] == [b"reply to 1", b"reply to 2"]
        for client in clients:
            client.setblocking(False)
            with self.assertRaises(BlockingIOError):
                client.recv(99)

    def test_later(self) -> None:
        """A reply may come when others have asked meanwhile."""
        where = self.serve()
        early, late = self.client(where), self.client(where)
        early.send(b"early")
        self.received(1)
        sender = self.server.client(0)
        self.exchange(late)
        self.server.send([(b"at last", sender)])
        assert early.recv(99) == b"at last"

    def test_sizes(self) -> None:
        """Messages keep their length: none, some, and all that there is room for."""
        client = self.client(self.serve())
        for size in (0, 1, 512, LARGEST):
            client.send(b"q" * size)
            assert self.received(1) == [b"q" * size]
        client.send(b"q" * (LARGEST + 1))
        assert self.received(1) == [b"q" * LARGEST]
        for size in (0, 1232):
            client.send(b"query")
            self.received(1)
            self.server.reply(0, b"r" * size)
            self.server.flush()
            assert client.recv(9999) == b"r" * size

    def test_ipv6(self) -> None:
        """So it is over IPv6."""
        client = self.client(self.serve("::1"), "::1")
        self.exchange(client)
        assert self.sender(0) == client.getsockname()
        self.server.send([(b"once more", self.server.client(0))])
        assert client.recv(99) == b"once more"

    def test_all_addresses(self) -> None:
        """On a socket for all addresses, the one that was asked replies."""
        port = self.serve("0.0.0.0")[1]
        for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
            client = self.client((host, port))
            self.exchange(client)
            self.server.send([(b"once more", self.server.client(0))])
            assert client.recv(99) == b"once more"
        assert self.server.unsent == 0

    def test_all_ipv6_addresses(self) -> None:
        """So it is over IPv6, where there is one to ask on loopback."""
        port = self.serve("::")[1]
        client = self.client(("::1", port), "::1")
        self.exchange(client)
        self.server.send([(b"once more", self.server.client(0))])
        assert client.recv(99) == b"once more"
        assert self.server.unsent == 0

    def test_refused(self) -> None:
        """Word that an earlier reply was refused hides no message."""
        where = self.serve()
        self.bound.setsockopt(IPPROTO_IP, IP_RECVERR, 1)
        gone = self.client(where)
        gone.send(b"query")
        self.received(1)
        gone.close()
        self.server.send([(b"reply", self.server.client(0))])
        client = self.client(where)
        client.send(b"query")
        come = self.server.receive() + self.server.receive()
        assert come == [b"query"]

    def test_unsent(self) -> None:
        """What the system will not send is counted; others get theirs."""
        client = self.client(self.serve())
        for count in (1, 2):
            self.server.send([(b"reply", self.nobody())])
            assert self.server.unsent == count
        self.exchange(client)
        assert self.server.unsent == 2


class InterfaceTests(SynchronousTestCase):
    """What a system tells of an address, and what it is told for the way back."""

    ADDRESSES = bytes((192, 0, 2, 1, 192, 0, 2, 1))

    def test_ipv4(self) -> None:
        """The interface is left to the routes: the way back may be another."""
        told = [(IPPROTO_IP, IP_PKTINFO, b"\7\0\0\0" + self.ADDRESSES)]
        back = [(IPPROTO_IP, IP_PKTINFO, b"\0\0\0\0" + self.ADDRESSES)]
        assert by_any_interface(told) == back

    def test_ipv6(self) -> None:
        """It is kept where a link-local address means nothing without it."""
        link_local = b"\xfe\x80" + bytes(13) + b"\1" + b"\7\0\0\0"
        told = [(IPPROTO_IPV6, IPV6_PKTINFO, link_local)]
        assert by_any_interface(told) == told

    def test_one_address(self) -> None:
        """Where there is just one address nothing is told."""
        assert by_any_interface([]) == []


class FaultySocket:
    """A socket that gives messages or errors, and refuses some replies."""

    family = AF_INET

    def __init__(self, *script: bytes | OSError) -> None:
        self._script = list(script)
        self.sent: list[tuple[bytes, Any]] = []
        self.fault: OSError | None = None

    def getsockname(self) -> tuple[str, int]:
        return LOOPBACK, 53

    def recvmsg(self, size: int, room: int) -> tuple[bytes, Any, int, Any]:
        if not self._script:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        event = self._script.pop(0)
        if isinstance(event, OSError):
            raise event
        return event[:size], [], 0, event.decode()

    def sendmsg(self, parts: list[bytes], asked: Any, flags: int, client: Any) -> None:
        if self.fault is not None:
            raise self.fault
        self.sent.append((b"".join(parts), client))


FAULTS = (
    OSError(errno.ECONNREFUSED, "Connection refused"),
    OSError(errno.EHOSTUNREACH, "No route to host"),
    OSError(errno.EPERM, "Operation not permitted"),
    OSError(errno.EMSGSIZE, "Message too long"),
    BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
)


class FaultTests(SynchronousTestCase):
    """What a system may answer at any time."""

    def test_receive(self) -> None:
        """An error between two messages ends nothing."""
        for fault in FAULTS[:-1]:
            faulty = FaultySocket(fault, b"one", fault, fault, b"two")
            datagrams = Datagrams(cast(Any, faulty))
            assert datagrams.receive() == [b"one", b"two"]
            assert [datagrams.client(at).address for at in (0, 1)] == ["one", "two"]

    def test_endless(self) -> None:
        """Errors without end are not waited for."""
        script = FAULTS[:1] * (3 * BATCH)
        datagrams = Datagrams(cast(Any, FaultySocket(*script, b"one")))
        turns = [datagrams.receive() for _ in range(4)]
        assert turns == [[], [], [], [b"one"]]

    def test_send(self) -> None:
        """A reply that is refused is counted and dropped; the next goes out."""
        for fault in FAULTS:
            faulty = FaultySocket(b"one", b"two")
            datagrams = Datagrams(cast(Any, faulty))
            datagrams.receive()
            faulty.fault = fault
            datagrams.reply(0, b"reply to one")
            assert datagrams.unsent == 1
            faulty.fault = None
            datagrams.reply(1, b"reply to two")
            datagrams.flush()
            assert faulty.sent == [(b"reply to two", "two")]
            assert datagrams.unsent == 1
