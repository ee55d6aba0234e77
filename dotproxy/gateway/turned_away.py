"""Clients that are not let in, as the log tells of them: a flood fills no disk."""

from collections import Counter

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from dotproxy.gateway.admission import shortened

INTERVAL = 60.0
"""Seconds after which the log tells how many more there were."""


class TurnedAway:
    """Tell of the first client that is turned away for a reason, and how many follow.

    After an interval in which nobody was, the next is told of again.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._more: Counter[str] = Counter()
        self._timer: IDelayedCall | None = None

    def note(self, host: str, word: str) -> None:
        """Hear of a client, and the word for why it was turned away."""
        if word in self._more:
            self._more[word] += 1
            return
        self._more[word] = 0
        self.log.info(
            "{client} is turned away: {word}", client=shortened(host), word=word
        )
        if self._timer is None:
            self._timer = self._clock.callLater(INTERVAL, self._look)

    def close(self) -> None:
        """Tell of the last ones."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._tell()

    def _look(self) -> None:
        self._tell()
        # Who was counted may be of a flood that goes on.
        self._more = Counter({word: 0 for word, count in self._more.items() if count})
        going_on = bool(self._more)
        self._timer = self._clock.callLater(INTERVAL, self._look) if going_on else None

    def _tell(self) -> None:
        counts = [f"{count} {word}" for word, count in self._more.items() if count]
        if counts:
            self.log.info(
                "turned away in the last {seconds:.0f} s, beside those told of:"
                " {counts}",
                seconds=INTERVAL,
                counts=", ".join(counts),
            )
