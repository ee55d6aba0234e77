"""Servers of the lab for tests on the real reactor, with certificates to choose."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twisted.internet import reactor

from dotproxy.lab import zone
from dotproxy.lab.certificates import Authority, Issued, Leaf
from dotproxy.lab.server import LOOPBACK, SERVER_NAME, LabServer

GOOD = Leaf((SERVER_NAME,), (LOOPBACK,))


@dataclass(frozen=True)
class Standing:
    """A server that runs, and the file with the authority to trust it by."""

    server: LabServer
    ca_file: Path
    issued: Issued

    @property
    def address(self) -> str:
        """Its address and port."""
        return f"{LOOPBACK}:{self.server.port}"

    @property
    def spec(self) -> str:
        """What --upstream takes to ask it."""
        return f"tls://{self.address}#{SERVER_NAME}"

    @property
    def words(self) -> tuple[str, ...]:
        """What `dotproxy check` takes to find all well."""
        return (self.spec, f"--ca-file={self.ca_file}", "--name=www.lab.example")


def start(
    at_end: Callable[..., Any], leaf: Leaf = GOOD, answer: Any = zone.answer
) -> Standing:
    """Start a server with such a certificate; it ends with the test."""
    authority = Authority.create("authority of a test", datetime.now(UTC))
    issued = authority.issue(leaf)
    ca_file = Path("ca.pem").absolute()
    ca_file.write_bytes(authority.pem)
    server = LabServer(reactor, issued, answer, idle_timeout=0.5)
    server.startService()
    at_end(server.stopService)
    return Standing(server, ca_file, issued)


def ending(after: timedelta, lifetime: timedelta) -> Leaf:
    """Return a good certificate that ends so long after now, and lives so long."""
    end = datetime.now(UTC) + after
    return Leaf(GOOD.names, GOOD.addresses, not_before=end - lifetime, not_after=end)
