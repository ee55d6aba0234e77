"""What notes become, written down; it is all done in a thread of its own."""

from collections.abc import Callable
from random import random

from dotproxy.journal.lines import Form
from dotproxy.journal.note import Note
from dotproxy.journal.sink import Sink

Tell = Callable[[str], object]
"""Say something in the log of the program; from any thread."""


class Recorder:
    """Write notes, or a share of them, and count those that could not be.

    `tell` hears when trouble begins, and when it is over: not of each line.
    """

    def __init__(self, form: Form, sink: Sink, tell: Tell, share: float = 1.0) -> None:
        self.written = self.lost = 0
        self._form = form
        self._sink = sink
        self._tell = tell
        self._share = share
        self._lost_before = 0
        self._troubled = self._untidy = False

    def read(self, notes: list[Note]) -> None:
        """Write some notes."""
        if self._share < 1:
            notes = [note for note in notes if random() < self._share]
        if not notes:
            return
        octets = b"".join(map(self._form, notes))
        try:
            self._sink.write(octets)
        except OSError as fault:
            self._begin_trouble(fault)
            self.lost += len(notes)
            return
        self.written += len(notes)
        self._end_trouble()
        self._tidy(self._sink.tidy)

    def reopen(self) -> None:
        """Open the file again, as it should be after others have moved it."""
        self._untidy = False
        self._tidy(self._sink.reopen)

    def close(self) -> None:
        """End."""
        self._tidy(self._sink.close)

    def _tidy(self, step: Callable[[], None]) -> None:
        try:
            step()
        except OSError as fault:
            if not self._untidy:
                self._tell(f"the query log stays as it is: {_said(fault)}")
            self._untidy = True

    def _begin_trouble(self, fault: OSError) -> None:
        if not self._troubled:
            self._troubled, self._lost_before = True, self.lost
            self._tell(f"the query log cannot be written, and is lost: {_said(fault)}")

    def _end_trouble(self) -> None:
        if self._troubled:
            self._troubled = False
            lost = self.lost - self._lost_before
            self._tell(f"the query log is written again; {lost} were lost")


def _said(fault: OSError) -> str:
    place = f"{fault.filename}: " if fault.filename else ""
    return place + (fault.strerror or str(fault))
