"""What a client gets: an upstream's answer made its own, or word from here."""

from dotproxy.wire.answer import Answer
from dotproxy.wire.edns import (
    DNSSEC_OK,
    PADDING,
    UDP_PAYLOAD,
    explanations,
    option,
    write_opt,
)
from dotproxy.wire.message import (
    AD,
    CD,
    HEADER,
    LONGEST,
    NOERROR,
    OPCODE,
    QR,
    RA,
    RCODE,
    RD,
    SERVFAIL,
    TC,
    Z,
    records,
)
from dotproxy.wire.query import Query
from dotproxy.wire.subnet import leading_subnet, subnet_for_client

BARE_OPT = 11
"""Octets of an OPT record without options."""


def from_answer(query: Query, answer: Answer) -> bytes:
    """Make an upstream's answer to the same question the reply to `query`."""
    explained = explanations(answer.opt) if answer.opt else b""
    if query.subnet:
        explained = subnet_for_client(query.subnet, answer.opt) + explained
    if answer.body[4:6] == b"\0\0":
        return status(query, answer.rcode, explained)
    return from_body(query, answer.body, answer.rcode, explained)


def from_body(query: Query, body: bytes, rcode: int, explanation: bytes) -> bytes:
    """Make the body of an answer, which has no OPT, the reply to `query`.

    Records stay as they came, octet for octet.  The client finds its own ID and
    spelling, RD and CD as it set them, RA set, AA clear, AD only if it asked for
    it (RFC 6840 5.8), an OPT of ours if and only if it sent one (RFC 6891 6.1.1;
    over a stream records come first), and TC if the whole is larger than it takes.
    """
    wanted = Z | AD if query.wire[3] & AD or query.dnssec_ok else Z
    rcode = _expressible(query, rcode)
    flags = body[3] & wanted | rcode & RCODE
    head = _head(query, body[2] & TC, flags, body[6:12])
    rest = body[HEADER.size + len(query.question) :]
    return _finish(query, head + query.question + rest, rcode, explanation)


def status(query: Query, rcode: int, explanation: bytes = b"") -> bytes:
    """Reply with an RCODE and no records; say why, if the client can hear it.

    `explanation` holds Extended DNS Errors as options (RFC 8914 section 3).
    """
    rcode = _expressible(query, rcode)
    head = _head(query, 0, rcode & RCODE, bytes(6))
    return _finish(query, head + query.question, rcode, explanation)


def cut_short(query: Query) -> bytes:
    """Reply that the answer does not fit, and no more: who is real asks over TCP."""
    head = _head(query, TC, 0, bytes(6))
    return _finish(query, head + query.question, NOERROR, b"")


def rejection(wire: bytes, rcode: int) -> bytes:
    """Reply to a message that could not be read: a header and nothing else."""
    flags = bytes((QR | wire[2] & (OPCODE | RD), RA | rcode))
    return wire[:2] + flags + bytes(8)


def _head(query: Query, truncated: int, flags: int, counts: bytes) -> bytes:
    """Write the header: the client's own bits, and those that are ours to say."""
    wire = query.wire
    third = QR | truncated | wire[2] & RD
    return wire[:2] + bytes((third, RA | wire[3] & CD | flags)) + b"\0\1" + counts


def _expressible(query: Query, rcode: int) -> int:
    """Put a plain failure for an RCODE that takes an OPT to say, where none may go."""
    return SERVFAIL if rcode > RCODE and query.opt is None else rcode


def _finish(query: Query, reply: bytes, rcode: int, explanation: bytes) -> bytes:
    """Put OPT behind a reply and keep the whole to the size that the client takes."""
    limit = query.max_size
    if query.opt is None:
        return reply if len(reply) <= limit else _truncated(reply, query, limit)
    flags = query.opt.flags & DNSSEC_OK
    # Without its subnet, a cache would take the reply for everybody's.
    for said in (query.options + explanation, leading_subnet(explanation)):
        opt = write_opt(UDP_PAYLOAD, rcode, flags, said)
        size = len(reply) + len(opt)
        if size <= limit:
            if query.block:
                padding = _padding(size, query)
                opt = write_opt(UDP_PAYLOAD, rcode, flags, said + padding)
            return with_additional(reply, opt)
    if limit == LONGEST:
        # A stream has nothing larger to fall back to: the records matter more.
        return reply
    return with_additional(_truncated(reply, query, limit - len(opt)), opt)


def _padding(size: int, query: Query) -> bytes:
    """Pad a reply of so many octets to whole blocks, if that is not more than fits."""
    zeros = -(size + len(option(PADDING, b""))) % query.block
    padding = option(PADDING, bytes(zeros))
    return padding if size + len(padding) <= query.max_size else b""


def with_additional(reply: bytes, record: bytes) -> bytes:
    """Put one more record behind a message."""
    additionals = int.from_bytes(reply[10:12], "big") + 1
    count = additionals.to_bytes(2, "big")
    return b"".join((reply[:10], count, reply[12:], record))


def _truncated(reply: bytes, query: Query, limit: int) -> bytes:
    """Cut a reply behind the last whole record that fits, and set TC.

    A proxy that leaves anything out says so (RFC 5625 section 4.4).
    """
    ident, flags, questions, *counts = HEADER.unpack_from(reply)
    start = HEADER.size + len(query.question)
    ends = [record.end for record in records(reply, start, sum(counts))]
    fitting = [end for end in ends if end <= limit]
    room, kept = len(fitting), []
    for count in counts:
        kept.append(min(count, room))
        room -= kept[-1]
    head = HEADER.pack(ident, flags | TC << 8, questions, *kept)
    return head + reply[HEADER.size : max(fitting, default=start)]
