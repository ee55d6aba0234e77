"""Answers ready to send: for what was answered this very second, one look-up.

A reply that was made here is right for everybody who sends the same octets, but for
ID and spelling, until its TTLs count down: for the rest of the second.  So it is kept
for that long, under all of the query but its ID, with the name folded, and sent with
the ID and the name of whoever asks.
"""

from collections import Counter

from dotproxy.wire.message import HEADER, RCODE
from dotproxy.wire.query import Query

MOST_OCTETS = 4 * 2**20
"""Octets of queries and replies kept in one second: some 20,000 that are usual.  Who
asks more different questions than that gains little."""

MOST_TALLIES = 1024
"""Pairs of a type and an RCODE that are counted apart: there are some dozen in use, and
anybody can make up a million.  What is beyond counts as type 0."""

Tally = list[int]
"""One number: replies that were found, of one type and RCODE."""

Parts = tuple[bytes, bytes, Tally]
"""What goes before the client's name, what goes behind it, and where it counts."""


class Ready:
    """The replies of this second, for one kind of transport.

    The hot path looks into `replies` by itself; see `find` for how.
    """

    __slots__ = (
        "_octets", "_tallies", "dropped", "looked_at", "queries", "replies", "second",
    )  # fmt: skip

    def __init__(self) -> None:
        self.replies: dict[bytes, Parts] = {}
        self._octets = 0
        self.second = 0
        self.queries = 0
        """Queries that came by this transport, ready or not."""
        self.dropped = 0
        """Those that waited for their turn in vain."""
        self.looked_at: Counter[int] = Counter()
        """Those that were not ready, by type, as whoever looked at them counted."""
        self._tallies: dict[tuple[int, int], Tally] = {}

    @property
    def hits(self) -> int:
        """Count the replies that were found."""
        return sum(tally[0] for tally in self._tallies.values())

    def by_rcode(self) -> list[int]:
        """Return how many were found, in the place of their RCODE."""
        counts = [0] * (RCODE + 1)
        for (_, rcode), tally in self._tallies.items():
            counts[rcode] += tally[0]
        return counts

    def by_type(self) -> Counter[int]:
        """Return all queries that were ready or looked at, by type."""
        counts = Counter(self.looked_at)
        for (kind, _), tally in self._tallies.items():
            counts[kind] += tally[0]
        return counts

    def turn(self, now: float) -> None:
        """Forget the replies of a second that is over."""
        second = int(now)
        if second != self.second:
            self.second = second
            self.clear()

    def find(self, message: bytes) -> bytes | None:
        """Return the reply to a client's message, or None if none is ready.

        The first octet 0 is taken for the end of the name.  For what was kept it was,
        and a message that differs from that in its name alone is spelled otherwise:
        lengths of labels are no letters.
        """
        end = message.find(0, HEADER.size)
        name = message[HEADER.size : end]
        parts = self.replies.get(message[2:12] + name.lower() + message[end:])
        if parts is None:
            return None
        parts[2][0] += 1
        return b"".join((message[:2], parts[0], name, parts[1]))

    def keep(self, query: Query, reply: bytes) -> None:
        """Keep the reply to `query` for the rest of the second.

        One that is traced has to go all its way each time.
        """
        if query.trace is not None:
            return
        message = query.wire
        end = message.find(0, HEADER.size)
        octets = self._octets + len(message) + len(reply)
        if end == HEADER.size + len(query.question) - 5 and octets <= MOST_OCTETS:
            self._octets = octets
            name = message[HEADER.size : end].lower()
            key = message[2:12] + name + message[end:]
            tally = self._tally(query.type, reply[3] & RCODE)
            self.replies[key] = reply[2:12], reply[end:], tally

    def clear(self) -> None:
        """Forget all: what they rest on has changed."""
        self.replies.clear()
        self._octets = 0

    def _tally(self, kind: int, rcode: int) -> Tally:
        """Return where a reply counts: with others of its type and RCODE.

        So to count one costs as little as a number can, and no loop over all of them
        is needed when the second turns.
        """
        tally = self._tallies.get((kind, rcode))
        if tally is None:
            few = len(self._tallies) < MOST_TALLIES
            tally = self._tallies.setdefault((kind if few else 0, rcode), [0])
        return tally
