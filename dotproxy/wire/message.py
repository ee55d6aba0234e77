"""What every DNS message has: a header, a question, records (RFC 1035 section 4)."""

import struct
from typing import NamedTuple

HEADER = struct.Struct("!6H")
"""ID, flags, and the counts of questions, answers, authorities, additionals."""

RECORD = struct.Struct("!HHIH")
"""What follows a record's name: type, class, TTL, length of the data."""

LONGEST = 0xFFFF
"""Octets in the longest message: what two octets of length can announce."""

LONGEST_NAME = 255
"""Octets in the longest name, lengths and root included (RFC 1035 2.3.4)."""

# The third octet of the header, and the fourth (RFC 1035 4.1.1, RFC 4035 3).
QR, OPCODE, AA, TC, RD = 0x80, 0x78, 0x04, 0x02, 0x01
RA, Z, AD, CD, RCODE = 0x80, 0x40, 0x20, 0x10, 0x0F

UPDATE = 5 << 3
"""The opcode of dynamic updates, in its place (RFC 2136 section 1.3)."""

# RCODEs (RFC 1035 4.1.1, RFC 6891 9).
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
BADVERS = 16

# Types that are looked at; all others are octets.
SOA, SIG, OPT, TSIG, IXFR, AXFR, ANY = 6, 24, 41, 250, 251, 252, 255
CHAOS = 3


class FormatError(ValueError):
    """The octets are not a message that can be read.

    `rcode` is what the sender of such a query is told; None: nothing at all.
    """

    def __init__(self, what: str, rcode: int | None = FORMERR) -> None:
        super().__init__(what)
        self.rcode = rcode


class Record(NamedTuple):
    """Where a record lies in its message, and of which type it is."""

    type: int
    at: int
    """Offset of its name."""
    fixed: int
    """Offset of its type, behind the name."""
    end: int
    """Offset of what comes behind its data."""


def records(wire: bytes, at: int, count: int) -> list[Record]:
    """Find `count` records from the offset `at`.

    Raises FormatError if one of them runs off the end of the message.
    """
    found = []
    for _ in range(count):
        fixed = skip_name(wire, at)
        try:
            kind, _, _, length = RECORD.unpack_from(wire, fixed)
        except struct.error:
            raise FormatError("a record runs off the end of the message") from None
        end = fixed + RECORD.size + length
        found.append(Record(kind, at, fixed, end))
        at = end
    if at > len(wire):
        raise FormatError("record data runs off the end of the message")
    return found


def skip_name(wire: bytes, at: int) -> int:
    """Return the offset behind the name at `at`, compressed or not.

    A pointer must point backwards, to a prior occurrence (RFC 1035 4.1.4), and so not
    into the header: it would name something else under another ID.  Raises
    FormatError for anything else.
    """
    start = at
    try:
        while length := wire[at]:
            if length >= 0xC0:
                to = (length & 0x3F) << 8 | wire[at + 1]
                if not HEADER.size <= to < start:
                    raise FormatError("a compression pointer points to no prior name")
                return _bounded(start, at + 2)
            if length > 63:
                raise FormatError("a label is longer than 63 octets")
            at += 1 + length
    except IndexError:
        raise FormatError("a name runs off the end of the message") from None
    return _bounded(start, at + 1)


def skip_plain_name(wire: bytes, at: int) -> int:
    """Return the offset behind the uncompressed name at `at`.

    The name in a question has nothing to point at; a pointer there is an
    attempt at something.  Raises FormatError.
    """
    start = at
    try:
        while length := wire[at]:
            if length > 63:
                raise FormatError("the question's name is compressed or overlong")
            at += 1 + length
    except IndexError:
        raise FormatError("the question's name runs off the end") from None
    return _bounded(start, at + 1)


def fold(question: bytes) -> bytes:
    """Put a question's name in lower case, and it only: as text, type 65 is an A."""
    return question[:-4].lower() + question[-4:]


def _bounded(start: int, end: int) -> int:
    if end - start > LONGEST_NAME:
        raise FormatError("a name is longer than 255 octets")
    return end
