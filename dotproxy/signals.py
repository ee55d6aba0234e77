"""Signals of the system, heard in a turn of the reactor."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.application.service import Service


class Signal(Service):
    """Call `heard` when a signal comes, from `install` until the service stops.

    What comes before the reactor runs is heard as soon as it does.  Several that come
    before the next turn are heard as one.
    """

    def __init__(self, number: int, heard: Callable[[], object], reactor: Any) -> None:
        self._number = number
        self._heard = heard
        self._reactor = reactor
        self._before: Any = None
        self._installed = self._coming = False

    def install(self) -> None:
        """Take the signal over; only the main thread may."""
        # It is None for one that was set outside of Python, and cannot be set again.
        self._before = signal.signal(self._number, self._come) or signal.SIG_DFL
        self._installed = True

    def stopService(self) -> None:
        """Give the signal back to whom it belonged before."""
        super().stopService()
        if self._installed:
            self._installed = False
            signal.signal(self._number, self._before)

    def _come(self, number: int, frame: FrameType | None) -> None:
        """Leave the work to the reactor: this may be in the middle of anything."""
        if not self._coming:
            self._coming = True
            self._reactor.callFromThread(self._hear)

    def _hear(self) -> None:
        self._coming = False
        self._heard()
