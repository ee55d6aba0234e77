"""A file to which is written."""

import os
import stat
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from unittest import TestCase, mock

from dotproxy.journal.log_file import AT_ONCE, NO_FRAME, Frame, LogFile, Shelf, pieces

BOTH = Frame(b"<", b">")


class LogFileTests(TestCase):
    def setUp(self) -> None:
        self.folder = Path(mkdtemp())
        self.addCleanup(rmtree, self.folder)
        self.path = self.folder / "log"

    def open(self, size: int = 0, keep: int = 2, frame: Frame = NO_FRAME) -> LogFile:
        return LogFile(str(self.path), Shelf(size, keep), frame)

    def files(self) -> dict[str, bytes]:
        return {each.name: each.read_bytes() for each in self.folder.iterdir()}

    def test_appended(self) -> None:
        """What was there stays, and only the owner may read what is new."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        for line in (b"1\n", b"2\n"):
            file = self.open()
            file.write(line)
            file.close()
        assert self.files() == {"log": b"1\n2\n"}
        assert stat.S_IMODE(self.path.stat().st_mode) == 0o600

    def test_pieces(self) -> None:
        """To what is no plain file whole lines are written at once, no more than a pipe
        takes in one piece; only a line that is longer is cut."""
        line = b"x" * 999 + b"\n"
        found = [*pieces(line * 9 + b"rest")]
        assert [len(each) for each in found] == [4000, 4000, 1004]
        assert b"".join(found) == line * 9 + b"rest"
        assert [*pieces(bytes(AT_ONCE + 1))] == [bytes(AT_ONCE), b"\0"]
        assert [*pieces(line)] == [line]

    def test_shelf(self) -> None:
        """A file that is too long is put aside, and the oldest goes."""
        file = self.open(size=3)
        for line in (b"1\n", b"22\n", b"333\n", b"4444\n", b"55555\n", b"6\n"):
            file.write(line)
            file.tidy()
        file.close()
        assert self.files() == {"log": b"6\n", "log.1": b"55555\n", "log.2": b"4444\n"}
        assert stat.S_IMODE(self.path.stat().st_mode) == 0o600

    def test_no_shelf(self) -> None:
        """Where none is kept, it begins anew; without a size it never does."""
        file = self.open(size=3, keep=0)
        file.write(b"long\n")
        file.tidy()
        file.write(b"1\n")
        file.close()
        assert self.files() == {"log": b"1\n"}
        file = self.open(size=0)
        file.write(b"long\n")
        file.tidy()
        file.close()
        assert self.files() == {"log": b"1\nlong\n"}

    def test_reopened(self) -> None:
        """Once it was moved, the next line goes to a new file."""
        file = self.open()
        file.write(b"1\n")
        self.path.rename(self.folder / "moved")
        file.write(b"2\n")
        file.reopen()
        file.write(b"3\n")
        file.close()
        assert self.files() == {"moved": b"1\n2\n", "log": b"3\n"}

    def test_not_reopened(self) -> None:
        """Where that cannot be, it goes on with what it has."""
        file = self.open()
        moved = self.folder / "moved"
        self.path.rename(moved)
        self.path.mkdir()
        self.assertRaises(OSError, file.reopen)
        file.write(b"2\n")
        file.close()
        assert moved.read_bytes() == b"2\n"

    def test_frame(self) -> None:
        """Each file begins and ends as it must, and none has two beginnings."""
        file = self.open(frame=BOTH)
        file.write(b"1")
        file.close()
        assert self.files() == {"log": b"<1>"}
        file = self.open(size=3, frame=BOTH)
        file.write(b"222")
        file.tidy()
        file.write(b"3")
        file.reopen()
        file.close()
        assert self.files() == {"log": b"<>", "log.1": b"<3>", "log.2": b"<222>"}

    def test_cut(self) -> None:
        """What could be written only in part is taken back."""
        file = self.open()
        file.write(b"1\n")
        write, left = os.write, [2]

        def short(number: int, octets: bytes) -> int:
            if not left.pop() if left else True:
                raise OSError(28, "No space left on device")
            return write(number, octets[:2])

        with mock.patch("os.write", short):
            self.assertRaises(OSError, file.write, b"long\n")
        file.write(b"3\n")
        file.close()
        assert self.files() == {"log": b"1\n3\n"}

    def test_full(self) -> None:
        """A full disk is an OSError, each time."""
        file = LogFile("/dev/full", Shelf(1, 1))
        for _ in range(2):
            self.assertRaises(OSError, file.write, b"1\n")
        file.tidy()
        file.close()

    def test_pipe(self) -> None:
        """A pipe takes lines as long as somebody reads; without anybody it is no place
        to write to, and opening it holds nobody up."""
        os.mkfifo(self.path)
        self.assertRaises(OSError, self.open)
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        file = self.open(size=1)
        file.write(b"1\n")
        file.tidy()
        assert os.read(reader, 10) == b"1\n"
        os.close(reader)
        self.assertRaises(BrokenPipeError, file.write, b"2\n")
        file.close()

    def test_stdout(self) -> None:
        """No path is stdout, which stays open when the log is closed."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with mock.patch("dotproxy.journal.log_file.STDOUT", writer):
            file = LogFile("", Shelf(1, 1))
            file.write(b"1\n")
            file.tidy()
            file.reopen()
            file.close()
        os.write(writer, b"2\n")
        os.close(writer)
        assert os.read(reader, 10) == b"1\n2\n"
