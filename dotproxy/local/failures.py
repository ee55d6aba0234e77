"""What upstreams could not answer a moment ago, so that they are not pestered."""

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from dotproxy.wire.answer import Answer
from dotproxy.wire.edns import explanation
from dotproxy.wire.query import Query
from dotproxy.wire.reply import status

SHORTEST, LONGEST = 1, 30
"""Seconds for which a failure is remembered: the first, doubled each time up to the
second (RFC 9520 section 3.2 has 1 s at least and 5 minutes at most)."""

MOST = 10_000
"""Failures remembered; beyond, the oldest is forgotten."""

CACHED_ERROR = 13
"""INFO-CODE "Cached Error" (RFC 8914 4.14)."""


class Failure(NamedTuple):
    """The RCODE that was the answer, for how long it holds, and until when."""

    rcode: int
    pause: int
    until: int


class Failures:
    """Answer what failed lately as it failed."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._failures: dict[bytes, Failure] = {}

    def __len__(self) -> int:
        return len(self._failures)

    def answer(self, query: Query) -> bytes | None:
        """Return the failure that `query` met a moment ago; None if it met none."""
        failure = self._failures.get(query.key)
        if failure is None or failure.until <= int(self._seconds()):
            return None
        said = explanation(CACHED_ERROR, "it failed a moment ago")
        return status(query, failure.rcode, said)

    def learn(self, query: Query, answer: Answer) -> None:
        """Remember an answer that is no help; forget the failure once one is."""
        before = self._failures.pop(query.key, None)
        if answer.helpful or answer.truncated:
            return
        pause = min(before.pause * 2, LONGEST) if before else SHORTEST
        until = ceil(self._seconds() + pause)
        self._failures[query.key] = Failure(answer.rcode, pause, until)
        if len(self._failures) > MOST:
            del self._failures[next(iter(self._failures))]

    def flush(self) -> None:
        """Forget them all."""
        self._failures.clear()
