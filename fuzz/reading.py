"""Messages as others read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import dns.exception
import dns.flags
import dns.message
import dns.wirebase

from dotproxy.wire.message import HEADER, LONGEST, OPT, TC, Record, records
from dotproxy.wire.query import Query


def read(wire: bytes) -> dns.message.Message:
    """Read a message as dnspython does; raises what that raises.

    A name that goes on in the header is refused: there it would change with the ID.
    """
    with _no_names_in_header():
        return dns.message.from_wire(wire, one_rr_per_rrset=True)


def readable(wire: bytes) -> bool:
    """Whether dnspython can read a message."""
    try:
        read(wire)
    except (dns.exception.DNSException, ValueError):
        return False
    return True


def is_reply(query: Query, reply: bytes) -> None:
    """Find fault with what every reply must have; AssertionError says which."""
    end = HEADER.size + len(query.question)
    assert reply[:2] == query.wire[:2], "it has the ID of the query"
    assert reply[2] & 0xF8 == 0x80, "it is a response to a QUERY"
    assert reply[4:6] == b"\0\1", "it has one question"
    assert reply[HEADER.size : end] == query.question, "spelled as in the query"
    assert len(reply) <= query.max_size, "it is no larger than the client takes"
    found = in_reply(query, reply)
    assert (found[-1].end if found else end) == len(reply), "nothing comes behind"
    opts = [record for record in found if record.type == OPT]
    roomless = query.max_size == LONGEST and len(reply) > LONGEST - 2 * LONGEST // 100
    if query.opt is None:
        assert not opts, "OPT is for those who sent one"
    elif not roomless:
        assert len(opts) == 1, "who sent an OPT gets one"


def in_reply(query: Query, reply: bytes) -> list[Record]:
    """Return the records of a reply."""
    counts = HEADER.unpack_from(reply)[3:]
    return records(reply, HEADER.size + len(query.question), sum(counts))


def has_all(query: Query, reply: bytes, whole: list[Record]) -> None:
    """Find fault with a reply that lacks records and does not say so."""
    kept = [record for record in in_reply(query, reply) if record.type != OPT]
    assert len(kept) == len(whole) or reply[2] & TC, "what is left out is told"
    assert len(kept) <= len(whole), "nothing is made up"


@contextmanager
def _no_names_in_header() -> Iterator[None]:
    seek = dns.wirebase.Parser.seek

    def checked(parser: dns.wirebase.Parser, where: int) -> None:
        if where < HEADER.size:
            raise dns.exception.FormError
        seek(parser, where)

    with patch.object(dns.wirebase.Parser, "seek", checked):
        yield
