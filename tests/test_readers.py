"""Those who read along for as long as the program runs."""

from threading import Event

from twisted.trial.unittest import TestCase

from dotproxy.journal import worker as module
from dotproxy.journal.note import Note
from dotproxy.journal.privacy import Privacy
from dotproxy.journal.readers import Ranking, Recording
from dotproxy.journal.recorder import Recorder
from dotproxy.journal.top import Top
from tests.notes import noted
from tests.words import Time


class Sink:
    """Keep what is done, once it may be."""

    def __init__(self) -> None:
        self.done: list[bytes | str] = []
        self.free = Event()
        self.free.set()

    def write(self, octets: bytes) -> None:
        assert self.free.wait(10)
        self.done.append(octets)

    def tidy(self) -> None:
        pass

    def reopen(self) -> None:
        self.done.append("reopen")

    def close(self) -> None:
        self.done.append("close")


class RecordingTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.sink = Sink()

        def form(note: Note) -> bytes:
            return note.source.encode()

        recorder = Recorder(form, self.sink, lambda _: None)
        self.recording = Recording(recorder, lambda: None)

    async def test_order(self) -> None:
        """What is offered is written, before it is opened again, and before the end."""
        self.recording.offer([noted(source="1")])
        self.recording.reopen()
        self.recording.offer([noted(source="2")])
        await self.recording.stop()
        assert self.sink.done == [b"1", "reopen", b"2", "close"]
        assert (self.recording.written, self.recording.lost) == (2, 0)

    async def test_stalled(self) -> None:
        """Where that stalls, what comes is lost and counted."""
        self.patch(module, "MOST_OCTETS", 0)
        self.sink.free.clear()
        for _ in range(3):
            self.recording.offer([noted(source="1")])
        assert (self.recording.written, self.recording.lost) == (0, 2)
        self.sink.free.set()
        await self.recording.stop()
        assert (self.recording.written, self.recording.lost) == (1, 2)


class RankingTests(TestCase):
    timeout = 20

    async def test_counted(self) -> None:
        """Names are counted however they are spelled, and clients by their network;
        what names nothing is nobody's name."""
        time = Time()
        privacy = Privacy((24, 56))
        ranking = Ranking((Top(time), Top(time)), privacy, lambda: None)
        other = bytes((192, 168, 1, 8))
        ranking.offer([noted("A.example"), noted("a.Example", client=other)])
        ranking.offer([noted(query=b"", client="2001:db8::1")])
        await ranking.stop()
        assert ranking.names.first(9) == [("a.example", 2)]
        assert ranking.clients.first(9) == [("192.168.1.0", 2), ("2001:db8::", 1)]

    async def test_hashed(self) -> None:
        """Names that are hashed for the log are hashed here."""
        time = Time()
        privacy = Privacy((24, 56), b"0123456789abcdef")
        ranking = Ranking((Top(time), Top(time)), privacy, lambda: None)
        ranking.offer([noted("a.example")])
        await ranking.stop()
        assert ranking.names.first(9) == [(privacy.shown("a.example"), 1)]
