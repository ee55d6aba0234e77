"""`dotproxy flush`: let a proxy forget what it learned."""

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
from dotproxy.wire.dotted import ALLOWED, read_name
from dotproxy.wire.message import FormatError


class FlushOptions(usage.Options):
    """Read the flags of `dotproxy flush`."""

    synopsis = "dotproxy flush [NAME] [options]"
    longdesc = (
        "Let a proxy forget NAME, or all that it learned, and print how many answers"
        " that were.  Exit status: 0 done, 1 not done, 2 wrong usage."
    )

    takes: ClassVar[Mapping[str, str]] = {
        "subtree": "",
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
        self._name = ""
        self._subtree = False

    def opt_subtree(self) -> None:
        """Forget all names below NAME as well."""
        self._subtree = True

    def parseArgs(self, *names: str) -> None:
        """Take the name."""
        if len(names) > 1:
            raise usage.UsageError("name one name, or none for all")
        self._name = "".join(names)
        if self._name not in ("", "."):
            try:
                read_name(self._name)
            except FormatError:
                fault = f"NAME {shown(self._name)} is no name: {ALLOWED}"
                raise usage.UsageError(fault) from None

    def postOptions(self) -> None:
        """See that the flags fit."""
        if self._subtree and not self._name:
            raise usage.UsageError("--subtree takes a NAME: without one, all goes")

    async def run(self, reactor: Any) -> int:
        """Flush, say how much, and return the exit status."""
        words = {"name": self._name, "subtree": "1" if self._subtree else ""}
        try:
            said = await caller(self.admin, os.environ, reactor).post("flush", **words)
        except CallError as fault:
            print(f"dotproxy: {fault}", file=sys.stderr)
            return 1
        count = msgspec.json.decode(said)["forgotten"]
        print(f"{count} {'answer' if count == 1 else 'answers'} forgotten")
        return 0
