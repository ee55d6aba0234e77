"""`dotproxy reload`: let a proxy read its configuration again."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from twisted.python import usage

from dotproxy.cli.caller import CallError, admin_place, caller
from dotproxy.cli.flag import checked, flags_first, show_version
from dotproxy.cli.help_text import help_text

VALUES = {"admin": "PLACE", "help": "", "version": ""}
"""What --help shows, in its order: the flags and what they take."""


class ReloadOptions(usage.Options):
    """Read the flags of `dotproxy reload`."""

    synopsis = "dotproxy reload [options]"
    longdesc = (
        "Let a proxy read its configuration again, as SIGHUP does, and print what has"
        " changed.  Exit status: 0 done, 1 refused and nothing changed, 2 wrong usage."
    )

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self._admin = ""

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the flags, wherever they stand; a UsageError is one line."""
        usage.Options.parseOptions(self, flags_first(self, options or ()))

    def opt_admin(self, text: str) -> None:
        """Ask the proxy there: http://HOST:PORT, or the path of a socket (default
        the socket where proxies usually have it)."""
        self._admin = checked("--admin", text, admin_place)

    def opt_help(self) -> None:
        """Show this text."""
        print(self.getUsage())
        raise SystemExit(0)

    def opt_version(self) -> None:
        """Show the versions of dotproxy and Twisted."""
        show_version()

    def getUsage(self, width: int | None = None) -> str:
        """Return the text of --help."""
        return help_text(self, VALUES)

    async def run(self, reactor: Any) -> int:
        """Reload, say what came of it, and return the exit status."""
        try:
            said = await caller(self._admin, os.environ, reactor).post("reload")
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
