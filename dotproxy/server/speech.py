"""How clients of streams speak: DNS alone, or over HTTP."""

from collections import deque
from collections.abc import Callable
from typing import Protocol as TypingProtocol

from dotproxy.http.request import Refusal
from dotproxy.http.senders import NOBODY, Senders
from dotproxy.wire.framing import Frames, frame


class Speech(TypingProtocol):
    """One client's way of speaking: octets in, wishes out, and replies back."""

    wishes: deque[tuple[bytes, int]]
    """Queries to answer, and by which number, in the order in which they came."""
    over: bool
    """Whether no more will come: the client is done, or cannot be understood."""

    full: bool
    """Whether no more should be read until there is an answer."""

    senders: Senders
    """What requests say of who sent them."""

    @property
    def held(self) -> int:
        """Octets of replies that wait for the client to make room."""

    def feed(self, octets: bytes) -> None:
        """Read what came."""

    def say(self, number: int, reply: bytes) -> None:
        """Answer a query; it may be wanted no more."""

    def refuse(self, number: int, refusal: Refusal) -> None:
        """Say why there is no answer."""

    def thin_out(self) -> None:
        """Refuse all wishes but the first: there are too many."""

    def farewell(self) -> None:
        """Say that nothing will be answered but what came so far."""

    def take(self) -> bytes:
        """Return what is to be sent."""


Begin = Callable[[bytes, bytes | None], Speech | None]
"""Return how a client speaks, by its first octets and the protocol agreed upon.

It is given these as they come; None if more are needed, which it will remember.
"""


class Plain:
    """Speak DNS alone, each message behind its length (RFC 1035 section 4.2.2).

    Who is refused hears nothing, and no more can be understood: there is no telling
    where the next query would begin.
    """

    held, full = 0, False
    senders = NOBODY

    def __init__(self) -> None:
        self.wishes: deque[tuple[bytes, int]] = deque()
        self.over = False
        self._frames = Frames()
        self._unsent: list[bytes] = []

    def feed(self, octets: bytes) -> None:
        """Read what came, unless no more can be understood, or is taken."""
        if not self.over:
            for message in self._frames.feed(octets):
                self.wishes.append((message, 0))

    def say(self, number: int, reply: bytes) -> None:
        """Answer a query."""
        self._unsent.append(frame(reply))

    def refuse(self, number: int, refusal: Refusal) -> None:
        """Understand no more."""
        self.over = True
        self.wishes.clear()

    def thin_out(self) -> None:
        """Let all wait."""

    def farewell(self) -> None:
        """Say nothing: the end of the stream tells."""
        self.over = True

    def take(self) -> bytes:
        """Return what is to be sent."""
        unsent = b"".join(self._unsent)
        self._unsent.clear()
        return unsent
