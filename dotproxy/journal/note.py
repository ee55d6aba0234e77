"""What is noted of one query and its reply."""

from typing import NamedTuple
from typing import Protocol as TypingProtocol

UDP, TCP, DOT = "udp", "tcp", "dot"
"""By what clients ask, as metrics call it."""

TRANSPORTS = (UDP, TCP, DOT)

Client = bytes | str
"""An address, as it is at hand where replies leave: packed or spelled."""


class Note(NamedTuple):
    """A reply that leaves: to whom, how, to what, and where it came from.

    `at` is when it leaves, in seconds since 1970; `seconds` is how long that took.
    """

    at: float
    transport: str
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
