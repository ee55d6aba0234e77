"""Queries of clients that wait for their answers: only so many, the oldest go first.

Whoever asked longest ago is the likeliest to have given up, or to ask again.  To
refuse the newest instead would keep everybody waiting for as long as the load lasts.
"""

from collections import OrderedDict

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from dotproxy.local.replies import ERROR
from dotproxy.wire.edns import explanation
from dotproxy.wire.message import SERVFAIL
from dotproxy.wire.query import Query
from dotproxy.wire.reply import status

OTHER = 0
"""INFO-CODE of what has no code of its own (RFC 8914 section 4.1)."""

Waiting = Deferred[bytes]


class UnderWay:
    """What is asked for; `shed` counts what was given up for others."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting: OrderedDict[Waiting, None] = OrderedDict()
        self.shed = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, query: Query, replying: Waiting) -> Waiting:
        """Count a query in; return its reply, which is SERVFAIL if it must go.

        What was asked upstream on its behalf goes on, and is remembered.
        """
        if replying.called:
            return replying
        if len(self._waiting) >= self.most:
            oldest, _ = self._waiting.popitem(last=False)
            self.shed += 1
            oldest.cancel()
        self._waiting[replying] = None
        return replying.addBoth(self._ended, query, replying)

    def _ended(
        self, outcome: bytes | Failure, query: Query, replying: Waiting
    ) -> bytes:
        self._waiting.pop(replying, None)
        if isinstance(outcome, Failure):
            outcome.trap(CancelledError)
            query.source = ERROR
            why = explanation(OTHER, "too many queries at once")
            return status(query, SERVFAIL, why)
        return outcome
