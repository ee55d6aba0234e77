"""Clients who ask over HTTP, as the protocol of all streams serves them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import dotproxy.http.frames as h
from dotproxy.http.frames import frame
from dotproxy.server.http_factory import HTTPFactory
from dotproxy.server.limits import Limits
from tests.clients import Held, TcpTransport, query
from tests.http_clients import POST, get_of
from tests.messages import quick
from tests.test_factory import make_factory
from tests.test_h2 import WHOLE, block
from tests.test_request import PATH

LIMITS = Limits(first_query=5, idle=10, under_way=3)

BEGINNING = h.PREFACE + frame(h.SETTINGS, 0, 0)

NO_ROOM = frame(h.SETTINGS, 0, 0, b"\0\4\0\0\0\0")


def asked(stream: int, name: str = "www.lab.example") -> bytes:
    """Return a GET on a stream."""
    return frame(h.HEADERS, WHOLE, stream, block(get_of(query(0, name))))


POSTED = frame(h.HEADERS, h.END_HEADERS, 1, block(POST)) + frame(
    h.DATA, h.END_STREAM, 1, query(0)
)


class HTTPFactoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.upstream = Clock(), Held()
        self.factory = make_factory(self.upstream, self.clock, limits=LIMITS)
        self.connect()

    def connect(self) -> None:
        front = HTTPFactory(self.factory, PATH.decode(), self.clock)
        self.transport = TcpTransport()
        self.protocol = front.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def send(self, octets: bytes) -> None:
        assert self.transport.producerState == "producing"
        self.protocol.dataReceived(octets)

    def replies(self) -> int:
        """Count the streams that ended, in what was said since the last time."""
        said, at, found = self.transport.value(), 0, 0
        self.transport.clear()
        while at < len(said):
            high, low, kind, flags, _ = h.HEADER.unpack_from(said, at)
            found += kind == h.DATA and flags == h.END_STREAM
            at += h.HEADER.size + (high << 16 | low)
        return found

    def settle(self) -> None:
        """Let the upstream answer, and a turn go by."""
        waiting = self.upstream.waiting
        places = [at for at, each in enumerate(waiting) if not each.called]
        self.upstream.answer(*places)
        self.clock.advance(0)

    def test_answers(self) -> None:
        """A query is answered, in whatever pieces it came, by GET or POST."""
        for octets in (asked(1), POSTED):
            self.connect()
            for at in range(len(BEGINNING + octets)):
                self.send((BEGINNING + octets)[at : at + 1])
            self.settle()
            assert self.replies() == 1

    @quick
    @given(st.integers(0, len(BEGINNING + POSTED) - 1))
    def test_stalls(self, cut: int) -> None:
        """Who stops before its first query is whole is hung up on, wherever it does."""
        self.setUp()
        if cut:
            self.send((BEGINNING + POSTED)[:cut])
        self.clock.advance(LIMITS.first_query - 0.1)
        assert not self.transport.disconnecting
        self.clock.advance(0.1)
        assert self.transport.disconnecting

    def test_no_room(self) -> None:
        """Who has no room gets nothing new begun, is read on, and goes on with room."""
        self.send(BEGINNING + NO_ROOM)
        names = {stream: f"n{stream}.lab.example" for stream in range(1, 16, 2)}
        self.send(b"".join(asked(*each) for each in names.items()))
        for _ in range(3):
            self.settle()
        assert len(self.upstream.asked) == LIMITS.under_way
        assert self.replies() == 0
        assert self.factory.streams.unread > 0
        self.send(frame(h.SETTINGS, 0, 0, b"\0\4\0\1\0\0"))
        for _ in range(5):
            self.clock.advance(0)
            self.settle()
        assert self.replies() == 8
        assert self.factory.streams.unread == 0

    def test_never_room(self) -> None:
        """Who never makes room is hung up on."""
        self.send(BEGINNING + NO_ROOM + asked(1))
        self.settle()
        self.clock.advance(LIMITS.idle + 1)
        self.clock.advance(LIMITS.idle + 1)
        assert self.transport.disconnected

    def test_drain(self) -> None:
        """After a farewell replies leave, with the room that is made meanwhile."""
        self.send(BEGINNING + NO_ROOM + asked(1))
        self.protocol.finish()
        room = frame(h.WINDOW_UPDATE, 0, 1, (9999).to_bytes(4, "big"))
        self.send(room[:5])
        self.send(room[5:] + asked(3))
        assert not self.transport.disconnecting
        self.settle()
        assert self.replies() == 1
        assert self.transport.disconnecting

    def test_ahead(self) -> None:
        """A client of HTTP/1.1 is not read while much of it waits."""
        head = b"POST %s HTTP/1.1\r\nHost: x\r\n" % PATH
        head += b"Content-Type: application/dns-message\r\nContent-Length: %d\r\n\r\n"
        posted = head % len(query(0)) + query(0)
        self.send(posted)
        self.send(posted)
        assert self.transport.producerState == "paused"
        self.settle()
        self.settle()
        assert self.transport.value().count(b"200 OK") == 2
        assert self.transport.producerState == "producing"
