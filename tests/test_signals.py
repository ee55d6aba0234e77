"""Signals of the system, heard in a turn of the reactor."""

import os
import signal
from typing import Any
from unittest import TestCase

from dotproxy.signals import Signal

NUMBER = signal.SIGUSR2
"""A signal that nobody else uses."""


class Turns:
    """A reactor of which a test makes the turns."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def callFromThread(self, call: Any) -> None:
        self.calls.append(call)

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class SignalTests(TestCase):
    def setUp(self) -> None:
        self.addCleanup(signal.signal, NUMBER, signal.getsignal(NUMBER))
        signal.signal(NUMBER, signal.SIG_IGN)
        self.heard = 0
        self.reactor = Turns()
        self.signal = Signal(NUMBER, self.hear, self.reactor)

    def hear(self) -> None:
        self.heard += 1

    def come(self) -> None:
        os.kill(os.getpid(), NUMBER)

    def test_turn(self) -> None:
        """A signal is heard in the next turn, and not in the middle of something."""
        self.signal.install()
        self.come()
        assert self.heard == 0
        self.reactor.turn()
        assert self.heard == 1

    def test_before_the_start(self) -> None:
        """So it is before the service starts: the reactor hears of it when it runs."""
        self.signal.install()
        self.come()
        self.signal.startService()
        self.reactor.turn()
        assert self.heard == 1

    def test_many(self) -> None:
        """Those that come before the turn are one; the next is another."""
        self.signal.install()
        for _ in range(3):
            self.come()
        self.reactor.turn()
        assert self.heard == 1
        self.come()
        self.reactor.turn()
        assert self.heard == 2

    def test_fault(self) -> None:
        """One that went wrong does not keep the next from being heard."""

        def fail() -> None:
            self.heard += 1
            raise ValueError

        failing = Signal(NUMBER, fail, self.reactor)
        failing.install()
        for count in (1, 2):
            self.come()
            with self.assertRaises(ValueError):
                self.reactor.turn()
            assert self.heard == count

    def test_stop(self) -> None:
        """Stopped, it belongs to whom it belonged before."""
        self.signal.install()
        assert signal.getsignal(NUMBER) != signal.SIG_IGN
        self.signal.stopService()
        assert signal.getsignal(NUMBER) == signal.SIG_IGN

    def test_never_installed(self) -> None:
        """What was not installed takes and gives nothing."""
        self.signal.startService()
        self.signal.stopService()
        assert signal.getsignal(NUMBER) == signal.SIG_IGN
