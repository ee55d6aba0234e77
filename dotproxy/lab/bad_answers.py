"""Answers gone bad: a query and its good answer in, octets that are wrong out.

The octets depend on nothing else, noise included, so that what was seen once is
seen again.  Answers too odd to be spoiled, say without a question, stay as they are.
"""

from collections.abc import Callable
from hashlib import shake_128

from dotproxy.wire.message import (
    FORMERR,
    HEADER,
    LONGEST,
    QR,
    RA,
    RD,
    TC,
    FormatError,
    skip_plain_name,
)
from dotproxy.wire.reply import rejection

NULL = b"\0\x0a"
"""The type whose record may hold anything at all (RFC 1035 section 3.3.10)."""

FILLER = 2 + 2 + 2 + 4 + 2
"""Octets of the filling record in front of its data, its name being a pointer."""

Spoil = Callable[[bytes, bytes, float], bytes]
"""A query, its answer and the value of the fault in; the bad answer out."""


def question(message: bytes) -> bytes:
    """Return the first question of a message, or nothing if it has none."""
    try:
        end = skip_plain_name(message, HEADER.size) + 4
    except FormatError:
        return b""
    if end > len(message) or message[4:6] == b"\0\0":
        return b""
    return message[HEADER.size : end]


def stray(query: bytes) -> bytes:
    """Return an answer that nobody asked for: under another ID, for another name."""
    answer = status(query, b"", 0)
    return wrong_question(query, wrong_id(query, answer, 0), 0)


def status(query: bytes, _: bytes, rcode: float) -> bytes:
    """Answer with an RCODE and the question, and no records."""
    flags = bytes((QR | query[2] & RD, RA | int(rcode)))
    return query[:2] + flags + b"\0\1" + bytes(6) + question(query)


def formerr(query: bytes, _answer: bytes, _value: float) -> bytes:
    """Answer with a header and nothing else."""
    return rejection(query, FORMERR)


def truncated(query: bytes, answer: bytes, _: float) -> bytes:
    """Leave all records away, and say so."""
    empty = status(query, answer, 0)
    return empty[:2] + bytes((empty[2] | TC,)) + empty[3:]


def huge(_: bytes, answer: bytes, octets: float) -> bytes:
    """Fill the answer up to so many octets, by one record behind the others."""
    room = min(int(octets), LONGEST) - len(answer) - FILLER
    if room < 0 or not question(answer):
        return answer
    additionals = int.from_bytes(answer[10:12], "big") + 1
    head = answer[:10] + additionals.to_bytes(2, "big") + answer[12:]
    filler = b"\xc0\x0c" + NULL + b"\0\1" + bytes(4) + room.to_bytes(2, "big")
    return head + filler + bytes(room)


def wrong_id(_query: bytes, answer: bytes, _value: float) -> bytes:
    """Turn every bit of the ID over."""
    return bytes(octet ^ 0xFF for octet in answer[:2]) + answer[2:]


def wrong_question(_query: bytes, answer: bytes, _value: float) -> bytes:
    """Change the first letter of the name that was asked for."""
    if not question(answer):
        return answer
    at = HEADER.size
    if answer[at] == 0:
        # The root has no letters; it becomes the name `x`, of two octets more.
        return answer[:at] + b"\1x" + answer[at:]
    letter = b"y" if answer[at + 1 : at + 2] in b"xX" else b"x"
    return answer[: at + 1] + letter + answer[at + 2 :]


def wrong_type(_query: bytes, answer: bytes, _value: float) -> bytes:
    """Make the question one for TXT, or for A if it was."""
    asked = question(answer)
    if not asked:
        return answer
    kind = b"\0\1" if asked[-4:-2] == b"\0\x10" else b"\0\x10"
    at = HEADER.size + len(asked) - 4
    return answer[:at] + kind + answer[at + 2 :]


def query_echo(query: bytes, _answer: bytes, _value: float) -> bytes:
    """Send back what came."""
    return query


def garbage(query: bytes, answer: bytes, _: float) -> bytes:
    """Keep ID and length, and put noise in place of the rest."""
    return answer[:2] + shake_128(query).digest(max(len(answer) - 2, 0))


def short(_: bytes, answer: bytes, octets: float) -> bytes:
    """Leave only the beginning."""
    return answer[: int(octets)]


SPOILS: dict[str, Spoil] = {
    "rcode": status,
    "formerr": formerr,
    "truncated": truncated,
    "wrong-question": wrong_question,
    "wrong-type": wrong_type,
    "huge": huge,
    "query-echo": query_echo,
    "wrong-id": wrong_id,
    "garbage": garbage,
    "short": short,
}
"""What each fault does to an answer, in the order in which several do it."""
