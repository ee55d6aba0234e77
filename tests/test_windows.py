"""What may be sent to a client of HTTP/2, and what waits."""

from unittest import TestCase

from dotproxy.http.frames import (
    DATA,
    END_STREAM,
    LARGEST,
    LARGEST_WINDOW,
    BrokenError,
    Error,
    frame,
)
from dotproxy.http.windows import DEFAULT, Windows


def last(stream: int, body: bytes) -> bytes:
    return frame(DATA, END_STREAM, stream, body)


class WindowsTests(TestCase):
    def setUp(self) -> None:
        self.windows = Windows()

    def enter(self, *streams: int) -> None:
        for stream in streams:
            self.windows.enter(stream)

    def fails(self, expected: Error, stream: int, more: int) -> None:
        with self.assertRaises(BrokenError) as caught:
            self.windows.widen(stream, more)
        assert caught.exception.error == expected

    def test_room(self) -> None:
        """What there is room for leaves at once, in one frame."""
        self.enter(1)
        assert self.windows.send(1, b"x" * LARGEST) == last(1, b"x" * LARGEST)
        assert not self.windows.waiting

    def test_frames(self) -> None:
        """More than a frame holds leaves in several."""
        self.enter(1)
        sent = self.windows.send(1, b"x" * LARGEST + b"y")
        assert sent == frame(DATA, 0, 1, b"x" * LARGEST) + last(1, b"y")

    def test_stream(self) -> None:
        """A stream without room waits, and no other with it."""
        assert self.windows.begin_with(3) == b""
        self.enter(1, 3)
        assert self.windows.send(1, b"12345") == frame(DATA, 0, 1, b"123")
        assert self.windows.send(3, b"abc") == last(3, b"abc")
        assert self.windows.widen(1, 1) == frame(DATA, 0, 1, b"4")
        assert self.windows.widen(1, 9) == last(1, b"5")
        assert not self.windows.waiting

    def test_connection(self) -> None:
        """All of them together have as much as the connection."""
        self.enter(1, 3, 5)
        self.windows.send(1, bytes(DEFAULT))
        assert self.windows.send(3, b"ab") == b""
        assert self.windows.send(5, b"cd") == b""
        assert self.windows.widen(0, 3) == last(3, b"ab") + frame(DATA, 0, 5, b"c")
        assert self.windows.widen(0, 3) == last(5, b"d")

    def test_before(self) -> None:
        """Room may be made for a response that has not begun."""
        self.windows.begin_with(0)
        self.enter(1)
        assert self.windows.widen(1, 2) == b""
        assert self.windows.send(1, b"ab") == last(1, b"ab")

    def test_other_beginnings(self) -> None:
        """What streams begin with changes those that are open, and may go below 0."""
        self.enter(1, 3)
        self.windows.begin_with(4)
        self.windows.send(1, b"123456")
        assert self.windows.begin_with(1) == b""
        assert self.windows.begin_with(5) == frame(DATA, 0, 1, b"5")
        assert self.windows.send(3, b"abcde") == last(3, b"abcde")

    def test_left(self) -> None:
        """A stream that is taken back waits no more; whether it did, is said."""
        self.windows.begin_with(0)
        self.enter(1, 3)
        self.windows.send(1, b"x")
        assert self.windows.leave(1)
        assert self.windows.leave(3)
        assert not self.windows.leave(5)
        assert self.windows.begin_with(9) == b""

    def test_faults(self) -> None:
        """Room for nothing, and room without an end, are faults."""
        self.enter(1)
        self.fails(Error.PROTOCOL_ERROR, 0, 0)
        self.fails(Error.FLOW_CONTROL_ERROR, 0, LARGEST_WINDOW)
        self.fails(Error.FLOW_CONTROL_ERROR, 1, LARGEST_WINDOW)
        with self.assertRaises(BrokenError):
            self.windows.begin_with(LARGEST_WINDOW + 1)
