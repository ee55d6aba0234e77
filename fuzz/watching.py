"""What goes wrong out of sight: in a log, or in a Deferred that nobody looks after."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

YOUNG = 100
"""Inputs between two looks of the garbage collector at all there is."""


@contextmanager
def nothing_unhandled() -> Iterator[None]:
    """Raise what was logged as a failure; and what no errback took, once it is gone."""
    seen: list[LogEvent] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            seen.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        yield
        # By hand, or Python would never get to look at what is older.
        gc.collect(2 if gc.get_count()[1] > YOUNG else 0)
    finally:
        globalLogPublisher.removeObserver(observe)
    for event in seen:
        event["log_failure"].raiseException()
