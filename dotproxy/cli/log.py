"""`dotproxy log`: queries as they come."""

import os
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from twisted.internet.defer import CancelledError
from twisted.python import usage

from dotproxy.cli import command
from dotproxy.cli.caller import CallError, caller
from dotproxy.config.options import opt_version
from dotproxy.journal.wanted import WORDS, read_wanted


class LogOptions(usage.Options):
    """Read the flags of `dotproxy log`."""

    synopsis = "dotproxy log [NAME] [options]"
    longdesc = (
        "Show queries as they come, until Ctrl-C: when, who (shortened), by which"
        " transport, name, type, what the reply said, where it came from, and"
        " milliseconds.  NAME is one name; .NAME is that and all below it.  Nothing is"
        " kept before anybody looks.  Exit status: 0 seen, 1 not to be had, 2 wrong"
        " usage."
    )

    takes: ClassVar[Mapping[str, str]] = {
        "client": "NETWORK",
        "rcode": "RCODE",
        "source": "SOURCE",
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
        self._words = dict.fromkeys(WORDS, "")

    def opt_client(self, text: str) -> None:
        """Show queries of this address, or of this network."""
        self._words["client"] = text

    def opt_rcode(self, text: str) -> None:
        """Show queries with this outcome: NOERROR, NXDOMAIN, SERVFAIL, ..."""
        self._words["rcode"] = text

    def opt_source(self, text: str) -> None:
        """Show queries answered from there: ready, local, cache, stale, upstream,
        error or rejected."""
        self._words["source"] = text

    def opt_json(self) -> None:
        """Print an object on each line."""
        self._words["json"] = "1"

    def parseArgs(self, *names: str) -> None:
        """Take the name."""
        if len(names) > 1:
            raise usage.UsageError("name one name, or none for all")
        self._words["name"] = "".join(names)

    def postOptions(self) -> None:
        """See that the filters can be understood."""
        try:
            read_wanted(self._words)
        except ValueError as fault:
            raise usage.UsageError(str(fault)) from None

    async def run(self, reactor: Any) -> int:
        """Print until the proxy stops, or somebody has seen enough."""
        try:
            calling = caller(self.admin, os.environ, reactor)
            await calling.follow("log", self._words, _show)
        except CallError as fault:
            print(f"dotproxy: {fault}", file=sys.stderr)
            return 1
        except CancelledError:
            # Ctrl-C is how it is meant to end.
            pass
        return 0


def _show(lines: bytes) -> None:
    """Print what has come, at once."""
    sys.stdout.write(lines.decode(errors="replace"))
    sys.stdout.flush()
