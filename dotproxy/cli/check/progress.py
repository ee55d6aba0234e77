"""What is under way, on a terminal, until it is over."""

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from dotproxy.cli.check.survey import DONE

FRAME = 0.1
"""Seconds between two pictures."""


class Progress:
    """Show a line for each address under way; where there is no terminal, nothing.

    The reactor draws: there is no thread, and nothing left on the screen at the end.
    """

    def __init__(self, console: Console, clock: IReactorTime) -> None:
        self._steps: dict[str, str] = {}
        # Every terminal has these letters.
        self._spinner = Spinner("line", "examining", style="cyan")
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._shown = console.is_terminal
        self._drawing = LoopingCall(self._draw)
        self._drawing.clock = clock

    def __enter__(self) -> "Progress":
        """Begin to draw."""
        if self._shown:
            self._live.start()
            self._drawing.start(FRAME, now=False)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was, cursor and all."""
        if self._shown:
            self._drawing.stop()
            self._live.stop()

    def step(self, who: str, what: str) -> None:
        """Hear what is being done now, and with whom."""
        if what == DONE:
            self._steps.pop(who, None)
        else:
            self._steps[who] = what

    def _draw(self) -> None:
        lines = Table.grid(padding=(0, 2, 0, 0))
        for who, what in self._steps.items():
            lines.add_row(Text(f"  {who}", no_wrap=True), Text(what, "dim"))
        self._live.update(Group(self._spinner, lines), refresh=True)
