"""An answer, as an upstream gave it."""

from dotproxy.wire.edns import Opt, keepalive, read_opt
from dotproxy.wire.message import (
    FORMERR,
    HEADER,
    LONGEST,
    NOTIMP,
    OPCODE,
    OPT,
    QR,
    RCODE,
    REFUSED,
    SERVFAIL,
    TC,
    FormatError,
    Record,
    fold,
    records,
    skip_plain_name,
)

UNHELPFUL = frozenset((FORMERR, SERVFAIL, NOTIMP, REFUSED))
"""RCODEs that speak of the server and not of the name: another may know better."""


class Answer:
    """One upstream's answer, found to be well formed.

    `body` is the message without its OPT, `records` are those in it; `rcode` is the
    whole RCODE, EDNS's share included; `opt` what the upstream says to us and to
    nobody else.
    """

    __slots__ = ("body", "opt", "rcode", "records")

    def __init__(self, body: bytes, found: list[Record], opt: Opt | None) -> None:
        self.body = body
        self.records = found
        self.opt = opt
        self.rcode = body[3] & RCODE | (opt.rcode if opt else 0)

    @property
    def truncated(self) -> bool:
        """Whether the upstream left something out (TC)."""
        return self.body[2] & TC != 0

    @property
    def helpful(self) -> bool:
        """Whether this settles the question, so that no other need be asked."""
        return self.rcode not in UNHELPFUL and not self.truncated

    @property
    def keepalive(self) -> float | None:
        """Seconds for which the upstream keeps this connection idle, if it says so."""
        return keepalive(self.opt) if self.opt else None


def parse_answer(wire: bytes) -> Answer:
    """Read an upstream's message; FormatError if a part of it cannot be read.

    An error may come without the question (RFC 1035 4.1.1 has FORMERR for those
    who could not read it); all else must carry exactly one.
    """
    if len(wire) < HEADER.size or not wire[2] & QR:
        raise FormatError("no answer at all")
    _, _, questions, answers, authorities, additionals = HEADER.unpack_from(wire)
    end = HEADER.size
    if questions == 1:
        end = skip_plain_name(wire, end) + 4
    elif questions or not wire[3] & RCODE:
        raise FormatError("an answer repeats its one question")
    if end > len(wire):
        raise FormatError("the question runs off the end of the message")
    found = records(wire, end, answers + authorities + additionals)
    if (found[-1].end if found else end) != len(wire):
        raise FormatError("octets behind the last record")
    return _without_opt(wire, found, additionals)


def replies_to(message: bytes, query: bytes) -> bool:
    """Whether a message that came in clear replies to our query (RFC 5452 9.1).

    It has its ID and repeats its question, in whatever spelling.
    """
    question = query[HEADER.size : skip_plain_name(query, HEADER.size) + 4]
    repeated = message[HEADER.size : HEADER.size + len(question)]
    return (
        len(message) > HEADER.size
        and message[:2] == query[:2]
        and message[2] & (QR | OPCODE) == QR
        and message[4:6] == b"\0\1"
        and fold(repeated) == fold(question)
    )


def _without_opt(wire: bytes, found: list[Record], additionals: int) -> Answer:
    """Take OPT out of a message with these records, the last ones additional."""
    places = [n for n, record in enumerate(found) if record.type == OPT]
    if not places:
        return Answer(wire, found, None)
    place = places[0]
    if len(places) > 1 or place < len(found) - additionals:
        raise FormatError("OPT stands once, and in the additional section")
    opt = read_opt(wire, found[place])
    if place != len(found) - 1:
        body = _rebuilt(wire)
        return Answer(body, parse_answer(body).records, opt)
    count = (additionals - 1).to_bytes(2, "big")
    body = b"".join((wire[:10], count, wire[12 : found[place].at]))
    return Answer(body, found[:place], opt)


def _rebuilt(wire: bytes) -> bytes:
    """Write a message anew without OPT, where records come behind it.

    Names behind OPT may point past it, so it cannot just be cut out.  No server
    known puts it there, though all may (RFC 6891 6.1.1): hence the late import.
    """
    import dns.exception
    import dns.message

    try:
        message = dns.message.from_wire(wire, one_rr_per_rrset=True)
        message.use_edns(False)
        return message.to_wire(max_size=LONGEST, want_shuffle=False)
    except (dns.exception.DNSException, ValueError) as fault:
        raise FormatError(f"the answer cannot be read: {fault}") from None
