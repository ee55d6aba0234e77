"""What is noted of one query and its reply."""

from typing import Final, Literal, NamedTuple
from typing import Protocol as TypingProtocol

Transport = Literal["udp", "tcp", "dot", "doh"]
"""By what a client asks, as metrics call it."""

UDP: Final = "udp"
TCP: Final = "tcp"
DOT: Final = "dot"
DOH: Final = "doh"
"""Over HTTP, with our TLS or behind somebody's who has the certificate."""

TRANSPORTS: tuple[Transport, ...] = (UDP, TCP, DOT, DOH)

Client = bytes | str
"""An address, as it is at hand where replies leave: packed or spelled."""


class Note(NamedTuple):
    """A reply that leaves: to whom, how, to what, and where it came from.

    `at` is when it leaves, in seconds since 1970; `seconds` is how long that took.
    """

    at: float
    transport: Transport
    client: Client
    query: bytes
    reply: bytes
    source: str
    seconds: float = 0.0


class Sourced(TypingProtocol):
    """Whoever knows where a reply came from, once there is one."""

    @property
    def source(self) -> str:
        """One of `SOURCES`."""


class Known(NamedTuple):
    """A source that is known beforehand."""

    source: str


READY = Known("ready")
"""It was sent within the same second before."""

CACHED = Known("cache")

REJECTED = Known("rejected")
"""The query could not be read, or its client may not ask."""

SOURCES = (
    *("ready", "local", "cache", "stale", "upstream", "error"),
    "rejected",
)
"""Where replies come from: as metrics call it, and those that were no use."""
