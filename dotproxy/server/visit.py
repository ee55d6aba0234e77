"""A client's query, for the journal, until its reply is there."""

from collections.abc import Callable
from typing import NamedTuple

from twisted.internet.defer import Deferred

from dotproxy.journal.journal import Journal
from dotproxy.journal.note import Client, Note, Sourced, Transport

Seconds = Callable[[], float]


class Visit(NamedTuple):
    """Who asks what, and by which transport."""

    journal: Journal
    transport: Transport
    client: Client
    query: bytes

    def note(self, reply: bytes, sourced: Sourced, seconds: float = 0.0) -> None:
        """Note a reply that leaves, so many seconds after the query came."""
        journal, transport, client, query = self
        at, source = journal.now(), sourced.source
        journal.add(Note(at, transport, client, query, reply, source, seconds))

    def note_late(
        self, replying: Deferred[bytes], sourced: Sourced, seconds: Seconds
    ) -> Deferred[bytes]:
        """Note a reply once it is there, by the clock `seconds`."""
        came = seconds()

        def note(reply: bytes) -> bytes:
            self.note(reply, sourced, seconds() - came)
            return reply

        return replying.addCallback(note)
