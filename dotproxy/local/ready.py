"""Answers ready to send: for what was answered this very second, one look-up.

A reply that was made here is right for everybody who sends the same octets, but for
ID and spelling, until its TTLs count down: for the rest of the second.  So it is kept
for that long, under all of the query but its ID, with the name folded, and sent with
the ID and the name of whoever asks.
"""

from dotproxy.wire.message import HEADER
from dotproxy.wire.query import Query

MOST_OCTETS = 4 * 2**20
"""Octets of queries and replies kept in one second: some 20,000 that are usual.  Who
asks more different questions than that gains little."""

Parts = tuple[bytes, bytes]
"""What goes before the client's name, and what goes behind it."""


class Ready:
    """The replies of this second, for one kind of transport.

    The hot path looks into `replies` by itself; see `find` for how.
    """

    __slots__ = ("_octets", "dropped", "flags", "queries", "replies", "second")

    def __init__(self) -> None:
        self.replies: dict[bytes, Parts] = {}
        self._octets = 0
        self.second = 0
        self.queries = 0
        """Queries that came by this transport, ready or not."""
        self.dropped = 0
        """Those that waited for their turn in vain."""
        self.flags = [0] * 256
        """Replies that were found, by the fourth octet, which has the RCODE."""

    @property
    def hits(self) -> int:
        """Count the replies that were found."""
        return sum(self.flags)

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
        self.flags[parts[0][1]] += 1
        return b"".join((message[:2], parts[0], name, parts[1]))

    def keep(self, query: Query, reply: bytes) -> None:
        """Keep the reply to `query` for the rest of the second."""
        message = query.wire
        end = message.find(0, HEADER.size)
        octets = self._octets + len(message) + len(reply)
        if end == HEADER.size + len(query.question) - 5 and octets <= MOST_OCTETS:
            self._octets = octets
            name = message[HEADER.size : end].lower()
            key = message[2:12] + name + message[end:]
            self.replies[key] = reply[2:12], reply[end:]

    def clear(self) -> None:
        """Forget all: what they rest on has changed."""
        self.replies.clear()
        self._octets = 0
