"""What is under way, shown on a terminal."""

from io import StringIO
from unittest import TestCase

from rich.console import Console
from twisted.internet.task import Clock

from dotproxy.cli.check.progress import FRAME, Progress
from dotproxy.cli.check.survey import DONE

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
"""How a terminal is told to hide its cursor, and to show it again."""


class ProgressTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.screen = StringIO()

    def progress(self, terminal: bool = True) -> Progress:
        console = Console(file=self.screen, force_terminal=terminal, width=80)
        return Progress(console, self.clock)

    def drawn(self) -> str:
        """Let the next picture be drawn, and return it."""
        before = len(self.screen.getvalue())
        self.clock.advance(FRAME)
        return self.screen.getvalue()[before:]

    def test_steps(self) -> None:
        """It shows who is examined, and how far that is."""
        with self.progress() as progress:
            progress.step("192.0.2.1", "connect")
            progress.step("192.0.2.2", "ask")
            picture = self.drawn()
            assert "192.0.2.1" in picture
            assert "connect" in picture
            progress.step("192.0.2.1", DONE)
            picture = self.drawn()
            assert "192.0.2.1" not in picture
            assert "192.0.2.2" in picture

    def test_clean(self) -> None:
        """However it ends, the cursor is back, and nothing goes on."""
        with self.assertRaises(KeyError), self.progress() as progress:
            progress.step("192.0.2.1", "connect")
            self.drawn()
            raise KeyError
        text = self.screen.getvalue()
        assert text.count(HIDE) == text.count(SHOW) == 1
        assert text.rindex(SHOW) > text.rindex("192.0.2.1")
        assert self.clock.getDelayedCalls() == []

    def test_pipe(self) -> None:
        """Where there is no terminal, not an octet is written."""
        with self.progress(terminal=False) as progress:
            progress.step("192.0.2.1", "connect")
            assert self.drawn() == ""
        assert self.screen.getvalue() == ""

    def test_done_twice(self) -> None:
        """What is over already may be said to be over."""
        with self.progress() as progress:
            progress.step("192.0.2.1", DONE)
