"""The TCP port that clients reach."""

import errno
import socket
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.server.limits import Limits
from dotproxy.server.sockets import bind
from dotproxy.server.stream_port import ACCEPTS, PAUSE, adopt_stream
from tests.clients import Held
from tests.test_factory import make_factory

LOOPBACK = "127.0.0.1"


class Door:
    """A listening socket before which some events wait: faults, or real clients."""

    def __init__(self, real: socket.socket, *faults: int) -> None:
        self._real = real
        self.faults = list(faults)

    def accept(self) -> tuple[socket.socket, Any]:
        if self.faults:
            raise OSError(self.faults.pop(0), "no room")
        return self._real.accept()


class StreamPortTests(SynchronousTestCase):
    def setUp(self) -> None:
        sockets = bind(LOOPBACK, 0)
        self.where = sockets.tcp.getsockname()
        self.addCleanup(sockets.close)
        self.reactor = MemoryReactorClock()
        self.factory = make_factory(Held(), Clock(), limits=Limits(in_all=50))
        self.port = adopt_stream(sockets.tcp, self.factory, self.reactor)
        self.addCleanup(self.port.socket.close)
        self.real = self.port.socket

    def tearDown(self) -> None:
        self.port.socket = self.real
        for client in list(self.factory.streams):
            client.turn_out()
        self.reactor.advance(1)

    def come(self, count: int) -> None:
        for _ in range(count):
            self.addCleanup(socket.create_connection(self.where, 5).close)

    def fault(self, *faults: int) -> None:
        self.port.socket = Door(self.real, *faults)

    def reads(self) -> bool:
        return self.port in self.reactor.getReaders()

    def test_a_few(self) -> None:
        """So many are let in during one turn, the others in the next."""
        self.come(ACCEPTS + 3)
        self.port.doRead()
        assert len(self.factory.streams) == ACCEPTS
        self.port.doRead()
        assert len(self.factory.streams) == ACCEPTS + 3
        self.port.doRead()
        assert len(self.factory.streams) == ACCEPTS + 3

    def test_gone(self) -> None:
        """One that is gone already, or kept out, does not hold up the others."""
        self.come(2)
        self.fault(errno.ECONNABORTED, errno.EPERM)
        self.port.doRead()
        assert len(self.factory.streams) == 2
        assert self.reads()

    def test_exhausted(self) -> None:
        """Without descriptors or memory somebody goes, and there is a pause."""
        self.come(3)
        for times, fault in enumerate(
            (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS), 1
        ):
            self.fault(fault)
            self.port.doRead()
            assert not self.reads()
            assert self.port.exhausted == times
            self.reactor.advance(PAUSE)
            assert self.reads()
        assert self.factory.streams.turned_out == 0
        self.fault()
        self.port.doRead()
        assert len(self.factory.streams) == 3
        self.fault(errno.EMFILE)
        self.port.doRead()
        assert len(self.factory.streams) == 2

    def test_stopped(self) -> None:
        """After the end, the pause is not followed by anything."""
        self.fault(errno.EMFILE)
        self.port.doRead()
        self.port.connected = False
        self.reactor.advance(PAUSE)
        assert not self.reads()

    def test_fault(self) -> None:
        """A bug is logged, the client let go, and the next one let in."""
        self.come(2)
        faults = [ZeroDivisionError("of all things")]
        make = self.factory.buildProtocol

        def build(address: Any) -> Any:
            if faults:
                raise faults.pop()
            return make(address)

        self.patch(self.factory, "buildProtocol", build)
        self.port.doRead()
        assert len(self.factory.streams) == 1
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
