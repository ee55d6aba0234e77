"""`dotproxy reload`: let a proxy read its configuration again."""

import os
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from twisted.python import usage

from dotproxy.cli import command
from dotproxy.cli.caller import CallError, caller
from dotproxy.config.options import opt_version


class ReloadOptions(usage.Options):
    """Read the flags of `dotproxy reload`."""

    synopsis = "dotproxy reload [options]"
    longdesc = (
        "Let a proxy read its configuration again, as SIGHUP does, and print what has"
        " changed.  Exit status: 0 done, 1 refused and nothing changed, 2 wrong usage."
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

    async def run(self, reactor: Any) -> int:
        """Reload, say what came of it, and return the exit status."""
        try:
            said = await caller(self.admin, os.environ, reactor).post("reload")
        except CallError as fault:
            print(f"dotproxy: {fault}", file=sys.stderr)
            return 1
        outcome = msgspec.json.decode(said)
        changed = ", ".join(outcome["changed"]) or "nothing"
        emptied = ", the cache begins anew" if outcome["cache_emptied"] else ""
        print(f"reloaded, {changed} changed{emptied}")
        for setting in outcome["takes_restart"]:
            print(f"{setting} takes a restart, and stays till then")
        return 0
