"""A thread that reads notes."""

from threading import Event, current_thread

from twisted.trial.unittest import TestCase

from dotproxy.journal import worker as module
from dotproxy.journal.note import Note
from dotproxy.journal.worker import Worker
from tests.notes import noted


class WorkerTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.read: list[str] = []
        self.faults = 0
        self.held, self.begun = Event(), Event()
        self.held.set()
        self.worker = Worker(self.take, self.failed)

    def take(self, notes: list[Note]) -> None:
        self.begun.set()
        assert self.held.wait(10)
        if notes[0].source == "broken":
            raise ZeroDivisionError
        self.read += [note.source for note in notes]

    def failed(self) -> None:
        self.faults += 1

    async def end(self) -> None:
        self.held.set()
        await self.worker.stop(lambda: self.read.append(current_thread().name))

    async def test_order(self) -> None:
        """All is read in the order in which it came, elsewhere, the last at last."""
        self.worker.offer([noted(source="1"), noted(source="2")])
        self.worker.order(lambda: self.read.append("order"))
        self.worker.offer([noted(source="3")])
        await self.end()
        assert self.read == ["1", "2", "order", "3", "journal"]
        assert self.worker.lost == 0

    async def test_behind(self) -> None:
        """Who is behind by too much loses what comes, and it is counted; what is
        offered never waits."""
        self.patch(module, "MOST_OCTETS", 1000)
        self.held.clear()
        batch = [noted(source="x", query=bytes(500), reply=bytes(500))]
        for _ in range(5):
            self.worker.offer(batch * 2)
        assert self.worker.lost == 8
        await self.end()
        assert self.read == ["x", "x", "journal"]

    async def test_caught_up(self) -> None:
        """Once that is read, what comes is taken again."""
        self.patch(module, "MOST_OCTETS", 1000)
        done = Event()
        for number in range(3):
            self.worker.offer([noted(source=str(number), reply=bytes(2000))])
            done.clear()
            self.worker.order(done.set)
            assert done.wait(10)
        await self.end()
        assert self.read == ["0", "1", "2", "journal"]
        assert self.worker.lost == 0

    async def test_bug(self) -> None:
        """A bug is told of, and is not the end."""
        self.worker.offer([noted(source="broken")])
        self.worker.offer([noted(source="1")])
        await self.end()
        assert self.read == ["1", "journal"]
        assert self.faults == 1

    async def test_stuck(self) -> None:
        """What is stuck does not hold up the end for long."""
        self.patch(module, "GOODBYE", 0.05)
        self.held.clear()
        self.worker.offer([noted(source="1")])
        await self.worker.stop(lambda: None)
        assert self.read == []
        self.held.set()
