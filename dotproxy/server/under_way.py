"""Queries of clients that wait for their answers: only so many, the oldest go first.

Whoever asked longest ago is the likeliest to have given up, or to ask again.  To
refuse the newest instead would keep everybody waiting for as long as the load lasts.
"""

from collections import OrderedDict
from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from dotproxy.local.replies import ERROR
from dotproxy.upstream.durations import Durations
from dotproxy.wire.edns import explanation
from dotproxy.wire.message import SERVFAIL
from dotproxy.wire.query import Query
from dotproxy.wire.reply import status

OTHER = 0
"""INFO-CODE of what has no code of its own (RFC 8914 section 4.1)."""

BOUNDS = tuple(0.00025 * 2**step for step in range(16))
"""Seconds, 0.25 ms to 8 s: the buckets that CoreDNS has for the same."""

Waiting = Deferred[bytes]


class UnderWay:
    """What is asked for; `shed` counts what was given up for others.

    `durations` are those of the others, from when a query was looked at to its reply.
    """

    def __init__(self, most: int, seconds: Callable[[], float]) -> None:
        self.most = most
        self.durations = Durations(BOUNDS)
        self._seconds = seconds
        self._waiting: OrderedDict[Waiting, float] = OrderedDict()
        self.shed = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def begun(self) -> int:
        """Count all that ever were under way."""
        return len(self.durations) + len(self._waiting) + self.shed

    def add(self, query: Query, replying: Waiting, now: float) -> Waiting:
        """Count a query in; return its reply, which is SERVFAIL if it must go.

        What was asked upstream on its behalf goes on, and is remembered.
        """
        if replying.called:
            return replying
        if len(self._waiting) >= self.most:
            oldest, _ = self._waiting.popitem(last=False)
            self.shed += 1
            oldest.cancel()
        self._waiting[replying] = now
        return replying.addBoth(self._ended, query, replying)

    def _ended(
        self, outcome: bytes | Failure, query: Query, replying: Waiting
    ) -> bytes:
        began = self._waiting.pop(replying, None)
        if began is not None:
            self.durations.add(self._seconds() - began)
        if isinstance(outcome, Failure):
            outcome.trap(CancelledError)
            query.source = ERROR
            why = explanation(OTHER, "too many queries at once")
            return status(query, SERVFAIL, why)
        return outcome
