"""What the sub-commands have in common: methods, for each to have as its own."""

from collections.abc import Sequence
from typing import Any

from twisted.python import usage

from dotproxy.cli.caller import admin_place
from dotproxy.cli.flag import flags_first
from dotproxy.cli.help_text import help_text
from dotproxy.config.options import checked


def parse_options(self: Any, options: Sequence[str] | None = None) -> None:
    """Read the flags, wherever they stand; a UsageError is one line."""
    usage.Options.parseOptions(self, flags_first(self, options or ()))


def usage_text(self: Any, width: int | None = None) -> str:
    """Return the text of --help, which has the flags in the order of `takes`."""
    return help_text(self, self.takes)


def opt_help(self: Any) -> None:
    """Show this text."""
    print(self.getUsage())
    raise SystemExit(0)


def opt_admin(self: Any, text: str) -> None:
    """Ask the proxy there: http://HOST:PORT, or the path of a socket (default
    the socket where proxies usually have it)."""
    self.admin = checked("--admin", text, admin_place)
