"""The flags of `twistd dotproxy`: together with the file they make one Config."""

import getopt
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace
from twisted.copyright import version as twisted_version
from twisted.python import usage

from dotproxy import __version__
from dotproxy.config import flag_values
from dotproxy.config.admin import Admin
from dotproxy.config.model import (
    Config,
    ConfigError,
    Forward,
    Listen,
    Upstream,
    parse_listen,
)
from dotproxy.config.named_files import certificate_file
from dotproxy.config.rule import rule_name
from dotproxy.config.setting import advice, shown
from dotproxy.config.spelling import spki_pin, spread
from dotproxy.config.toml_file import DEFAULT, load
from dotproxy.config.upstream import DEFAULT_GROUP
from dotproxy.config.upstream_spec import parse_upstream

T = TypeVar("T")

LAB = "lab"
"""The upstream that is no server elsewhere but our own lab."""

GROUPS = {
    "Listen": {"listen": "ADDR"},
    "Upstream": {"upstream": "SPEC", "strategy": "NAME", "timeout": "SECONDS"},
    "TLS": {"pin": "PIN", "ca-file": "FILE"},
    "Cache": {"cache-size": "BYTES"},
    "Watch": {"admin": "ADDR", "log-format": "FORMAT", "trace": "NAME"},
    "Run": {"config": "FILE", "workers": "N", "help": "", "version": ""},
}
"""What --help shows, in its order: the flags of each group and their values."""

VALUES = {flag: value for group in GROUPS.values() for flag, value in group.items()}

EXAMPLES = """\
Examples:
  twistd -n dotproxy --upstream quad9
      Serve 127.0.0.1:5300 and [::1]:5300, ask Quad9.
  twistd -n dotproxy --listen 127.0.0.1:53 --upstream 9.9.9.9#dns.quad9.net
      Serve the usual port of DNS, ask one server and verify its name.
"""

WIDTH, TEXT_COLUMN = 80, 22
"""Characters of a line of --help, and of its part that holds the flag."""


def opt_version(self: object) -> None:
    """Show the versions of dotproxy and Twisted."""
    print(f"dotproxy {__version__}, Twisted {twisted_version}")
    raise SystemExit(0)


class Options(usage.Options):
    """Read the flags; `config` is the result.

    A flag overrides what the file says about the same.  Upstreams given as flags
    are the default group; the file's other groups stay.
    """

    config: Config

    synopsis = "[--config FILE] [--listen ADDR]... [--upstream SPEC]... [options]"
    longdesc = (
        "Answer plain DNS on this machine.  Ask for the answers over TLS (RFC 7858),"
        " of servers that proved who they are."
    )

    opt_version = opt_version

    def __init__(self, folder: str = "") -> None:
        """Begin without a flag; relative paths begin at `folder`, "" is here."""
        usage.Options.__init__(self)
        self._folder = folder
        self._words: tuple[str, ...] = ()
        self._base = DEFAULT
        self._listen: list[Listen] = []
        self._upstream: list[Upstream] = []
        self._lab, self._trace = False, list[str]()
        self._workers: int | None = None
        self._tls: dict[str, Any] = {}
        self._forward: dict[str, Any] = {}
        self._cache: dict[str, Any] = {}
        self._admin: dict[str, Any] = {}

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the flags; on a fault end the process with one line and status 1.

        twistd would print its whole usage before a UsageError, and hide that line.
        """
        try:
            self.read(options)
        except usage.UsageError as fault:
            raise SystemExit(f"dotproxy: {fault}") from None

    def read(self, options: Sequence[str] | None = None) -> None:
        """Read the flags and set `config`; a UsageError is one line."""
        self._words = tuple(sys.argv[1:] if options is None else options)
        # A daemon leaves its folder later.
        self._folder = os.path.abspath(self._folder)
        try:
            usage.Options.parseOptions(self, self._words)
        except usage.UsageError as fault:
            cause = fault.__context__
            if isinstance(cause, getopt.GetoptError):
                raise usage.UsageError(advice(cause, VALUES)) from None
            raise

    def again(self) -> Config:
        """Read the same flags once more, and with them the files that they name.

        Raises ConfigError, and leaves `config` as it is.
        """
        anew = Options(self._folder)
        try:
            anew.read(self._words)
        except usage.UsageError as fault:
            subject, _, rule = str(fault).partition(" ")
            raise ConfigError(subject, rule) from None
        return anew.config

    def opt_listen(self, text: str) -> None:
        """Serve DNS there over UDP and TCP, or with tls://ADDR over TLS, or with
        https://ADDR/dns-query over HTTPS, which take a [certificate] in the file; :53
        is port 53 of all addresses; may be repeated (default 127.0.0.1:5300 and
        [::1]:5300)."""
        for each in spread(text):
            self._listen.append(checked("--listen", each, parse_listen))

    def opt_upstream(self, text: str) -> None:
        """Ask this server: tls://ADDRESS[:PORT][#NAME], or one of cloudflare quad9
        google adguard mullvad controld, or lab, a small server in this process to
        try things on; may be repeated (default cloudflare, then quad9)."""
        if text == LAB:
            self._lab = True
        else:
            self._upstream.append(checked("--upstream", text, parse_upstream))

    def opt_strategy(self, text: str) -> None:
        """Choose among upstreams: failover, fastest, round-robin, random, race or
        split (default failover)."""
        self._forward["strategy"] = checked(
            "--strategy", text, lambda name: Forward(strategy=name).strategy
        )

    def opt_timeout(self, text: str) -> None:
        """Answer within so many seconds, 0.1 to 30, if only to say that it failed
        (default 5)."""
        self._forward["timeout"] = checked("--timeout", text, flag_values.timeout)

    def opt_pin(self, text: str) -> None:
        """Insist on this key, sha256//BASE64; may be repeated, one match is enough;
        holds for every --upstream (default none)."""
        pins = self._tls.get("spki_pins", ())
        self._tls["spki_pins"] = (*pins, checked("--pin", text, spki_pin))

    def opt_ca_file(self, text: str) -> None:
        """Trust the authorities in this PEM file; holds for every --upstream (default
        the system's)."""

        def read(path: str) -> str:
            return certificate_file(os.path.join(self._folder, path))

        self._tls["ca_file"] = checked("--ca-file", text, read)

    def opt_cache_size(self, text: str) -> None:
        """Keep so many octets of answers, 0 for none (default 33554432, 32 MiB)."""
        self._cache["size"] = checked("--cache-size", text, flag_values.cache_size)

    def opt_admin(self, text: str) -> None:
        """Show metrics and status there, by HTTP: ADDRESS:PORT, such as
        127.0.0.1:9153 (default none)."""
        self._admin["listen"] = checked(
            "--admin", text, lambda address: Admin(listen=address).listen
        )

    def opt_workers(self, text: str) -> None:
        """Serve by so many processes, 0 for one on each core (default 1)."""
        self._workers = checked("--workers", text, flag_values.workers)

    def opt_log_format(self, text: str) -> None:
        """Log as text, or as json, an object on each line (default text)."""
        if text not in ("text", "json"):
            raise usage.UsageError(f"--log-format {shown(text)} must be text or json")
        if self.parent is not None and text == "json":
            self.parent["logger"] = "dotproxy.json_log.observer"

    def opt_trace(self, text: str) -> None:
        """Log each step of queries for this name, or for .NAME and all below it, with
        their octets; may be repeated (default none)."""
        self._trace.append(checked("--trace", text, rule_name))

    def opt_config(self, text: str) -> None:
        """Read this file, dotproxy.toml; flags override it (default none)."""
        try:
            self._base = load(os.path.join(self._folder, text))
        except ConfigError as fault:
            raise usage.UsageError(str(fault)) from None

    def opt_help(self) -> None:
        """Show this text."""
        print(self)
        raise SystemExit(0)

    def parseArgs(self, *arguments: str) -> None:
        """Refuse what is no flag."""
        if arguments:
            raise usage.UsageError(
                f"{shown(arguments[0])} is no flag: write --config FILE,"
                " --listen ADDR or --upstream SPEC"
            )

    def postOptions(self) -> None:
        """Put file and flags together."""
        self._check_upstream_flags()
        changes: dict[str, Any] = {
            "forward": replace(self._base.forward, **self._forward),
            "cache": replace(self._base.cache, **self._cache),
            "admin": replace(self._base.admin, **self._admin),
            "trace": tuple(self._trace),
        }
        if self._listen:
            changes["listen"] = tuple(self._listen)
        if self._workers is not None:
            changes["workers"] = self._workers
        if self._upstream or self._lab:
            others = (u for u in self._base.upstream if u.group != DEFAULT_GROUP)
            ours = (replace(u, **self._tls) for u in self._upstream)
            changes["upstream"] = (*ours, *others)
            changes["lab"] = self._lab
        try:
            self.config = replace(self._base, **changes)
        except ConfigError as fault:
            flag = fault.path[0] in ("listen", "workers") or self._upstream
            said = f"--{fault}" if flag else f"--listen: {fault}"
            raise usage.UsageError(said) from None

    def _check_upstream_flags(self) -> None:
        if self._lab and (self._upstream or self._tls):
            raise usage.UsageError(
                "--upstream lab stands alone: leave it away,"
                " or every other --upstream, --pin and --ca-file"
            )
        if self._tls and not self._upstream:
            flag = "--pin" if "spki_pins" in self._tls else "--ca-file"
            raise usage.UsageError(
                f"{flag} holds for upstreams given as flags: give --upstream too,"
                " or set it in the file"
            )

    def getUsage(self, width: int | None = None) -> str:
        """Return the text of --help: flags by group, with defaults, then examples."""
        groups = (
            f"{group}:\n" + "\n".join(map(self._explained, flags)) + "\n"
            for group, flags in GROUPS.items()
        )
        longdesc = textwrap.fill(self.longdesc, WIDTH) + "\n"
        return "\n".join(("", longdesc, *groups, EXAMPLES)).rstrip()

    def _explained(self, flag: str) -> str:
        value = VALUES[flag]
        spelled = f"  --{flag}={value}" if value else f"  --{flag}"
        return textwrap.fill(
            " ".join(self.docs[flag].split()),
            WIDTH,
            initial_indent=spelled.ljust(TEXT_COLUMN),
            subsequent_indent=" " * TEXT_COLUMN,
            break_on_hyphens=False,
        )


def checked(flag: str, text: str, read: Callable[[str], T]) -> T:
    """Return what `read` makes of a flag's text; its fault becomes a UsageError."""
    try:
        return read(text)
    except ConfigError as fault:
        rule = fault.rule
    except ValueError as fault:
        rule = str(fault)
    raise usage.UsageError(f"{flag} {shown(text)} {rule}")
