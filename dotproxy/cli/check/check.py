"""`dotproxy check`: show what the upstreams are like, and say whether all is well."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThread
from twisted.python import usage

from dotproxy.cli import command
from dotproxy.cli.check.findings import Report, Status
from dotproxy.cli.check.interview import Names, Terms
from dotproxy.cli.check.lists import read_lists
from dotproxy.cli.check.subject import LAB_NAMES, start_lab, subjects
from dotproxy.cli.check.survey import Survey
from dotproxy.cli.flag import seconds
from dotproxy.config.model import Config, ConfigError
from dotproxy.config.named_files import certificate_file
from dotproxy.config.options import LAB, checked, opt_version
from dotproxy.config.spelling import host_name, spki_pin
from dotproxy.config.toml_file import DEFAULT, load
from dotproxy.config.upstream_spec import parse_upstream

timeout_seconds = seconds(0.1, 30)
"""Read the time for one step: what `[forward] timeout` may be."""

LABEL = 16
"""Characters of the label that makes a name one that nobody knows yet."""

idle_seconds = seconds(0.1, 600)
"""Read the time to wait: nobody was seen to keep idle connections for longer."""


class CheckOptions(usage.Options):
    """Read the flags of `dotproxy check`."""

    synopsis = "dotproxy check [--config FILE | UPSTREAM ...] [options]"
    longdesc = (
        "Connect to every address of every UPSTREAM, as the proxy does, and show what"
        " is there.  UPSTREAM is tls://ADDRESS[:PORT][#NAME], a preset, or lab; without"
        " any, and without a file, those that the proxy has by default.  Exit status:"
        " 0 all is good, 1 something is wrong, 2 wrong usage."
    )

    takes: ClassVar[Mapping[str, str]] = {
        "config": "FILE",
        "ca-file": "FILE",
        "pin": "PIN",
        "name": "NAME",
        "timeout": "SECONDS",
        "idle": "SECONDS",
        "json": "",
        "help": "",
        "version": "",
    }
    """What --help shows, in its order: the flags and what they take."""

    parseOptions = command.parse_options
    getUsage = command.usage_text
    opt_help = command.opt_help
    opt_version = opt_version

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self.config = DEFAULT
        self._upstreams: tuple[str, ...] = ()
        self._tls: dict[str, Any] = {}
        self._terms: dict[str, Any] = {}
        self._json = False

    def opt_config(self, text: str) -> None:
        """Check the upstreams of this file, by its profile, and the lists of its
        rules."""
        try:
            self.config = load(text)
        except ConfigError as fault:
            raise usage.UsageError(str(fault)) from None

    def opt_ca_file(self, text: str) -> None:
        """Trust the authorities in this PEM file; holds for every UPSTREAM."""
        self._tls["ca_file"] = checked("--ca-file", text, certificate_file)

    def opt_pin(self, text: str) -> None:
        """Insist on this key, sha256//BASE64; may be repeated, one match is enough;
        holds for every UPSTREAM."""
        pins = self._tls.get("spki_pins", ())
        self._tls["spki_pins"] = (*pins, checked("--pin", text, spki_pin))

    def opt_timeout(self, text: str) -> None:
        """Wait so many seconds for a connection, and for each answer, 0.1 to 30
        (default 5)."""
        self._terms["timeout"] = checked("--timeout", text, timeout_seconds)

    def opt_idle(self, text: str) -> None:
        """Wait up to so many seconds, at most 600, to see when servers close an idle
        connection (default: do not wait)."""
        self._terms["idle"] = checked("--idle", text, idle_seconds)

    def opt_name(self, text: str) -> None:
        """Ask for this name (default example.com)."""
        self._terms["names"] = Names(checked("--name", text, _askable))

    def opt_json(self) -> None:
        """Print all that was found as JSON, for programs."""
        self._json = True

    def parseArgs(self, *upstreams: str) -> None:
        """Take the upstreams."""
        self._upstreams = upstreams

    def postOptions(self) -> None:
        """Put file and flags together."""
        if LAB in self._upstreams and (len(self._upstreams) > 1 or self._tls):
            raise usage.UsageError(
                "lab stands alone: leave it away, or every other UPSTREAM, --pin and"
                " --ca-file"
            )
        if self._tls and not self._upstreams:
            flag = "--pin" if "spki_pins" in self._tls else "--ca-file"
            raise usage.UsageError(
                f"{flag} holds for an UPSTREAM: name one too, or set it in the file"
            )
        if self._upstreams:
            self.config = self._named()

    def _named(self) -> Config:
        """Return the configuration with the upstreams that are named."""
        specs = [spec for spec in self._upstreams if spec != LAB]
        named = [checked("UPSTREAM", spec, parse_upstream) for spec in specs]
        upstream = tuple(replace(each, **self._tls) for each in named)
        try:
            return replace(self.config, upstream=upstream, lab=not upstream)
        except ConfigError as fault:
            raise usage.UsageError(str(fault)) from None

    async def run(self, reactor: Any) -> int:
        """Check, print what was found, and return the exit status."""
        try:
            lists = await deferToThread(read_lists, self.config)
            report = await self._survey(reactor)
        except ConfigError as fault:
            raise usage.UsageError(str(fault)) from None
        report.lists = lists
        self._print(report)
        return 0 if report.status is Status.GOOD else 1

    async def _survey(self, reactor: Any) -> Report:
        # Twenty-odd milliseconds to import, and nothing to the proxy.
        from rich.console import Console

        from dotproxy.cli.check.progress import Progress

        progress = Progress(Console(stderr=True), IReactorTime(reactor))
        padding = self.config.forward.padding
        defaults = {"names": LAB_NAMES if self.config.lab else Names()}
        terms = Terms(**{**defaults, **self._terms}, padding=padding)
        survey = Survey(terms, reactor, progress.step)
        with progress:
            if not self.config.lab:
                return await survey.run(subjects(self.config, reactor))
            lab, server = start_lab(reactor)
            try:
                return await survey.run([lab])
            finally:
                await maybeDeferred(server.stopService)

    def _print(self, report: Report) -> None:
        if self._json:
            written = msgspec.json.format(msgspec.json.encode(report), indent=2)
            print(written.decode())
            return
        from rich.console import Console

        from dotproxy.cli.check.table import draw

        console = Console(highlight=False)
        with console.capture() as drawn:
            draw(report, console)
        # Cells are filled up with spaces, which nobody wants in a file.
        print("\n".join(map(str.rstrip, drawn.get().splitlines())))


def _askable(text: str) -> str:
    """Return a host name if another label may stand in front of it."""
    host_name(f"{'f' * LABEL}.{text}")
    return text
