"""The journal: notes are gathered where replies leave, and handed on many at a time."""

from collections.abc import Callable
from time import time
from typing import Any
from typing import Protocol as TypingProtocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall

from dotproxy.journal.note import Note
from dotproxy.journal.privacy import Privacy

INTERVAL = 0.1
"""Seconds for which notes are gathered: who looks on does not mind."""

FULL = 512
"""Notes that are handed on at once.  A few milliseconds of work for a reader."""


class Reader(TypingProtocol):
    """Somebody who is told of queries."""

    def offer(self, notes: list[Note]) -> None:
        """Take notes, which are others' as well, or lose them; never wait."""

    def stop(self) -> Deferred[None]:
        """Read what was offered, and be gone; fires soon, even if that is stuck."""


class Journal(Service):
    """Gather notes for those who read them, who all heed the same `privacy`.

    `noting` is told when the first reader comes, and when the last one is gone.
    """

    def __init__(
        self, reactor: Any, privacy: Privacy, now: Callable[[], float] = time
    ) -> None:
        self.reactor = reactor
        self.privacy = privacy
        self.now = now
        """The time of the day, in seconds since 1970."""
        self.noting: Callable[[Journal | None], object] = lambda _: None
        self._readers: list[Reader] = []
        self._gathered: list[Note] = []
        self._timer: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._readers)

    def add(self, note: Note) -> None:
        """Take a note; it is handed on soon."""
        gathered = self._gathered
        gathered.append(note)
        if self._timer is None:
            self._timer = self.reactor.callLater(INTERVAL, self._hand_on)
        elif len(gathered) >= FULL:
            self.flush()

    def flush(self) -> None:
        """Hand on what was gathered."""
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            for reader in tuple(self._readers):
                reader.offer(gathered)

    def _hand_on(self) -> None:
        self._timer = None
        self.flush()

    def enter(self, reader: Reader) -> None:
        """Tell a reader of all that is noted from now on."""
        self.flush()
        self._readers.append(reader)
        if len(self._readers) == 1:
            self.noting(self)

    def leave(self, reader: Reader) -> None:
        """Hand on what there is, and tell a reader nothing more."""
        self.flush()
        if reader in self._readers:
            self._readers.remove(reader)
            if not self._readers:
                self.noting(None)
                self._stop()

    def stopService(self) -> Deferred[list[None]]:
        """Let all readers go; fires when they are gone."""
        super().stopService()
        readers = tuple(self._readers)
        for reader in readers:
            self.leave(reader)
        return gatherResults([reader.stop() for reader in readers])

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
