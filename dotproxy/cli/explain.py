"""`dotproxy explain`: what becomes of a question, and why."""

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


class ExplainOptions(usage.Options):
    """Read the flags of `dotproxy explain`."""

    synopsis = "dotproxy explain NAME [TYPE] [options]"
    longdesc = (
        "Show what a proxy does with a question: which rule it meets, and where that"
        " is listed; whom it asks; what it remembers.  Nobody is asked for it.  TYPE is"
        " A unless given.  Exit status: 0 explained, 1 not, 2 wrong usage."
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
            said = await asking.get("explain", **self._words)
        except CallError as fault:
            print(f"dotproxy: {fault}", file=sys.stderr)
            return 1
        print(said.decode().rstrip() if self._json else told(msgspec.json.decode(said)))
        return 0


def told(found: dict[str, Any]) -> str:
    """Write an explanation as lines for people."""
    rule, source = found["rule"], found["source"]
    meets = f"rule {rule}, {found['action']}" if rule else found["action"]
    lines = [("question", f"{found['name']} {found['type']}"), ("meets", meets)]
    if source:
        lines.append(("listed", f"as {found['listed']} in {source}"))
    if found["says"]:
        lines.append(("says", ", ".join(found["says"])))
    if found["group"]:
        servers = (f"{it['name']} ({it['state']})" for it in found["upstreams"])
        lines.append(("asks", f"group {found['group']}: {', '.join(servers)}"))
    lines += (("cached", _kept(it)) for it in found["cached"])
    if not found["cached"]:
        lines.append(("cached", "nothing"))
    return "\n".join(f"{label:10}{text}" for label, text in lines)


def _kept(kept: dict[str, Any]) -> str:
    left = kept["left_s"]
    holds = f"{left} s left" if left > 0 else f"stale since {-left} s"
    return f"{kept['rcode']}, {kept['records']} records, {kept['age_s']} s old, {holds}"
