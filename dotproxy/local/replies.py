"""How many replies clients got, by where they came from and by what they said."""

from dotproxy.wire.message import RCODE

RCODES = RCODE + 1
"""RCODEs that a header has room for; what OPT adds is not looked at."""


LOCAL, CACHE, STALE = "local", "cache", "stale"
UPSTREAM, ERROR = "upstream", "error"
"""What a query says of where its reply came from."""


class Replies:
    """Count replies: a list for each source, with a place for each RCODE.

    `local` are those that rules and refusals make, `cache` and `stale` those that were
    learned, `upstream` what was asked for.  `error` is for what nobody could answer,
    now or a moment ago.
    """

    __slots__ = ("cache", "error", "local", "stale", "upstream")

    def __init__(self) -> None:
        self.local = [0] * RCODES
        self.cache = [0] * RCODES
        self.stale = [0] * RCODES
        self.upstream = [0] * RCODES
        self.error = [0] * RCODES

    def by_source(self) -> dict[str, list[int]]:
        """Return the counts under the names of their sources."""
        return {source: getattr(self, source) for source in self.__slots__}


def count(counts: list[int], reply: bytes) -> bytes:
    """Count a reply among others of its source, and return it."""
    counts[reply[3] & RCODE] += 1
    return reply
