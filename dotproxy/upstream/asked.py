"""A query in the hands of one upstream, wherever it waits or is under way."""

from typing import Protocol as TypingProtocol

from dotproxy.upstream.health import Health
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query

MOST_WAITING = 4096
"""Queries that may wait for one upstream's attention: some 2 s of work, once they have
it.  More would only wait for their deadline.  Clients may have 2,000 under way, as
configured by default."""

STOPPED = UpstreamError("stopped")
CROWDED = UpstreamError("too many queries wait")


class Asker(TypingProtocol):
    """Who asked, and hears one of these two things, once."""

    def answered(self, answer: Answer) -> None:
        """Hear the answer."""

    def failed(self, error: UpstreamError) -> None:
        """Hear that there is none."""


class Asked:
    """A query that was handed to an upstream, and whoever waits for the answer.

    There is one for each query and upstream, so what it tells is told by a plain
    call: a Deferred would be a twentieth of the whole work.
    """

    __slots__ = ("_asker", "chances", "query", "replays")

    def __init__(self, query: Query, asker: Asker) -> None:
        self.query = query
        # Let go of once it was told: two that hold each other are work for the
        # garbage collector.
        self._asker: Asker | None = asker
        self.replays = 0
        """Times that it was asked again."""
        self.chances = 1
        """Places where it is under way or waits: ways in which an answer may come."""

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits: not answered, not failed, not forgotten."""
        return self._asker is not None

    def settle(self, answer: Answer) -> None:
        """Give the answer to the one who waits, if somebody still does."""
        asker, self._asker = self._asker, None
        if asker is not None:
            asker.answered(answer)

    def fail(self, error: UpstreamError) -> None:
        """Tell the one who waits that there is no answer."""
        asker, self._asker = self._asker, None
        if asker is not None:
            asker.failed(error)

    def forget(self) -> None:
        """Let it be: nobody waits any more, and nobody is told."""
        self._asker = None


class Server(TypingProtocol):
    """One upstream server, whichever way it is asked."""

    name: str
    health: Health
    queries: int
    """Those that came."""
    timed_out: int
    """Those that had no answer in time."""

    @property
    def waiting(self) -> int:
        """Count the queries that wait to be sent."""

    @property
    def in_flight(self) -> int:
        """Count the queries that were sent and have no answer yet."""

    @property
    def queries_in_clear(self) -> int:
        """Count the queries that left in clear."""

    @property
    def hopeful(self) -> bool:
        """Whether, down as it may be, there is reason to think that it will answer."""

    def ask(self, query: Query, asker: Asker) -> Asked:
        """Ask.

        `asker` hears an answer or an error, by the deadline of `query` at the
        latest, and maybe before this returns.
        """

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way, and no connection is left."""

    def drain(self) -> None:
        """Ask nothing more, and become quiet when what is under way has ended."""

    def stop(self) -> None:
        """Fail whatever is under way, and all that comes."""
