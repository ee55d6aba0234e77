"""The flags of `twistd dotproxy-lab`."""

import getopt
import textwrap
from collections.abc import Iterator, Sequence

from twisted.python import usage

from dotproxy.config.options import opt_version
from dotproxy.config.setting import advice, shown
from dotproxy.config.spelling import HIGHEST_PORT
from dotproxy.lab.faults import GROUPS, SPELLING, Fault, FaultError, Kind, parse_faults

VALUES = {
    "port": "PORT",
    "fault": "FAULT",
    "ca-file": "FILE",
    "list": "",
    "help": "",
    "version": "",
}
"""The flags, and what their values are called."""

WIDTH, TEXT_COLUMN = 80, 25
"""Characters of a line of --list, and of its part that holds the fault."""


class Options(usage.Options):
    """Read the flags: `port`, `faults` and `ca_file`, which is "" if none is given."""

    synopsis = "[--port PORT] [--fault FAULT]... [--ca-file FILE]"
    longdesc = (
        "Serve the zone lab.example by DNS over TLS on 127.0.0.1, as badly as you like:"
        f" --fault {SPELLING}.  SIGUSR1 takes the faults away, and brings them back."
    )

    opt_version = opt_version

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self.port = 0
        self.faults: tuple[Fault, ...] = ()
        self.ca_file = ""

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the flags; on a fault end the process with one line and status 1.

        twistd would print its whole usage before a UsageError, and hide that line.
        """
        try:
            usage.Options.parseOptions(self, options)
        except usage.UsageError as fault:
            cause = fault.__context__
            known = isinstance(cause, getopt.GetoptError)
            line = advice(cause, VALUES) if known else str(fault)  # type: ignore[arg-type]
            raise SystemExit(f"dotproxy-lab: {line}") from None

    def opt_port(self, text: str) -> None:
        """Listen on this port of 127.0.0.1 (default 0, one that is free)."""
        if not (text.isdecimal() and len(text) < 10 and int(text) <= HIGHEST_PORT):
            raise usage.UsageError(
                f"--port {shown(text)} must be a whole number from 0 to {HIGHEST_PORT}"
            )
        self.port = int(text)

    def opt_fault(self, text: str) -> None:
        """Have this fault, see --list; may be repeated (default none)."""
        try:
            self.faults += parse_faults(text)
        except FaultError as fault:
            raise usage.UsageError(f"--fault {fault}") from None

    def opt_ca_file(self, text: str) -> None:
        """Write the certificate to trust to this file (default a temporary one)."""
        self.ca_file = text

    def opt_list(self) -> None:
        """List the faults that there are."""
        print("\n".join(listing()))
        raise SystemExit(0)

    def opt_help(self) -> None:
        """Show this text."""
        print(self)
        raise SystemExit(0)

    def parseArgs(self, *arguments: str) -> None:
        """Refuse what is no flag."""
        if arguments:
            raise usage.UsageError(
                f"{shown(arguments[0])} is no flag: write --fault {arguments[0]},"
                " --port PORT or --ca-file FILE"
            )


def listing() -> Iterator[str]:
    """Return the lines of --list: every fault, by group."""
    for group, kinds in GROUPS.items():
        yield f"{group}:"
        for kind in kinds:
            yield textwrap.fill(
                explained(kind),
                WIDTH,
                initial_indent=f"  {kind.spelled}".ljust(TEXT_COLUMN),
                subsequent_indent=" " * TEXT_COLUMN,
            )
    yield f"A fault is spelled {SPELLING}:"
    yield "  @DOMAIN keeps a fault of answers to the names at and below it,"
    yield "  connections=N keeps any but those of listening to the first N connections."


def explained(kind: Kind) -> str:
    """Return what a fault does, and its value if none is given."""
    if kind.value is None or kind.value.default is None:
        return kind.tells
    return f"{kind.tells[:-1]} (default {kind.value.default:g})."
