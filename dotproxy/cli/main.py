"""The command itself: `dotproxy check`, `dotproxy pin`, and whatever else there is."""

import getopt
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar, cast
from typing import Protocol as TypingProtocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import react
from twisted.python import usage

from dotproxy.cli import command
from dotproxy.cli.check.check import CheckOptions
from dotproxy.cli.explain import ExplainOptions
from dotproxy.cli.flag import advice, suggestion
from dotproxy.cli.flush import FlushOptions
from dotproxy.cli.help_text import help_text, laid_out
from dotproxy.cli.log import LogOptions
from dotproxy.cli.pause import PauseOptions
from dotproxy.cli.pin import PinOptions
from dotproxy.cli.profile import ProfileOptions
from dotproxy.cli.reload import ReloadOptions
from dotproxy.cli.status import StatusOptions
from dotproxy.cli.trace import TraceOptions
from dotproxy.config.options import opt_version
from dotproxy.config.setting import shown

T = TypeVar("T")

USAGE = 2
"""Exit status for what was not understood; nothing was done then."""

UNREAD = 128 + signal.SIGPIPE
"""Exit status where nobody read to the end, as other programs have it."""

INTERRUPTED = 128 + signal.SIGINT
"""Exit status after Ctrl-C, as shells have it."""


class Command(TypingProtocol):
    """The options of a sub-command, which can be run once they are read."""

    async def run(self, reactor: Any) -> int:
        """Do it, print what there is to say, and return the exit status."""


class Options(usage.Options):
    """Read the name of a sub-command, and what follows it."""

    synopsis = "dotproxy COMMAND [options]"
    longdesc = (
        "See what upstreams are like; see how a proxy fares, and steer it.  `dotproxy"
        " COMMAND --help` tells more."
    )
    subCommands = (
        ("check", None, CheckOptions, "Examine upstreams; say whether all is well."),
        ("pin", None, PinOptions, "Print the pins of a server's certificates."),
        ("profile", None, ProfileOptions, "Write what clients need to come encrypted."),
        ("status", None, StatusOptions, "Show how a proxy fares that runs here."),
        ("log", None, LogOptions, "Show queries as they come."),
        ("explain", None, ExplainOptions, "Show what it does with a name, and why."),
        ("trace", None, TraceOptions, "Let it ask for a name, and show each step."),
        ("flush", None, FlushOptions, "Let it forget a name, or all."),
        ("pause", None, PauseOptions, "Let its rules step aside for a while."),
        ("reload", None, ReloadOptions, "Let it read its configuration again."),
    )

    opt_help = command.opt_help
    opt_version = opt_version

    def getUsage(self, width: int | None = None) -> str:
        """Return the text of --help: the commands, then the flags."""
        commands = (laid_out(name, what) for name, _, _, what in self.subCommands)
        text = help_text(self, {"help": "", "version": ""})
        return "\n".join((text, "", *commands))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, and exit with its status."""
    try:
        command = read(sys.argv[1:] if arguments is None else arguments)
    except usage.UsageError as fault:
        _refuse(fault)
    react(run, (command,))


def read(arguments: Sequence[str]) -> Command:
    """Return the sub-command that was asked for; a UsageError is one line."""
    options = Options()
    known = [name for name, *_ in options.subCommands]
    if not arguments:
        raise usage.UsageError(f"which command?  There are {', '.join(known)}")
    if not (arguments[0] in known or arguments[0].startswith("-")):
        hint = suggestion(arguments[0], known)
        raise usage.UsageError(f"{shown(arguments[0])} is no command, {hint}")
    try:
        options.parseOptions(arguments)
    except usage.UsageError as fault:
        cause = fault.__context__
        if isinstance(cause, getopt.GetoptError) and not options.subCommand:
            raise usage.UsageError(advice(cause, options)) from None
        raise
    return cast(Command, options.subOptions)


def run(reactor: Any, command: Command) -> Deferred[None]:
    """Run a sub-command; always fails with SystemExit, which has its status."""
    running = Deferred.fromCoroutine(_to_the_end(reactor, command))

    def stop() -> Deferred[None]:
        ended: Deferred[None] = Deferred()
        running.addBoth(_passed_on, ended)
        running.cancel()
        return ended

    # Ctrl-C stops the reactor, which waits until what is under way is let go of.
    reactor.addSystemEventTrigger("before", "shutdown", stop)
    return running


def _passed_on(outcome: T, ended: Deferred[None]) -> T:
    """Say that it has ended, and leave the outcome as it is."""
    ended.callback(None)
    return outcome


async def _to_the_end(reactor: Any, command: Command) -> None:
    try:
        status = await command.run(reactor)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has enough, as `head` does; Python must not try again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = UNREAD
    except usage.UsageError as fault:
        _refuse(fault)
    except CancelledError:
        print("dotproxy: interrupted", file=sys.stderr)
        status = INTERRUPTED
    raise SystemExit(status)


def _refuse(fault: usage.UsageError) -> NoReturn:
    print(f"dotproxy: {fault}", file=sys.stderr)
    raise SystemExit(USAGE) from None
