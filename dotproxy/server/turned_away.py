"""What those get who may not ask, or not so often."""

from typing import Any

from dotproxy.http.request import NOT_ALLOWED, Refusal
from dotproxy.journal.journal import Journal
from dotproxy.journal.note import REJECTED, Client, Transport
from dotproxy.local.gate import DROP, SLIP, Verdict
from dotproxy.server.visit import Visit
from dotproxy.wire.edns import explanation
from dotproxy.wire.message import REFUSED, FormatError
from dotproxy.wire.query import parse_query
from dotproxy.wire.reply import cut_short, status

PROHIBITED = 18
"""INFO-CODE "Prohibited" (RFC 8914 4.19)."""


def reply_to(message: bytes, verdict: Verdict) -> bytes | None:
    """Return the reply to one that is not let in; None for silence.

    It is never longer than the query by more than the reason, so nobody can make much
    of it by a forged address.
    """
    if verdict is DROP:
        return None
    try:
        query = parse_query(message)
    except FormatError:
        return None
    if verdict is SLIP:
        return cut_short(query)
    why = explanation(PROHIBITED, "this network may not ask")
    return status(query, REFUSED, why)


class Refuser:
    """Answer clients over TCP that may not ask, in the place of who could.

    `usual` hears of them all the same: they take room like any other.  `refusal` is for
    those over HTTP who get no reply of the DNS.
    """

    gate = None
    wants_clients = True

    def __init__(
        self, usual: Any, verdict: Verdict, refusal: Refusal = NOT_ALLOWED
    ) -> None:
        self._usual = usual
        self._verdict = verdict
        self.refusal = refusal

    @property
    def journal(self) -> Journal | None:
        """Where replies are noted: the same as for others."""
        journal: Journal | None = self._usual.journal
        return journal

    def respond(
        self,
        message: bytes,
        transport: Transport,
        client: Client | None = None,
    ) -> bytes | None:
        """Refuse, or say nothing; see `Responder`."""
        reply = reply_to(message, self._verdict)
        if reply is not None and client is not None and self.journal is not None:
            visit = Visit(self.journal, transport, client, message)
            visit.note(reply, REJECTED)
        return reply

    def known(self, message: bytes) -> bytes | None:
        """Know nothing."""
        return None

    def connectionMade(self, protocol: Any) -> None:
        """Pass it on."""
        self._usual.connectionMade(protocol)

    def connectionLost(self, protocol: Any) -> None:
        """Pass it on."""
        self._usual.connectionLost(protocol)
