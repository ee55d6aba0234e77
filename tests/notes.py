"""Notes of queries, for the tests of the journal."""

from typing import Any

import dns.flags
import dns.message
import dns.rcode

from dotproxy.journal.note import UDP, Note
from tests.clients import query

AT = 1772366401.582
"""2026-03-01T12:00:01.582Z."""

CLIENT = bytes((192, 168, 1, 7))


def noted(
    name: str = "www.Lab.example", rcode: str = "NOERROR", **settings: Any
) -> Note:
    """Note a query for an A record, which was answered at once."""
    wire = settings.pop("query", query(1, name))
    reply = dns.message.make_response(dns.message.from_wire(query(1)), True)
    reply.set_rcode(dns.rcode.from_text(rcode))
    made = Note(AT, UDP, CLIENT, wire, reply.to_wire(), "cache")
    return made._replace(**settings)
