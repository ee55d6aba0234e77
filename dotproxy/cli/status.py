"""`dotproxy status`: how a proxy fares."""

import os
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from twisted.internet.task import deferLater
from twisted.python import usage

from dotproxy.cli import command
from dotproxy.cli.caller import CallError, caller
from dotproxy.config.options import opt_version
from dotproxy.observe.status import Status

INTERVAL = 1.0
"""Seconds between the two looks that make a rate."""


class StatusOptions(usage.Options):
    """Read the flags of `dotproxy status`."""

    synopsis = "dotproxy status [options]"
    longdesc = (
        "Show how a proxy fares: its upstreams and connections, its cache, and what"
        " clients asked during a second.  Exit status: 0 answers can be hoped for, 1"
        " they cannot, or no proxy runs, 2 wrong usage."
    )

    takes: ClassVar[Mapping[str, str]] = {
        "json": "",
        "quiet": "",
        "admin": "PLACE",
        "help": "",
        "version": "",
    }
    """What --help shows, in its order: the flags and what they take."""

    parseOptions = command.parse_options
    getUsage = command.usage_text
    opt_help = command.opt_help
    opt_version = opt_version
    opt_admin = command.opt_admin

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self.admin = ""
        self._json = self._quiet = False

    def opt_json(self) -> None:
        """Print all as JSON, for programs, at once and without rates."""
        self._json = True

    def opt_quiet(self) -> None:
        """Print nothing: the exit status tells."""
        self._quiet = True

    def parseArgs(self, *words: str) -> None:
        """Refuse what is no flag."""
        if words:
            raise usage.UsageError("status takes flags only: see --help")

    async def run(self, reactor: Any) -> int:
        """Look, print what there is, and return the exit status."""
        try:
            asking = caller(self.admin, os.environ, reactor)
            said = await asking.get("status")
            if not (self._json or self._quiet):
                await deferLater(reactor, INTERVAL)
                later = _read(await asking.get("status"))
        except CallError as fault:
            print(f"dotproxy: {fault}", file=sys.stderr)
            return 1
        first = _read(said)
        if self._json:
            print(said.decode().rstrip())
        elif not self._quiet:
            _print(first, later)
        return 0 if first.ready else 1


def _read(said: bytes) -> Status:
    try:
        return msgspec.json.decode(said, type=Status)
    except msgspec.MsgspecError:
        raise CallError("that is no status: is it another version?") from None


def _print(first: Status, later: Status) -> None:
    # Twenty-odd milliseconds to import, and nothing to the proxy.
    from rich.console import Console

    from dotproxy.cli.status_table import draw

    console = Console(highlight=False)
    with console.capture() as drawn:
        draw(first, later, console)
    # Cells are filled up with spaces, which nobody wants in a file.
    print("\n".join(map(str.rstrip, drawn.get().splitlines())))
