"""What became of all queries, and which of them still wait for a reply."""

from collections import Counter
from itertools import count
from random import Random
from typing import NamedTuple

from reliability.questions import Verdict, ask, judge

PATIENCE = 6.0
"""Seconds until a query counts as not answered: the 5 that clients have, and a little
for a machine that is busy."""

MOST_EXAMPLES = 10
"""Queries that are shown of each kind that fared badly."""


class Waiting(NamedTuple):
    """A query as it was sent, and when."""

    wire: bytes
    sent: float


class Tally:
    """Count the queries, and what their replies were worth."""

    def __init__(self) -> None:
        self.asked = 0
        self.verdicts: Counter[Verdict] = Counter()
        self.silent: Counter[str] = Counter()
        """Queries that got no reply, by what became of them."""
        self.left = 0
        """Queries of clients that did not wait for the reply."""
        self.slowest = 0.0
        """Seconds that the slowest reply took."""
        self.examples: list[str] = []
        """Queries that fared badly, each with the time at which it was sent."""
        self._shown: Counter[str] = Counter()

    def replied(self, query: Waiting, reply: bytes, now: float) -> None:
        """Judge a reply."""
        verdict = judge(query.wire, reply)
        self.verdicts[verdict] += 1
        self.slowest = max(self.slowest, now - query.sent)
        if verdict is Verdict.WRONG:
            self._show("wrong", query, f"was answered {reply.hex()}")

    def unanswered(self, query: Waiting, why: str) -> None:
        """Count a query that got no reply."""
        self.silent[why] += 1
        self._show(why, query, f"was not answered: {why}")

    def _show(self, kind: str, query: Waiting, what: str) -> None:
        """Keep the first examples of a kind."""
        self._shown[kind] += 1
        if self._shown[kind] <= MOST_EXAMPLES:
            self.examples.append(f"{query.sent:.1f}: {query.wire.hex()} {what}")


class Ledger:
    """The queries of one client that wait for their replies, by ID."""

    def __init__(self, tally: Tally, random: Random) -> None:
        self._tally = tally
        self._numbers = count(random.getrandbits(16))
        self._waiting: dict[bytes, Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, label: str, now: float) -> bytes:
        """Return a query for a name.

        Its ID was not used for long: a reply to a query that was given up must not be
        taken for the reply to another.
        """
        wire = ask(next(self._numbers) & 0xFFFF, label)
        self._tally.asked += 1
        self._waiting[wire[:2]] = Waiting(wire, now)
        return wire

    def replied(self, reply: bytes, now: float) -> None:
        """Take note of a reply; one that nobody waits for is of no account."""
        query = self._waiting.pop(reply[:2], None)
        if query is not None:
            self._tally.replied(query, reply, now)

    def look(self, now: float) -> None:
        """Give up those that waited for too long."""
        for number, query in [*self._waiting.items()]:
            if now - query.sent < PATIENCE:
                break
            del self._waiting[number]
            self._tally.unanswered(query, "nothing came")

    def abandon(self) -> None:
        """Wait no more: the client leaves."""
        self._tally.left += len(self._waiting)
        self._waiting.clear()

    def cut_off(self, why: str) -> None:
        """Count what waits as unanswered: nothing can come any more."""
        for query in self._waiting.values():
            self._tally.unanswered(query, why)
        self._waiting.clear()
