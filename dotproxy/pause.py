"""A pause of the rules, which ends by itself."""

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from dotproxy.local.rules import Rules

LONGEST = 3600
"""Seconds that a pause may last: whoever wants more should change the rules."""


class Pause(Service):
    """Let the rules step aside for a while.

    `on_change` is called at both ends: whoever remembers what the rules said, or what
    upstreams said in their place, has to forget it.
    """

    log = Logger()

    def __init__(
        self, rules: Rules, on_change: Callable[[], object], clock: IReactorTime
    ) -> None:
        self._rules = rules
        self._on_change = on_change
        self._clock = clock
        self._end: IDelayedCall | None = None

    @property
    def left(self) -> float:
        """Seconds until the rules hold again; 0 if they do."""
        return self._end.getTime() - self._clock.seconds() if self._end else 0.0

    def hold(self, seconds: float) -> None:
        """Pause for so long from now, whatever was said before; 0 ends the pause."""
        self._cancel()
        if seconds:
            self._end = self._clock.callLater(seconds, self._resume)
            self.log.info("rules are paused for {seconds} s", seconds=seconds)
            self._let(True)
        elif self._rules.paused:
            self._resume()

    def stopService(self) -> None:
        """Come to an end without a word."""
        super().stopService()
        self._cancel()

    def _resume(self) -> None:
        self._end = None
        self.log.info("rules hold again")
        self._let(False)

    def _let(self, paused: bool) -> None:
        if paused != self._rules.paused:
            self._rules.pause(paused)
            self._on_change()

    def _cancel(self) -> None:
        end, self._end = self._end, None
        if end is not None:
            end.cancel()
