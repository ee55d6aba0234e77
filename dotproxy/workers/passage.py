"""What a worker shows of its queries, on its way to the supervisor."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure

MOST_UNDER_WAY = 4
"""Messages to one who looks on that were not answered.  With more he does not read,
or the supervisor has too much to do."""


class Passage:
    """Stand where a caller's request stands when one process serves: what is written
    goes to the supervisor.

    `send` fires when the other side has room for more; until then whoever writes is
    told to pause.
    """

    def __init__(self, send: Callable[[bytes], Deferred[Any]]) -> None:
        self._send = send
        self._under_way = 0
        self._producer: IPushProducer | None = None

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Know who writes."""
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Know nobody any more."""
        self._producer = None

    def write(self, lines: bytes) -> None:
        """Send lines; the empty ones, by which a caller learns that it begins, stay."""
        if not lines:
            return
        self._under_way += 1
        if self._under_way == MOST_UNDER_WAY and self._producer is not None:
            self._producer.pauseProducing()
        self._send(lines).addCallbacks(self._sent, self._lost)

    def finish(self) -> None:
        """Say nothing: the supervisor knows when we end."""

    def _sent(self, _: object) -> None:
        self._under_way -= 1
        if self._under_way == MOST_UNDER_WAY - 1 and self._producer is not None:
            self._producer.resumeProducing()

    def _lost(self, failure: Failure) -> None:
        """Let it be: the other side is gone, and so are we soon."""
