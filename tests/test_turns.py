"""Turns of the reactor, shared out among the streams."""

from collections.abc import Callable
from unittest import TestCase

from twisted.internet.task import Clock

from dotproxy.server.turns import ASKING, SHARE, Turns


class TurnsTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.turns = Turns(self.clock, most=3)
        self.called: list[str] = []

    def work(self, name: str, takes: int = 0, again: int = 0) -> Callable[[], None]:
        """Return work that takes something of its turn, and waits again at times."""
        rest = [again]

        def work() -> None:
            self.called.append(name)
            self.turns.left -= takes
            if rest[0]:
                rest[0] -= 1
                self.turns.wait(work)

        return work

    def test_in_order(self) -> None:
        """Who waits is called in the next turn, in the order of coming."""
        for name in "abc":
            self.turns.wait(self.work(name))
        assert self.called == []
        self.clock.advance(0)
        assert self.called == ["a", "b", "c"]
        assert self.clock.getDelayedCalls() == []

    def test_once(self) -> None:
        """Who says it twice is called once."""
        work = self.work("a")
        self.turns.wait(work)
        self.turns.wait(work)
        self.clock.advance(0)
        assert self.called == ["a"]

    def test_round(self) -> None:
        """Who has more waits behind the others."""
        self.turns.wait(self.work("a", again=2))
        self.turns.wait(self.work("b", again=1))
        self.clock.advance(0)
        assert self.called == ["a", "b", "a", "b", "a"]

    def test_share(self) -> None:
        """When a turn's share is used up, the others wait for the next turn."""
        turns: list[Callable[[], None]] = []
        self.clock.callLater = lambda _, turn: turns.append(turn) or turn
        for name in "abc":
            self.turns.wait(self.work(name, takes=SHARE // 2))
        turns.pop()()
        assert self.called == ["a", "b"]
        turns.pop()()
        assert self.called == ["a", "b", "c"]
        assert turns == []

    def test_crowded(self) -> None:
        """While too many queries are under way nobody is called, and nothing spins."""
        for _ in range(3):
            self.turns.begun()
        self.turns.wait(self.work("a"))
        assert self.turns.crowded
        assert self.clock.getDelayedCalls() == []
        self.turns.ended()
        self.clock.advance(0)
        assert self.called == ["a"]

    def test_crowded_meanwhile(self) -> None:
        """Nor when that came about in the same turn."""

        def ask() -> None:
            for _ in range(3):
                self.turns.begun()

        self.turns.wait(ask)
        self.turns.wait(self.work("b"))
        self.clock.advance(0)
        assert self.called == []
        assert self.clock.getDelayedCalls() == []

    def test_asking(self) -> None:
        """A query that is asked upstream takes more of a turn."""
        self.turns.begun()
        assert self.turns.left == SHARE - ASKING

    def test_leave(self) -> None:
        """Who is gone is not called."""
        work = self.work("a")
        self.turns.wait(work)
        self.turns.leave(work)
        self.turns.leave(work)
        self.clock.advance(0)
        assert self.called == []
