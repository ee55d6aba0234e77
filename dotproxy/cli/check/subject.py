"""Who is to be examined: an upstream, with all that it takes to do so."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twisted.application.service import Service

from dotproxy.cli.check.interview import Names
from dotproxy.config.model import Config, Upstream
from dotproxy.upstream.addresses import Addresses, AddressSource
from dotproxy.upstream.tls import Authenticator, Trust
from dotproxy.upstreams import addresses_of, authenticator_of, trusts_of

LAB_NAMES = Names("www.lab.example", slow="slow.lab.example")
"""What the lab knows."""


@dataclass(frozen=True)
class Subject:
    """An upstream, where it is to be found, and the proxy's judge of who it is."""

    upstream: Upstream
    addresses: AddressSource
    authenticator: Authenticator
    strict: bool = True


def subjects(config: Config, reactor: Any) -> list[Subject]:
    """Return the configured upstreams; ConfigError if a CA file is no good."""
    return [
        Subject(
            upstream,
            addresses_of(upstream, reactor),
            authenticator_of(upstream, trust),
            trust.strict,
        )
        for upstream, trust in zip(config.upstream, trusts_of(config), strict=True)
    ]


def start_lab(reactor: Any) -> tuple[Subject, Service]:
    """Start the lab in this process; whoever does so stops it, too."""
    from dotproxy.lab.door import LOOPBACK
    from dotproxy.lab.server import create_lab

    lab = create_lab(reactor, datetime.now(UTC))
    lab.server.startService()
    trust = Trust(server_name=lab.server_name, roots=lab.ca_pem)
    subject = Subject(
        Upstream((LOOPBACK,), lab.server.port, lab.server_name),
        Addresses((LOOPBACK,)),
        Authenticator(trust, time.time),
    )
    return subject, lab.server
