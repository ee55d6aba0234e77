"""`dotproxy pause`: let the rules of a proxy step aside for a while."""

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


class PauseOptions(usage.Options):
    """Read the flags of `dotproxy pause`."""

    synopsis = "dotproxy pause [SECONDS] [options]"
    longdesc = (
        "Let the rules that block, answer or redirect step aside for SECONDS, 300 if"
        " not given, an hour at most; they come back by themselves, or with 0 at once."
        "  Exit status: 0 done, 1 not done, 2 wrong usage."
    )

    takes: ClassVar[Mapping[str, str]] = {"admin": "PLACE", "help": "", "version": ""}
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

    def parseArgs(self, *seconds: str) -> None:
        """Take the seconds; the proxy says how many there may be."""
        if len(seconds) > 1:
            raise usage.UsageError("say once for how many seconds")
        for each in seconds:
            if not (each.isascii() and each.isdigit()):
                raise usage.UsageError(f"{shown(each)} is no number of seconds")
            self._words = {"seconds": each}

    async def run(self, reactor: Any) -> int:
        """Pause, say for how long, and return the exit status."""
        try:
            asked = caller(self.admin, os.environ, reactor)
            said = await asked.post("pause", **self._words)
        except CallError as fault:
            print(f"dotproxy: {fault}", file=sys.stderr)
            return 1
        seconds = msgspec.json.decode(said)["rules_paused_s"]
        print(f"rules are paused for {seconds} s" if seconds else "rules hold")
        return 0
