"""How long a connection may idle, so that we close it before the server does."""

SHARE = 0.8
"""What we use of the time that a server grants, or was seen to grant."""

LEAST = 1.0
"""Seconds below which nothing is learned: a restart is not a policy."""

RELAXATION = 1.1
"""Growth of a learned limit when it was kept, so that one odd close is forgotten."""


class IdleLimit:
    """The seconds for which an upstream's connections are kept without a query.

    Nobody publishes these times, and they change: 1.5 s to minutes were seen.  So
    start at a guess and learn from each connection that the server closes first.
    """

    __slots__ = ("_most", "seconds")

    def __init__(self, seconds: float) -> None:
        self._most = seconds
        self.seconds = seconds

    def closed_by_peer(self, after: float) -> None:
        """Learn that a connection was closed after so many idle seconds."""
        if after >= LEAST:
            self.seconds = min(self.seconds, after * SHARE)

    def kept(self) -> None:
        """Learn that a connection lasted until we closed it."""
        self.seconds = min(self.seconds * RELAXATION, self._most)
