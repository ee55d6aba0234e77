"""A file to which is written: put aside when it is long, opened again when told to."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

OWNER_ONLY = 0o600

STDOUT = 1
"""The descriptor of what stands for no file."""

AT_ONCE = 4096
"""Octets that Linux writes to a pipe in one piece (PIPE_BUF): others may write there,
too."""


class Shelf(NamedTuple):
    """How much a file may have, in octets, and how many that have it are kept.

    With a size of 0 it may have any.
    """

    size: int = 0
    keep: int = 0


class Frame(NamedTuple):
    """What stands at the beginning of each file, and at its end."""

    begin: bytes = b""
    end: bytes = b""


NO_FRAME = Frame()


class LogFile:
    """A file, open from the beginning; raises OSError if it cannot be.

    Where the path is "" it is stdout.  Only a plain file is put aside; a pipe must have
    a reader.
    """

    def __init__(self, path: str, shelf: Shelf, frame: Frame = NO_FRAME) -> None:
        self._path = path
        self._shelf = shelf
        self._frame = frame
        self._file = self._open()

    def write(self, octets: bytes) -> None:
        """Write all, or nothing; see `Sink`."""
        before = os.fstat(self._file)
        if not stat.S_ISREG(before.st_mode):
            for piece in pieces(octets):
                _write(self._file, piece)
            return
        try:
            _write(self._file, octets)
        except OSError:
            # Half a line would spoil the next one.
            os.ftruncate(self._file, before.st_size)
            raise

    def tidy(self) -> None:
        """Put the file aside if it is too long, and begin another."""
        if 0 < self._shelf.size < self._length():
            self._end()
            try:
                self._put_aside()
            finally:
                self._file = self._replaced()

    def reopen(self) -> None:
        """Open the path again, at which by now there may be another file, or none."""
        self._end()
        self._file = self._replaced()

    def close(self) -> None:
        """Write the end, and close."""
        try:
            self._end()
        finally:
            os.close(self._file)

    def _length(self) -> int:
        found = os.fstat(self._file)
        return found.st_size if stat.S_ISREG(found.st_mode) else 0

    def _end(self) -> None:
        if self._frame.end:
            self.write(self._frame.end)

    def _open(self) -> int:
        if not self._path:
            opened = os.dup(STDOUT)
        else:
            if self._frame.begin and _has_content(self._path):
                # Another beginning has no place in the middle.
                self._put_aside()
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            # Without this a pipe that nobody reads would hold up the start.
            opened = os.open(self._path, flags | os.O_NONBLOCK, OWNER_ONLY)
            os.set_blocking(opened, True)
        try:
            _write(opened, self._frame.begin)
        except OSError:
            os.close(opened)
            raise
        return opened

    def _replaced(self) -> int:
        """Return the path, opened again, and close what was open before."""
        opened = self._open()
        os.close(self._file)
        return opened

    def _put_aside(self) -> None:
        """Give each file that is kept the next number, from 1 up."""
        for number in range(self._shelf.keep - 1, 0, -1):
            with suppress(FileNotFoundError):
                os.replace(f"{self._path}.{number}", f"{self._path}.{number + 1}")
        if self._shelf.keep:
            os.replace(self._path, f"{self._path}.1")
        else:
            os.unlink(self._path)


def pieces(octets: bytes) -> Iterator[bytes]:
    """Return what may be written at once, each of whole lines, unless one is longer."""
    begin = 0
    while len(octets) - begin > AT_ONCE:
        end = octets.rfind(b"\n", begin, begin + AT_ONCE) + 1 or begin + AT_ONCE
        yield octets[begin:end]
        begin = end
    yield octets[begin:]


def _write(file: int, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(file, rest) :]


def _has_content(path: str) -> bool:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size > 0
