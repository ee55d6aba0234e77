"""Flow control of HTTP/2: what may be sent, and what waits (RFC 9113 section 5.2)."""

from collections import deque
from dataclasses import dataclass

from dotproxy.http.frames import (
    DATA,
    END_STREAM,
    LARGEST,
    LARGEST_WINDOW,
    BrokenError,
    Error,
    frame,
)

DEFAULT = 65_535
"""Octets that a client takes before it says anything (RFC 9113 section 6.9.2)."""


@dataclass(slots=True)
class Waiting:
    """The rest of a body, which the client has no room for yet."""

    stream: int
    window: int
    rest: bytes


class Windows:
    """Send the bodies of responses, as far as the client has room.

    `open` are the streams whose response has not begun: how much they may take.
    """

    __slots__ = ("_connection", "_initial", "open", "waiting")

    def __init__(self) -> None:
        self.open: dict[int, int] = {}
        self.waiting: deque[Waiting] = deque()
        self._initial = self._connection = DEFAULT

    def enter(self, stream: int) -> None:
        """Let a stream begin."""
        self.open[stream] = self._initial

    @property
    def held(self) -> int:
        """Octets that wait."""
        return sum(len(each.rest) for each in self.waiting) if self.waiting else 0

    def leave(self, stream: int) -> bool:
        """Forget a stream; whether it was one that is owed something."""
        if self.open.pop(stream, None) is not None:
            return True
        before = len(self.waiting)
        self.waiting = deque(each for each in self.waiting if each.stream != stream)
        return len(self.waiting) < before

    def send(self, stream: int, body: bytes) -> bytes:
        """Return the frames of a body that may leave now; the rest waits."""
        window = self.open.pop(stream)
        size = len(body)
        if not self.waiting and size <= min(window, self._connection, LARGEST):
            self._connection -= size
            return frame(DATA, END_STREAM, stream, body)
        self.waiting.append(Waiting(stream, window, body))
        return self._go_on()

    def widen(self, stream: int, more: int) -> bytes:
        """Make room, in a stream, or for all if that is 0; return what leaves now.

        Raises BrokenError.
        """
        if not more:
            raise BrokenError(Error.PROTOCOL_ERROR, "room for nothing")
        if not stream:
            self._connection = _widened(self._connection, more)
        elif stream in self.open:
            self.open[stream] = _widened(self.open[stream], more)
        for each in self.waiting:
            if each.stream == stream:
                each.window = _widened(each.window, more)
        return self._go_on()

    def begin_with(self, initial: int) -> bytes:
        """Give streams this room, those that are open too; return what leaves now."""
        more, self._initial = initial - self._initial, initial
        for stream, window in self.open.items():
            self.open[stream] = _widened(window, more)
        for each in self.waiting:
            each.window = _widened(each.window, more)
        return self._go_on()

    def _go_on(self) -> bytes:
        """Send what there is room for, in the order in which it began to wait."""
        sent = []
        for each in self.waiting:
            while each.rest and (size := self._room(each)) > 0:
                self._connection -= size
                each.window -= size
                part, each.rest = each.rest[:size], each.rest[size:]
                sent.append(
                    frame(DATA, 0 if each.rest else END_STREAM, each.stream, part)
                )
        self.waiting = deque(each for each in self.waiting if each.rest)
        return b"".join(sent)

    def _room(self, waiting: Waiting) -> int:
        return min(waiting.window, self._connection, LARGEST, len(waiting.rest))


def _widened(window: int, more: int) -> int:
    if window + more > LARGEST_WINDOW:
        raise BrokenError(Error.FLOW_CONTROL_ERROR, "a window without an end")
    return window + more
