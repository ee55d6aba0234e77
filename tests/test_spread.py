"""What a worker learned, on its way to the others."""

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.local.snapshot import load
from dotproxy.workers.spread import PAUSE, ROOM, Spread


class SpreadTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sent: list[tuple[bytes, int]] = []
        self.read: Deferred[None] = Deferred()
        self.spread = Spread(self.send, self.clock)

    def send(self, snapshot: bytes, dropped: int) -> Deferred[None]:
        self.sent.append((snapshot, dropped))
        self.read = Deferred()
        return self.read

    def test_gathers(self) -> None:
        """What is learned within a pause goes in one message, once for each key."""
        self.spread.note(b"a", b"old")
        self.spread.note(b"b", b"two")
        self.spread.note(b"a", b"new")
        assert not self.sent
        self.clock.advance(PAUSE)
        ((snapshot, dropped),) = self.sent
        assert list(load(snapshot)) == [(0, b"a", b"new"), (0, b"b", b"two")]
        assert dropped == 0

    def test_waits(self) -> None:
        """Nothing more is sent before the other side has read; then it says its age."""
        self.spread.note(b"a", b"one")
        self.clock.advance(PAUSE)
        self.spread.note(b"b", b"two")
        self.clock.advance(3)
        assert len(self.sent) == 1
        self.read.callback(None)
        self.clock.advance(PAUSE)
        assert list(load(self.sent[1][0])) == [(3, b"b", b"two")]
        self.read.callback(None)
        assert not self.clock.getDelayedCalls()

    def test_bounded(self) -> None:
        """What there is no room for is dropped, and the next message says how much."""
        half = bytes(ROOM // 2)
        for key in (b"a", b"b", b"c"):
            self.spread.note(key, half[1:])
        self.spread.note(b"d", b"!")
        self.clock.advance(PAUSE)
        snapshot, dropped = self.sent[0]
        assert ([key for _, key, _ in load(snapshot)], dropped) == ([b"a", b"b"], 2)
        self.read.callback(None)
        self.spread.note(b"e", half)
        self.clock.advance(PAUSE)
        assert self.sent[1][1] == 0

    def test_forgets(self) -> None:
        """What is forgotten is not sent, and leaves room."""
        self.spread.note(b"a", bytes(ROOM - 1))
        self.spread.forget()
        self.spread.note(b"b", bytes(ROOM - 1))
        self.clock.advance(PAUSE)
        snapshot, dropped = self.sent[0]
        assert ([key for _, key, _ in load(snapshot)], dropped) == ([b"b"], 0)

    def test_gone(self) -> None:
        """Who is gone is told no more."""
        self.spread.note(b"a", b"one")
        self.clock.advance(PAUSE)
        self.read.errback(Failure(ConnectionDone()))
        self.spread.note(b"b", b"two")
        self.clock.advance(60)
        assert len(self.sent) == 1
