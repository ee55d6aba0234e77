"""Turns of the reactor, shared out among the streams.

A stream may bring hundreds of queries in one segment, and there may be thousands of
streams.  If each began all that it has, everybody else would wait for a second.
"""

from collections import OrderedDict
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

SHARE = 256
"""What streams may take of one turn, in queries that are answered at once: a
millisecond, or four if none of the answers is ready."""

PORTION = 64
"""What one stream may take of that, before another has its turn."""

ASKING = 7
"""What a query takes besides that has to be asked upstream."""

Work = Callable[[], None]


class Turns:
    """Let streams begin queries, a few each, in the order in which they came.

    They may while something is `left` of the turn, and fewer than `most` of their
    queries are under way.
    """

    def __init__(self, clock: IReactorTime, most: int) -> None:
        self.left = SHARE
        self.crowded = False
        """Whether so many queries are under way that no other may be begun."""
        self._clock = clock
        self.most = most
        self._under_way = 0
        self._waiting: OrderedDict[Work, None] = OrderedDict()
        self._call: IDelayedCall | None = None

    def wait(self, work: Work) -> None:
        """Call `work` when it is its turn, once however often this is said."""
        self._waiting[work] = None
        self._wake()

    def leave(self, work: Work) -> None:
        """Forget what waits."""
        self._waiting.pop(work, None)

    def begun(self) -> None:
        """Count a query that waits for its answer."""
        self._under_way += 1
        self.crowded = self._under_way >= self.most
        self.left -= ASKING

    def ended(self) -> None:
        """Count one less, and use the room that it makes."""
        self._under_way -= 1
        self.crowded = self._under_way >= self.most
        self._wake()

    def _wake(self) -> None:
        if self._call is None and self._waiting and not self.crowded:
            self._call = self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        """Share out one turn among those who wait; whoever has more waits again."""
        self._call = None
        self.left = SHARE
        while self._waiting and self.left > 0 and not self.crowded:
            work, _ = self._waiting.popitem(last=False)
            work()
        self._wake()
