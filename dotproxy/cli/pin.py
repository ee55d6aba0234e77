"""`dotproxy pin`: the pins of a server's certificates, ready for dotproxy.toml."""

import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from msgspec.structs import replace
from twisted.python import usage

from dotproxy.cli import command
from dotproxy.cli.check.findings import Certificate, Server, Status
from dotproxy.cli.check.interview import Terms
from dotproxy.cli.check.probe import Probe
from dotproxy.cli.check.subject import subjects
from dotproxy.cli.flag import seconds
from dotproxy.cli.host import look_up
from dotproxy.config.model import Config, ConfigError, Upstream
from dotproxy.config.named_files import certificate_file
from dotproxy.config.options import checked, opt_version
from dotproxy.config.presets import PRESETS
from dotproxy.config.setting import shown
from dotproxy.config.spelling import HIGHEST_PORT, address_and_port, host_name, joined
from dotproxy.config.toml_file import DEFAULT
from dotproxy.config.upstream import TLS_PORT
from dotproxy.config.upstream_spec import SCHEME, parse_upstream
from dotproxy.upstream.interface import UpstreamError

NOWHERE = "192.0.2.0"
"""An address that belongs to nobody (RFC 5737), until a host's own is looked up."""

LONGEST_SUBJECT = 40
"""Characters of a subject that stand beside its pin."""

timeout_seconds = seconds(0.1, 30)
"""Read how long to wait for a connection."""


class PinOptions(usage.Options):
    """Read the flags of `dotproxy pin`."""

    synopsis = "dotproxy pin HOST[:PORT][#NAME] [options]"
    longdesc = (
        "Print the pins of all certificates that a server shows, as lines for"
        " dotproxy.toml, and say whether the chain is verified.  HOST is a name, an"
        " address or a preset; the certificate must be for NAME, or else for HOST."
        "  Exit status: 0 verified, 1 not verified or not reached, 2 wrong usage."
    )

    takes: ClassVar[Mapping[str, str]] = {
        "ca-file": "FILE",
        "timeout": "SECONDS",
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
        self._ca_file = ""
        self._timeout = 5.0
        self._host = ""
        self._upstream = Upstream((NOWHERE,))

    def opt_ca_file(self, text: str) -> None:
        """Trust the authorities in this PEM file (default the system's)."""
        self._ca_file = checked("--ca-file", text, certificate_file)

    def opt_timeout(self, text: str) -> None:
        """Wait so many seconds for a connection, 0.1 to 30 (default 5)."""
        self._timeout = checked("--timeout", text, timeout_seconds)

    def parseArgs(self, *hosts: str) -> None:
        """Take the server."""
        if len(hosts) != 1:
            raise usage.UsageError("name one server: HOST[:PORT][#NAME]")
        self._host, self._upstream = checked("HOST", hosts[0], parse_host)

    async def run(self, reactor: Any) -> int:
        """Print the pins of the first address that shows any; return the status."""
        try:
            upstream = await self._located(reactor)
            servers = await _look(upstream, reactor, self._timeout)
        except ConfigError as fault:
            raise usage.UsageError(str(fault)) from None
        except UpstreamError as fault:
            print(f"dotproxy: {fault}", file=sys.stderr)
            return 1
        last = servers[-1]
        if last.chain:
            print("\n".join(_lines(last, upstream)))
            return 0 if last.status is Status.GOOD else 1
        for each in servers:
            print(f"dotproxy: {each.address}: {each.reason}", file=sys.stderr)
        return 1

    async def _located(self, reactor: Any) -> Upstream:
        """Return the server with its addresses, looked up if need be."""
        upstream = replace(self._upstream, ca_file=self._ca_file)
        if upstream.addresses != (NOWHERE,):
            return upstream
        found = await look_up(self._host, reactor)
        if not found:
            raise UpstreamError(f"{self._host} has no address, says the system")
        return replace(upstream, addresses=tuple(found))


def parse_host(text: str) -> tuple[str, Upstream]:
    """Read `HOST[:PORT][#NAME]`; ValueError or ConfigError if it is anything else.

    Return the name that is to be looked up, '' if none is, and the server.
    """
    host, _, name = text.removeprefix(SCHEME).partition("#")
    bare, colon, port = host.partition(":")
    if text in PRESETS or not _is_name(bare):
        return "", parse_upstream(text)
    try:
        _, number = address_and_port(f"{NOWHERE}{colon}{port}", TLS_PORT)
        return bare, Upstream((NOWHERE,), number, name or bare)
    except ConfigError as fault:
        rule = f"has {fault.subject}, which {fault.rule}"
    except ValueError:
        rule = f"must be HOST[:PORT][#NAME], the port a number up to {HIGHEST_PORT}"
    raise ConfigError(shown(text), rule)


def _is_name(text: str) -> bool:
    try:
        host_name(text)
    except ValueError:
        return False
    return True


async def _look(upstream: Upstream, reactor: Any, timeout: float) -> list[Server]:
    """Look at one address after the other, up to the first that shows a chain."""
    (subject,) = subjects(Config(DEFAULT.listen, (upstream,)), reactor)
    probe = Probe(subject, Terms(timeout), reactor)
    servers: list[Server] = []
    for address in upstream.addresses:
        servers.append(await probe.look(address))
        if servers[-1].chain:
            break
    return servers


def _lines(server: Server, upstream: Upstream) -> Iterator[str]:
    """Write a chain as a piece of dotproxy.toml, with what to know as comments."""
    assert server.identity is not None
    name = server.identity.expected
    at = joined(server.address, upstream.port)
    if server.status is Status.GOOD:
        yield f"# {name} at {at}: the chain is VERIFIED."
    else:
        yield f"# {name} at {at}: NOT VERIFIED, anybody may have shown this chain."
        yield f"# {server.reason}"
    yield "spki_pins = ["
    for certificate in server.chain:
        yield f'    "{certificate.pin}",  # {_whose(certificate)}'
    yield "]"


def _whose(certificate: Certificate) -> str:
    subject = textwrap.shorten(certificate.subject, LONGEST_SUBJECT, placeholder="...")
    return f"{certificate.role} {subject}, until {certificate.not_after:%Y-%m-%d}"
