"""Connections for the tests of the gateway: in memory, and closed as TCP is."""

from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from dotproxy.gateway.end import End

CLIENT, REACHED = ("198.51.100.7", 50_000), ("192.0.2.1", 443)


class EndTransport(StringTransport):
    """A StringTransport that hangs up in the next turn, and closes each way alone.

    `room` is how many octets the system takes; the transport keeps what is more until
    it is `emptied`.
    """

    def __init__(self, clock: Clock) -> None:
        host, peer = (IPv4Address("TCP", *place) for place in (REACHED, CLIENT))
        super().__init__(hostAddress=host, peerAddress=peer)
        self.clock = clock
        self.protocol: End
        self.no_delay = self.keep_alive = self.half_closed = False
        self.aborted = self.gone = False
        self.room = 2**20

    def connect(self, end: End) -> End:
        """Be the transport of this end."""
        self.protocol = end
        end.makeConnection(cast(Any, self))
        return end

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.keep_alive = enabled

    def write(self, data: bytes) -> None:
        assert not self.half_closed, "nobody writes once his side is closed"
        if not self.aborted:
            super().write(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        super().registerProducer(producer, streaming)
        if not streaming:
            producer.resumeProducing()

    def writeSomeData(self, data: bytes) -> int:
        taken = data[: self.room]
        self.room -= len(taken)
        self.write(taken)
        return len(taken)

    def emptied(self) -> None:
        """Have room again, and say so to who has the octets."""
        self.room = 2**20
        self.producer.resumeProducing()

    def take(self) -> bytes:
        """Return what was written since the last look."""
        written = self.value()
        self.clear()
        return written

    def loseWriteConnection(self) -> None:
        assert self.producer is None, "a producer would hold it up"
        self.half_closed = True
        self.clock.callLater(0, self._closed)

    def loseConnection(self) -> None:
        assert self.producer is None, "a producer would hold it up"
        super().loseConnection()
        self.clock.callLater(0, self.lose)

    def abortConnection(self) -> None:
        if not self.aborted:
            self.aborted = True
            self.clock.callLater(0, self.lose)

    def lose(self) -> None:
        """Let the connection be gone, if it is not."""
        if not self.gone:
            self.gone = True
            if self.producer is not None:
                self.producer.stopProducing()
                self.unregisterProducer()
            self.protocol.connectionLost()

    def pauseProducing(self) -> None:
        self.producerState = "paused"

    def resumeProducing(self) -> None:
        self.producerState = "producing"

    @property
    def reading(self) -> bool:
        return self.producerState == "producing"

    def _closed(self) -> None:
        if not self.gone:
            self.protocol.writeConnectionLost()


class Notes:
    """A stage that takes notes."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def received(self, end: End, data: bytes) -> None:
        self.said.append(data)

    def finished(self, end: End) -> None:
        self.said.append("finished")

    def closed(self, end: End) -> None:
        self.said.append("closed")

    def lost(self, end: End) -> None:
        self.said.append("lost")


class Line:
    """An end of a connection, and what the peer sees of it."""

    def __init__(self, clock: Clock, end: End | None = None) -> None:
        self.transport = EndTransport(clock)
        self.end = self.transport.connect(end or End())

    def say(self, data: bytes) -> None:
        self.end.dataReceived(data)

    def finish(self) -> None:
        """Close the peer's side."""
        self.end.readConnectionLost()


class Calls:
    """Connections to origins that are made when a test says so."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.made: list[tuple[str, int]] = []
        self.waiting: list[Deferred[End]] = []
        self.cancelled = 0

    def connect(self, address: str, port: int) -> Deferred[End]:
        self.made.append((address, port))
        self.waiting.append(Deferred(self._cancel))
        return self.waiting[-1]

    def take(self) -> Line:
        """Answer the last call."""
        line = Line(self.clock)
        self.waiting[-1].callback(line.end)
        return line

    def _cancel(self, _: object) -> None:
        self.cancelled += 1
