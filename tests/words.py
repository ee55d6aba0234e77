"""Queries and answers in words, for the tests of what is kept between the two."""

from struct import pack

import dns.message
import dns.name
import dns.rdata
import dns.rdatatype

from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.edns import option
from dotproxy.wire.message import HEADER
from dotproxy.wire.query import Query, parse_query
from tests.messages import BACK, message, opt, record

NXDOMAIN = 0x8183
"""Flags of an answer that there is no such name; without RCODE they are 0x8180."""

SOA = "@ 900 SOA ns.example.com. admin.example.com. 1 7200 3600 86400 60"
"""A SOA with the TTL 900 and the MINIMUM 60."""

BOGUS = option(15, b"\0\6bogus")
"""An Extended DNS Error of an upstream: DNSSEC Bogus (RFC 8914 section 4.7)."""


class Time:
    """A clock that goes when it is told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def asking(
    name: str = "example.com", kind: str = "A", *records: bytes, flags: int = 0x0100
) -> Query:
    """Ask for a name, as it is spelled; the records are additional."""
    question = wire(dns.name.from_text(name))
    question += pack("!HH", dns.rdatatype.from_text(kind), 1)
    return parse_query(message(flags, [question], [], [], records))


def answering(
    query: Query,
    *answers: str,
    authority: tuple[str, ...] = (),
    flags: int = 0x8180,
    options: bytes | None = None,
) -> Answer:
    """Answer a query with records, each "owner TTL type data"; "@" is who was asked.

    With `options` there is an OPT record that has them.
    """
    sections = [[line(text) for text in texts] for texts in (answers, authority)]
    additional = [] if options is None else [opt(options)]
    return parse_answer(message(flags, [query.question], *sections, additional))


def line(text: str) -> bytes:
    """Put a record together from its text."""
    name, ttl, kind, data = text.split(maxsplit=3)
    owner = BACK if name == "@" else wire(dns.name.from_text(name))
    rdata = dns.rdata.from_text("IN", kind, data)
    return record(owner, rdata.rdtype, wire(rdata), int(ttl))


def wire(part: dns.name.Name | dns.rdata.Rdata) -> bytes:
    """Return a name or the data of a record as octets."""
    octets = part.to_wire()
    assert octets is not None
    return octets


def letters(query: bytes) -> list[int]:
    """Return where the letters of a query's name are; lengths of labels are none."""
    found, at = [], HEADER.size
    while length := query[at]:
        label = range(at + 1, at + 1 + length)
        found += [place for place in label if query[place : place + 1].isalpha()]
        at += 1 + length
    return found


def respelled(query: bytes) -> bytes:
    """Return a query with each letter of its name in the other case."""
    other = bytearray(query)
    for place in letters(query):
        other[place] ^= 0x20
    return bytes(other)


def read(reply: bytes | None) -> dns.message.Message:
    """Read a reply as a client does; there must be one."""
    assert reply is not None
    return dns.message.from_wire(reply, one_rr_per_rrset=True)


def ttls(reply: bytes | None) -> list[int]:
    """Return the TTLs of a reply's records, in the order they came."""
    return [each.ttl for section in read(reply).sections[1:] for each in section]


def error_codes(reply: bytes | None) -> list[int]:
    """Return the INFO-CODEs of a reply's Extended DNS Errors (RFC 8914)."""
    return [int(each.code) for each in read(reply).extended_errors()]
