"""A connection of HTTP/2, as its server: octets in, queries and octets out (RFC 9113).

What a client may make us keep or do is bounded: streams at once, octets of a header and
of a body, the frames of which a header consists, and frames that ask for nothing.  Who
goes beyond is told so, and is over (RFC 9113 section 10.5).
"""

from collections import deque
from dataclasses import dataclass

import dotproxy.http.frames as h
from dotproxy.http.blocks import Blocks, MalformedError, create_decoder, skim
from dotproxy.http.bodies import WINDOW, Bodies
from dotproxy.http.credit import RESET, Credit
from dotproxy.http.frames import BrokenError, Error, frame, reset, suits
from dotproxy.http.incoming import Incoming
from dotproxy.http.request import TOO_LARGE, TOO_MANY, UNREADABLE, Refusal, Request
from dotproxy.http.responses import Heads, refusal_block, refusal_body
from dotproxy.http.senders import NOBODY, Senders
from dotproxy.http.settings import (
    INITIAL_WINDOW,
    LONGEST_BLOCK,
    STREAMS,
    greeting,
    read_settings,
)
from dotproxy.http.windows import Windows


@dataclass(slots=True)
class Open:
    """A header whose frames are still to come."""

    stream: int
    flags: int
    block: bytearray


class HTTP2:
    """One client; see `Speech` for what is called from outside.

    `wishes` are the queries to answer, each with the number of its stream.
    """

    full = False

    def __init__(self, blocks: Blocks, heads: Heads, senders: Senders = NOBODY) -> None:
        self.wishes: deque[tuple[bytes, int]] = deque()
        self.over = self._broken = False
        self._blocks, self._heads, self.senders = blocks, heads, senders
        self._decoder = create_decoder()
        self._windows = Windows()
        self._unsent = [greeting()]
        self._incoming = Incoming()
        self._last = 0
        self._header: Open | None = None
        self._bodies = Bodies()
        self._credit = Credit()
        self._taken = 0

    # What is called from outside.

    def feed(self, octets: bytes) -> None:
        """Read what came; there may be wishes then, and something to send."""
        if self._broken:
            return
        try:
            for kind, flags, stream, payload in self._incoming.feed(octets):
                self._frame(kind, flags, stream, payload)
        except BrokenError as fault:
            self._broken = True
            self.wishes.clear()
            # Nobody hears an answer any more, whoever waits for room.
            self._windows = Windows()
            self._end(fault.error, str(fault))

    def say(self, stream: int, reply: bytes) -> None:
        """Answer a query; if the client has taken it back, do nothing."""
        if stream in self._windows.open:
            self._credit.earn()
            self._respond(stream, self._heads.of(reply), reply)

    def refuse(self, stream: int, refusal: Refusal) -> None:
        """Say why there is no answer."""
        if stream in self._windows.open:
            self._respond(stream, refusal_block(refusal), refusal_body(refusal))

    def thin_out(self) -> None:
        """Refuse all wishes but the first: the client asks too much."""
        while len(self.wishes) > 1:
            _, stream = self.wishes.pop()
            self.refuse(stream, TOO_MANY)

    def farewell(self) -> None:
        """Say that no more queries will be answered than those that came.

        One of which but a part came may be asked of another.
        """
        if self.over:
            return
        for stream in self._bodies.forget_all():
            self._windows.leave(stream)
            self._unsent.append(reset(stream, Error.REFUSED_STREAM))
        self._end(Error.NO_ERROR, "")

    def take(self) -> bytes:
        """Return what is to be sent."""
        unsent = b"".join(self._unsent)
        self._unsent.clear()
        return unsent

    @property
    def held(self) -> int:
        """Octets of replies that the client has no room for."""
        return self._windows.held

    # Frames in.

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._header and (kind, stream) != (h.CONTINUATION, self._header.stream):
            raise BrokenError(Error.PROTOCOL_ERROR, "a header breaks off")
        if kind == h.HEADERS:
            self._headers(flags, stream, payload)
        elif kind == h.DATA:
            self._data(flags, stream, payload)
        elif kind == h.CONTINUATION:
            self._continuation(flags, payload)
        else:
            self._credit.spend(1)
            self._control(kind, flags, stream, payload)

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        block = h.content(flags, payload)
        if flags & h.WITH_PRIORITY:
            if len(block) < 5:
                raise BrokenError(Error.FRAME_SIZE_ERROR, "no room for a priority")
            block = block[5:]
        if not stream & 1:
            raise BrokenError(Error.PROTOCOL_ERROR, "a client's streams are odd")
        if flags & h.END_HEADERS:
            self._whole(stream, flags, block)
        else:
            self._header = Open(stream, flags, bytearray(block))

    def _continuation(self, flags: int, payload: bytes) -> None:
        header = self._header
        if header is None:
            raise BrokenError(Error.PROTOCOL_ERROR, "nothing to continue")
        self._credit.spend(RESET)
        header.block += payload
        if len(header.block) > LONGEST_BLOCK:
            raise BrokenError(Error.ENHANCE_YOUR_CALM, "a header without an end")
        if flags & h.END_HEADERS:
            self._header = None
            self._whole(header.stream, header.flags, bytes(header.block))

    def _whole(self, stream: int, flags: int, block: bytes) -> None:
        """Read a header: that of a request, or what follows a body."""
        if stream <= self._last:
            self._trailer(stream, flags, block)
            return
        self._last = stream
        try:
            request = self._blocks.read(block, self._decoder)
        except MalformedError:
            self._reset(stream, Error.PROTOCOL_ERROR)
            return
        if len(self._windows.open) + len(self._windows.waiting) >= STREAMS:
            self._reset(stream, Error.REFUSED_STREAM)
            return
        if self.over:
            return
        self._windows.enter(stream)
        self.senders.add(stream, request.forwarded, self._windows.open)
        if flags & h.END_STREAM:
            self._asked(stream, request, b"")
        else:
            self._bodies.expect(stream, request)

    def _trailer(self, stream: int, flags: int, block: bytes) -> None:
        if not self._bodies.awaits(stream):
            raise BrokenError(Error.STREAM_CLOSED, "a stream begins anew")
        skim(block, self._decoder)
        self._credit.spend(RESET)
        if not flags & h.END_STREAM:
            raise BrokenError(Error.PROTOCOL_ERROR, "a trailer that does not end")
        self._ended(stream)

    def _data(self, flags: int, stream: int, payload: bytes) -> None:
        if stream > self._last or not stream & 1:
            raise BrokenError(Error.PROTOCOL_ERROR, "a body without a head")
        part = h.content(flags, payload)
        self._make_room(len(payload))
        if not part:
            self._credit.spend(1)
        if not self._bodies.awaits(stream):
            # It was on its way when the stream ended.
            self._credit.spend(1)
        elif not self._bodies.add(stream, part, len(payload)):
            self._cut_off(stream)
        elif flags & h.END_STREAM:
            self._ended(stream)

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Read a frame that is about streams, or the connection.

        Others say nothing; nor does a GOAWAY: who asks no more hangs up.
        """
        if not suits(kind, stream, self._last):
            raise BrokenError(Error.PROTOCOL_ERROR, "a frame for no such stream")
        if kind == h.WINDOW_UPDATE:
            self._unsent.append(self._windows.widen(stream, h.number(payload)))
        elif kind == h.SETTINGS:
            self._settings(flags, payload)
        elif kind == h.PING:
            if len(payload) != 8:
                raise BrokenError(Error.FRAME_SIZE_ERROR, "a ping has eight octets")
            if not flags & h.ACK:
                self._unsent.append(frame(h.PING, h.ACK, 0, payload))
        elif kind == h.RST_STREAM:
            self._taken_back(stream, payload)
        elif kind == h.PUSH_PROMISE:
            raise BrokenError(Error.PROTOCOL_ERROR, "clients promise nothing")

    def _settings(self, flags: int, payload: bytes) -> None:
        if flags & h.ACK:
            if payload:
                raise BrokenError(Error.FRAME_SIZE_ERROR, "nothing to agree with")
            self._decoder.max_allowed_table_size = 0
            return
        initial = read_settings(payload).get(INITIAL_WINDOW)
        if initial is not None:
            self._unsent.append(self._windows.begin_with(initial))
        self._unsent.append(frame(h.SETTINGS, h.ACK, 0))

    def _taken_back(self, stream: int, payload: bytes) -> None:
        h.number(payload)
        self._bodies.forget(stream)
        if self._windows.leave(stream):
            self._credit.spend(RESET)
            self.wishes = deque(each for each in self.wishes if each[1] != stream)

    # Requests and responses.

    def _ended(self, stream: int) -> None:
        self._asked(stream, *self._bodies.end(stream))

    def _asked(self, stream: int, request: Request, body: bytes) -> None:
        message, refusal, length, _ = request
        if length is not None and length != len(body) and refusal is None:
            self._windows.leave(stream)
            self._reset(stream, Error.PROTOCOL_ERROR)
            return
        if refusal is None and message is None and not body:
            refusal = UNREADABLE
        if refusal is not None:
            self._credit.spend(1)
            self.refuse(stream, refusal)
        else:
            self.wishes.append((message or body, stream))

    def _respond(self, stream: int, block: bytes, body: bytes) -> None:
        if not body:
            self._windows.leave(stream)
            self._unsent.append(
                frame(h.HEADERS, h.END_HEADERS | h.END_STREAM, stream, block)
            )
            return
        self._unsent.append(frame(h.HEADERS, h.END_HEADERS, stream, block))
        self._unsent.append(self._windows.send(stream, body))

    def _cut_off(self, stream: int) -> None:
        """Refuse a request before its end: the rest is not needed (section 8.1)."""
        self._credit.spend(RESET)
        request, _ = self._bodies.end(stream)
        self.refuse(stream, request.refusal or TOO_LARGE)
        self._windows.leave(stream)
        self._unsent.append(reset(stream, Error.NO_ERROR))

    def _reset(self, stream: int, error: Error) -> None:
        self._credit.spend(RESET)
        self._unsent.append(reset(stream, error))

    def _make_room(self, taken: int) -> None:
        """Give back what bodies took of the connection, some of it at a time."""
        self._taken += taken
        if self._taken > WINDOW // 2:
            more = self._taken.to_bytes(4, "big")
            self._unsent.append(frame(h.WINDOW_UPDATE, 0, 0, more))
            self._taken = 0

    def _end(self, error: Error, why: str) -> None:
        self.over = True
        said = self._last.to_bytes(4, "big") + error.to_bytes(4, "big") + why.encode()
        self._unsent.append(frame(h.GOAWAY, 0, 0, said))
