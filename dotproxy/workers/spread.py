"""What a worker learned, on its way to the others."""

from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from dotproxy.local.snapshot import dump

PAUSE = 0.05
"""Seconds that answers are gathered for, so that many go in one message."""

ROOM = 256 * 1024
"""Octets of answers that wait.  With PAUSE that is some 5 MB a second, more than one
process learns."""


class Noted(NamedTuple):
    """An entry of the cache, and when it was learned."""

    entry: bytes
    at: float


class Spread:
    """Gather what was learned, and send it now and then; no more is under way than one
    message, and beside it no more waits than there is ROOM for.

    `send` is given a snapshot and how many answers were dropped; it fires when the
    other side has it.
    """

    def __init__(
        self, send: Callable[[bytes, int], Deferred[Any]], clock: IReactorTime
    ) -> None:
        self._send = send
        self._clock = clock
        self._noted: dict[bytes, Noted] = {}
        self._octets = self._dropped = 0
        self._under_way = False

    def note(self, key: bytes, entry: bytes) -> None:
        """Take what was learned, or drop it where there is no room."""
        size = len(key) + len(entry)
        if self._octets + size > ROOM:
            self._dropped += 1
            return
        self._octets += size
        self._noted[key] = Noted(entry, self._clock.seconds())
        if not self._under_way:
            self._under_way = True
            self._clock.callLater(PAUSE, self._go)

    def forget(self) -> None:
        """Drop what has not been sent: it holds no longer."""
        self._noted.clear()
        self._octets = 0

    def _go(self) -> None:
        now = self._clock.seconds()
        snapshot = dump(
            (int(now - at), key, entry) for key, (entry, at) in self._noted.items()
        )
        dropped, self._dropped = self._dropped, 0
        self.forget()
        self._send(snapshot, dropped).addCallbacks(self._sent, self._gone)

    def _sent(self, _: object) -> None:
        self._under_way = bool(self._noted or self._dropped)
        if self._under_way:
            self._clock.callLater(PAUSE, self._go)

    def _gone(self, failure: Failure) -> None:
        """Send nothing any more: the other side is gone, and so are we soon."""
