"""Replies that are made up here, whoever asks."""

from collections.abc import Sequence
from typing import NamedTuple

from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.edns import EXPLANATION, UDP_PAYLOAD, Opt, explanation
from dotproxy.wire.message import HEADER, NOERROR, QR, RA, RCODE, RECORD, SOA
from dotproxy.wire.query import Query
from dotproxy.wire.reply import from_body

IN = 1
"""The class of the Internet (RFC 1035 section 3.2.4)."""

FORGED, BLOCKED, FILTERED = 4, 15, 17
"""INFO-CODEs "Forged Answer", "Blocked" and "Filtered" (RFC 8914 section 4)."""

POINTER = 0xC000
"""The bits that make two octets a pointer to a name (RFC 1035 section 4.1.4)."""

NOBODY = b"\6nobody\7invalid\0"
"""Who is responsible for a zone that nobody made (RFC 6303 section 3)."""

TIMES = b"".join(number.to_bytes(4, "big") for number in (1, 3600, 1200, 604_800))
"""Serial, refresh, retry and expire of its SOA (RFC 6303 section 3)."""


class Draft(NamedTuple):
    """A reply but for what is each client's own: ID, spelling, flags, OPT, size.

    It says why it is what it is by an INFO-CODE and a text (RFC 8914); `code` 0 says
    nothing.
    """

    body: bytes
    code: int = 0
    text: str = ""

    def reply(self, query: Query) -> bytes:
        """Make it the reply to `query`, whose question it was drafted for."""
        why = explanation(self.code, self.text) if self.code else b""
        return from_body(query, self.body, self.body[3] & RCODE, why)

    def answer(self) -> Answer:
        """Make it what an upstream might have said."""
        made = parse_answer(self.body)
        return explained(made, self.code, self.text)


def explained(answer: Answer, code: int, text: str) -> Answer:
    """Return an answer that says also, by an INFO-CODE and a text, why it is so."""
    said = answer.opt.options if answer.opt else ()
    why = (EXPLANATION, code.to_bytes(2, "big") + text.encode())
    rcode = answer.opt.rcode if answer.opt else 0
    opt = Opt(UDP_PAYLOAD, rcode, 0, 0, (*said, why))
    return Answer(answer.body, answer.records, opt)


def positive(question: bytes, records: Sequence[bytes]) -> bytes:
    """Write the body that answers a question with these records."""
    return _body(question, NOERROR, records, ())


def negative(question: bytes, rcode: int, at: int, ttl: int) -> bytes:
    """Write the body that says: no such name, or nothing of the type.

    Its SOA makes that hold for `ttl` seconds (RFC 2308 section 3).  The zone is called
    as the question's name is from the offset `at` on.
    """
    return _body(question, rcode, (), (zone_soa(at, ttl),))


def refusal(question: bytes, rcode: int) -> bytes:
    """Write the body that has an RCODE and nothing else."""
    return _body(question, rcode, (), ())


def zone_soa(at: int, ttl: int) -> bytes:
    """Write the SOA of a zone whose name is the question's from an offset on."""
    zone = pointer(at)
    rdata = b"".join((zone, NOBODY, TIMES, ttl.to_bytes(4, "big")))
    return record(at, SOA, ttl, rdata)


def record(at: int, kind: int, ttl: int, rdata: bytes) -> bytes:
    """Write a record, whose owner is the question's name from an offset on."""
    return pointer(at) + RECORD.pack(kind, IN, ttl, len(rdata)) + rdata


def pointer(at: int) -> bytes:
    """Write a name that is the question's from an offset on."""
    return (POINTER | HEADER.size + at).to_bytes(2, "big")


def _body(
    question: bytes, rcode: int, answers: Sequence[bytes], authority: Sequence[bytes]
) -> bytes:
    flags = QR << 8 | RA | rcode
    head = HEADER.pack(0, flags, 1, len(answers), len(authority), 0)
    return b"".join((head, question, *answers, *authority))
