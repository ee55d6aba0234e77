"""What was found, as types.  `dotproxy check --json` writes them as they stand here.

Their names are the keys of that JSON, on which programs rely: docs/check.md explains
each, and new ones may be added.  Times of day are UTC; None stands for unknown.
"""

from datetime import datetime
from enum import Enum

from msgspec import Struct, field


class Status(Enum):
    """How it went."""

    GOOD = "good"
    WRONG = "wrong"
    UNREACHED = "unreached"
    """This machine has no way there, as to IPv6 where there is none."""


class Encryption(Struct, frozen=True):
    """How the connection is encrypted."""

    version: str
    cipher: str
    alpn: str
    """The protocol that was agreed on: `dot`, or nothing."""


class Identity(Struct, frozen=True):
    """Whether the server proved to be who it must be, as the proxy judges."""

    verified: bool
    by: str
    """What must fit: `name`, `address` or `pin`."""
    expected: str
    matched: str
    """The name in the certificate that fits, maybe with a wildcard."""
    reason: str
    """Why it is not verified."""


class Certificate(Struct, frozen=True):
    """One certificate of the chain."""

    role: str
    """`server`, `authority` or `root`."""
    subject: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    pin: str
    pinned: bool
    """Whether the pin is one of those that are configured."""


class Answers(Struct):
    """How the server answers.  Sizes are in octets."""

    rcode: str | None = None
    rtt_ms: float | None = None
    padded_to: int | None = None
    """The size of a padded answer; None if answers are not padded."""
    edns_size: int | None = None
    keepalive_s: float | None = None
    """For how long the server says that it keeps the connection (RFC 7828)."""
    out_of_order: bool | None = None
    in_flight: int | None = None
    """So many queries at once were all answered; more were not tried."""
    authenticates: bool | None = None
    """Whether it says that it validated an answer (AD)."""
    refuses_bogus: bool | None = None
    """Whether it hands out nothing that fails validation."""
    resumption: bool | None = None
    """Whether it resumes TLS sessions; the proxy never does."""
    idle_waited_s: float | None = None
    idle_closed_s: float | None = None
    """After how long it closed an idle connection; None if it did not."""


class Server(Struct):
    """One address of an upstream."""

    address: str
    family: str
    status: Status = Status.WRONG
    reason: str = ""
    warnings: list[str] = field(default_factory=list)
    connect_ms: float | None = None
    handshake_ms: float | None = None
    encryption: Encryption | None = None
    identity: Identity | None = None
    chain: tuple[Certificate, ...] = ()
    answers: Answers | None = None


class UpstreamFindings(Struct):
    """One upstream, with all of its addresses."""

    upstream: str
    profile: str
    found_by: str
    """Where the addresses come from: `configuration` or `bootstrap`."""
    found_in_ms: float | None = None
    status: Status = Status.WRONG
    reason: str = ""
    servers: list[Server] = field(default_factory=list)


class ListFindings(Struct, frozen=True):
    """What a file of the rules holds."""

    file: str
    rule: int | None
    """Which rule it is of, from 1; None for a hosts file."""
    listed: int
    """Names that it lists; of a hosts file also those of its addresses."""
    exceptions: int = 0
    for_browsers: int = 0
    """Lines that only a browser can follow."""
    bad_lines: int = 0
    """Lines that could not be read, and are left out."""
    faults: tuple[str, ...] = ()
    """The first of these, a sentence for each."""


class Report(Struct):
    """All that was found."""

    dotproxy: str
    """Our version."""
    checked_at: datetime
    status: Status
    upstreams: list[UpstreamFindings]
    lists: list[ListFindings] = field(default_factory=list)


def overall(parts: list[Status]) -> Status:
    """Return the status of the whole: one good part and no wrong one make it good."""
    good = Status.GOOD in parts and Status.WRONG not in parts
    return Status.GOOD if good else Status.WRONG
