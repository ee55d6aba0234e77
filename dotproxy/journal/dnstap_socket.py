"""A UNIX socket where somebody reads dnstap, as fstrm_capture and dnstap do."""

import socket
from collections.abc import Callable
from contextlib import suppress

from dotproxy.journal.frame_stream import (
    ACCEPT,
    FINISH,
    READY,
    START,
    STOP,
    control_frame,
    control_size,
    control_type,
)
from dotproxy.wire.message import FormatError

PATIENCE = 2.0
"""Seconds that a reader may take to read, or to say a word."""

FAREWELL = 0.5
"""Seconds that it may take at the end."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until it is tried again, after one failure and after many."""


class DnstapSocket:
    """Connect when there is something to write, and again when that was lost.

    Until the next attempt is due all that is written is lost, at once.
    """

    def __init__(self, path: str, seconds: Callable[[], float]) -> None:
        self._path = path
        self._seconds = seconds
        self._stream: socket.socket | None = None
        self._pause = FIRST_PAUSE
        self._due = float("-inf")

    def write(self, octets: bytes) -> None:
        """Write all; see `Sink`."""
        if self._stream is None:
            self._connect()
        assert self._stream is not None
        try:
            self._stream.sendall(octets)
        except OSError:
            # It may have got a part of it.
            self._lose()
            raise

    def tidy(self) -> None:
        """Do nothing: others keep it."""

    def reopen(self) -> None:
        """Try again at once."""
        self._due = float("-inf")

    def close(self) -> None:
        """Say goodbye, and wait for a word, not for long."""
        if self._stream is None:
            return
        with suppress(OSError, FormatError):
            self._stream.settimeout(FAREWELL)
            self._stream.sendall(control_frame(STOP))
            _hear(self._stream, FINISH)
        self._stream.close()
        self._stream = None

    def _connect(self) -> None:
        if self._seconds() < self._due:
            raise OSError(f"nobody reads at {self._path}")
        made = socket.socket(socket.AF_UNIX)
        try:
            made.settimeout(PATIENCE)
            made.connect(self._path)
            made.sendall(control_frame(READY))
            _hear(made, ACCEPT)
            made.sendall(control_frame(START))
        except (OSError, FormatError) as fault:
            made.close()
            self._postpone()
            raise OSError(f"nobody reads at {self._path}: {fault}") from None
        self._stream, self._pause = made, FIRST_PAUSE

    def _lose(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self._postpone()

    def _postpone(self) -> None:
        self._due = self._seconds() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)


def _hear(stream: socket.socket, wanted: int) -> None:
    """Wait for a control frame; FormatError if it is another."""
    size = control_size(_exactly(stream, 8))
    if control_type(_exactly(stream, size)) != wanted:
        raise FormatError("it said something else")


def _exactly(stream: socket.socket, size: int) -> bytes:
    heard = b""
    while len(heard) < size:
        more = stream.recv(size - len(heard))
        if not more:
            break
        heard += more
    return heard
