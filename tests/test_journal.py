"""The journal: notes are gathered, and handed on."""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.journal.journal import FULL, INTERVAL, Journal
from dotproxy.journal.note import Note
from dotproxy.journal.privacy import Privacy
from tests.notes import noted


class Pile:
    """A reader that keeps what it is offered."""

    def __init__(self) -> None:
        self.batches: list[list[Note]] = []
        self.stopped: Deferred[None] = succeed(None)
        self.stops = 0

    def offer(self, notes: list[Note]) -> None:
        self.batches.append(notes)

    def stop(self) -> Deferred[None]:
        self.stops += 1
        return self.stopped


class JournalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.journal = Journal(self.clock, Privacy((24, 56)), lambda: 7.0)
        self.told: list[Journal | None] = []
        self.journal.noting = self.told.append
        self.pile = Pile()

    def test_told(self) -> None:
        """Notes are wanted from the first reader to the last, and not otherwise."""
        other = Pile()
        assert self.told == []
        self.journal.enter(self.pile)
        self.journal.enter(other)
        assert self.told == [self.journal]
        self.journal.leave(self.pile)
        self.journal.leave(self.pile)
        assert self.told == [self.journal]
        self.journal.leave(other)
        assert self.told == [self.journal, None]
        assert self.clock.getDelayedCalls() == []

    def test_gathered(self) -> None:
        """What is noted within a moment is handed on together, to all readers."""
        other = Pile()
        self.journal.enter(self.pile)
        self.journal.enter(other)
        notes = [noted("a"), noted("b")]
        for note in notes:
            self.journal.add(note)
        assert self.pile.batches == []
        self.clock.advance(INTERVAL)
        assert self.pile.batches == other.batches == [notes]
        assert self.clock.getDelayedCalls() == []
        self.journal.add(notes[0])
        self.clock.advance(INTERVAL)
        assert self.pile.batches == [notes, notes[:1]]

    def test_full(self) -> None:
        """Where many come at once, they are not held until the moment is over."""
        self.journal.enter(self.pile)
        note = noted()
        for _ in range(FULL + 1):
            self.journal.add(note)
        assert [len(batch) for batch in self.pile.batches] == [FULL]
        self.clock.advance(INTERVAL)
        assert [len(batch) for batch in self.pile.batches] == [FULL, 1]

    def test_newcomer(self) -> None:
        """Who comes later is not told of what was before."""
        self.journal.enter(self.pile)
        self.journal.add(noted())
        other = Pile()
        self.journal.enter(other)
        self.clock.advance(INTERVAL)
        assert len(self.pile.batches) == 1
        assert other.batches == []

    def test_stop(self) -> None:
        """At the end readers get what there is, are stopped, and waited for."""
        self.pile.stopped = Deferred()
        self.journal.startService()
        self.journal.enter(self.pile)
        self.journal.add(noted())
        stopping = self.journal.stopService()
        assert [len(batch) for batch in self.pile.batches] == [1]
        assert self.pile.stops == 1
        self.assertNoResult(stopping)
        assert self.told == [self.journal, None]
        assert self.clock.getDelayedCalls() == []
        self.pile.stopped.callback(None)
        self.successResultOf(stopping)
