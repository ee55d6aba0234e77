"""What notes become, written down."""

from unittest import TestCase, mock

from dotproxy.journal import recorder as module
from dotproxy.journal.note import Note
from dotproxy.journal.recorder import Recorder
from tests.notes import noted


class Shelf:
    """A sink that has a fault, or not."""

    def __init__(self) -> None:
        self.done: list[bytes | str] = []
        self.fault: OSError | None = None

    def write(self, octets: bytes) -> None:
        self._do(octets)

    def tidy(self) -> None:
        self._do("tidy")

    def reopen(self) -> None:
        self._do("reopen")

    def close(self) -> None:
        self._do("close")

    def _do(self, what: bytes | str) -> None:
        if self.fault is not None:
            raise self.fault
        if what != "tidy":
            self.done.append(what)


class RecorderTests(TestCase):
    def setUp(self) -> None:
        self.shelf = Shelf()
        self.told: list[str] = []
        self.recorder = self.create()

    def create(self, share: float = 1.0) -> Recorder:
        def form(note: Note) -> bytes:
            return note.source.encode() + b"\n"

        return Recorder(form, self.shelf, self.told.append, share)

    def read(self, *sources: str) -> tuple[int, int]:
        self.recorder.read([noted(source=source) for source in sources])
        return self.recorder.written, self.recorder.lost

    def test_written(self) -> None:
        """What comes together is written in one go, and counted."""
        assert self.read("a", "b") == (2, 0)
        assert self.read("c") == (3, 0)
        assert self.shelf.done == [b"a\nb\n", b"c\n"]

    def test_trouble(self) -> None:
        """What cannot be written is lost and counted; it is told when that begins and
        when it is over, and not for each line."""
        self.shelf.fault = OSError(28, "No space left on device", "/log")
        assert self.read("a", "b") == (0, 2)
        assert self.read("c") == (0, 3)
        self.shelf.fault = None
        assert self.read("d") == (1, 3)
        assert self.read("e") == (2, 3)
        assert self.told == [
            "the query log cannot be written, and is lost: /log:"
            " No space left on device",
            "the query log is written again; 3 were lost",
        ]
        self.shelf.fault = OSError("nobody reads")
        self.read("f")
        assert self.told[2:] == [
            "the query log cannot be written, and is lost: nobody reads"
        ]

    def test_untidy(self) -> None:
        """A file that cannot be put aside or opened again is told of once."""
        assert self.read("a") == (1, 0)
        self.shelf.fault = OSError(13, "Permission denied", "/log")
        self.recorder.reopen()
        self.recorder.close()
        said = "the query log stays as it is: /log: Permission denied"
        assert self.told == [said]
        self.recorder.reopen()
        assert self.told == [said] * 2

    def test_steps(self) -> None:
        """It is opened again, and closed, when that is asked for."""
        self.recorder.reopen()
        self.recorder.close()
        assert self.shelf.done == ["reopen", "close"]

    def test_share(self) -> None:
        """Only a share is written, each by its own lot; the rest is not lost."""
        self.recorder = self.create(share=0.25)
        with mock.patch.object(module, "random", iter((0.3, 0.2, 0.25, 0.9)).__next__):
            assert self.read("a", "b", "c") == (1, 0)
            assert self.read("d") == (1, 0)
        assert self.shelf.done == [b"b\n"]
