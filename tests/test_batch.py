"""Datagrams a batch at a time: all that holds for single ones, and what may fail."""

import ctypes
import errno
import socket
import sys
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from dotproxy.server import batch
from dotproxy.server.batch import NAME, REPLY, Batch, can_batch
from dotproxy.server.datagrams import BATCH, Client
from tests import test_datagrams

SYSTEM_CALLS = batch._system_calls


class BatchTests(test_datagrams.SocketTests):
    """The same as for single ones, and what becomes of a batch that is refused."""

    def make(self, bound: socket.socket) -> Batch:
        if not can_batch(bound):
            raise SkipTest("this system has no recvmmsg, or another layout")
        return Batch(bound)

    def sender(self, place: int) -> Any:
        """Read the address as the system wrote it (ip(7), ipv6(7))."""
        octets: bytes = self.server.client(place).address
        port = int.from_bytes(octets[2:4], "big")
        if self.bound.family == socket.AF_INET:
            return socket.inet_ntop(socket.AF_INET, octets[4:8]), port
        return socket.inet_ntop(socket.AF_INET6, octets[8:24]), port, 0, 0

    def nobody(self) -> Client:
        family = int(socket.AF_INET).to_bytes(2, sys.byteorder)
        loopback = bytes((127, 0, 0, 1))
        return Client(family + bytes(2) + loopback + bytes(NAME - 8), b"")

    def test_many_late(self) -> None:
        """Late replies go to their askers, however many there are."""
        where = self.serve()
        clients = [self.client(where) for _ in range(BATCH + 3)]
        late = []
        for number, client in enumerate(clients):
            client.send(b"query")
            assert self.received(1) == [b"query"]
            late.append((b"reply %d" % number, self.server.client(0)))
        self.server.send(late)
        for number, client in enumerate(clients):
            assert client.recv(99) == b"reply %d" % number

    def refuse(self, *places: int) -> None:
        """Let the system refuse the replies at these places of five."""
        receive, send = SYSTEM_CALLS()

        def send_some(fd: int, headers: int, count: int, flags: int) -> int:
            place = 5 - count
            sendable = [at for at in range(place, 5) if at not in places]
            run = [at for n, at in enumerate(sendable) if at == place + n]
            return send(fd, headers, len(run), flags) if run else -1

        self.patch(batch, "_system_calls", lambda: (receive, send_some))

    def test_refusals(self) -> None:
        """A reply that is refused is counted, wherever it stands; the others go out."""
        for places in ((), (0,), (2,), (4,), (0, 1), (1, 3), (3, 4), (0, 1, 2, 3, 4)):
            self.refuse(*places)
            assert self.answered() == [place not in places for place in range(5)]
            assert self.server.unsent == len(places)

    def test_long(self) -> None:
        """A reply for which there is no room is not sent, and spoils no other."""
        where = self.serve()
        clients = [self.client(where) for _ in range(3)]
        for client in clients:
            client.send(b"query")
        replies = [b"a" * REPLY, b"b" * (REPLY + 1), b"c" * REPLY]
        for place, _ in enumerate(self.received(3)):
            self.server.reply(place, replies[place])
        self.server.flush()
        assert clients[0].recv(4096) == replies[0]
        assert clients[2].recv(4096) == replies[2]
        assert not self.has_reply(clients[1])
        assert self.server.unsent == 1

    def test_interface(self) -> None:
        """A reply leaves by any interface; only the address it comes from is told."""
        told: list[bytes] = []
        receive, send = SYSTEM_CALLS()

        def look(fd: int, headers: int, count: int, flags: int) -> int:
            _, _, _, _, control, size, *_ = batch._HEADER.unpack(
                ctypes.string_at(headers, batch._HEADER.size)
            )
            told.append(ctypes.string_at(control, size)[batch._CONTROL.size :])
            return send(fd, headers, count, flags)

        self.patch(batch, "_system_calls", lambda: (receive, look))
        port = self.serve("0.0.0.0")[1]
        self.exchange(self.client(("127.0.0.2", port)))
        ((interface, source),) = ((octets[:4], octets[4:8]) for octets in told)
        assert (interface, source) == (bytes(4), bytes((127, 0, 0, 2)))

    def answered(self) -> list[bool]:
        """Have five clients ask at once; return which of them get a reply."""
        where = self.serve()
        clients = [self.client(where) for _ in range(5)]
        for client in clients:
            client.send(b"query")
        for place, _ in enumerate(self.received(5)):
            self.server.reply(place, b"reply")
        self.server.flush()
        return [self.has_reply(client) for client in clients]

    def has_reply(self, client: socket.socket) -> bool:
        client.setblocking(False)
        try:
            return client.recv(99) == b"reply"
        except BlockingIOError:
            return False


class SystemTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)

    def test_elsewhere(self) -> None:
        """Where the system is another, nobody tries."""
        self.patch(sys, "platform", "darwin")
        assert not can_batch(self.socket)

    def test_narrow(self) -> None:
        """So it is where pointers are short, and structures laid out otherwise."""
        self.patch(ctypes, "sizeof", lambda _: 4)
        assert not can_batch(self.socket)

    def test_no_calls(self) -> None:
        """And where the library does not know the calls."""
        self.patch(ctypes, "CDLL", lambda *_, **__: object())
        assert not can_batch(self.socket)

    def test_forbidden(self) -> None:
        """And where they are forbidden, as a filter of system calls may do."""

        def forbidden(*_: object) -> int:
            ctypes.set_errno(errno.EPERM)
            return -1

        self.patch(batch, "_system_calls", lambda: (forbidden, forbidden))
        assert not can_batch(self.socket)

    def test_allowed(self) -> None:
        """Where they are allowed, nothing comes of the trial, not even an error."""
        if sys.platform == "linux":
            assert can_batch(self.socket)
