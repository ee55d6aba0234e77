"""`dotproxy trace`: the way of one query, step by step."""

import os
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from twisted.python import usage

from dotproxy.cli import command
from dotproxy.cli.caller import CallError, caller
from dotproxy.config.options import opt_version
from dotproxy.config.setting import shown


class TraceOptions(usage.Options):
    """Read the flags of `dotproxy trace`."""

    synopsis = "dotproxy trace NAME [TYPE] [options]"
    longdesc = (
        "Let a proxy ask for a name now, as for a client, and show each step: what"
        " rules and cache say, whom it asks and why, the octets that left and arrived,"
        " and milliseconds since it began.  TYPE is A unless given.  Exit status: 0"
        " shown, 1 not, 2 wrong usage."
    )

    takes: ClassVar[Mapping[str, str]] = {
        "json": "",
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
        self._words: dict[str, str] = {}
        self._json = False

    def opt_json(self) -> None:
        """Print it as JSON, for programs."""
        self._json = True

    def parseArgs(self, *words: str) -> None:
        """Take the name and the type."""
        if not words or len(words) > 2:
            last = f", not {shown(words[-1])}" if words else ""
            raise usage.UsageError(f"name a NAME, and perhaps a TYPE{last}")
        self._words = dict(zip(("name", "type"), words, strict=False))

    async def run(self, reactor: Any) -> int:
        """Ask, print what it says, and return the exit status."""
        try:
            asking = caller(self.admin, os.environ, reactor)
            said = await asking.post("trace", **self._words)
        except CallError as fault:
            print(f"dotproxy: {fault}", file=sys.stderr)
            return 1
        print(said.decode().rstrip() if self._json else told(msgspec.json.decode(said)))
        return 0


def told(traced: dict[str, Any]) -> str:
    """Write the steps as lines for people: milliseconds, stage, what it said."""
    return "\n".join(
        f"{step['ms']:10.3f}  {step['stage']:12}{step['says']}"
        for step in traced["steps"]
    )
