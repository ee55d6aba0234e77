"""What is asked, what the upstreams answer, and whether a reply is right.

The address of a name is made out of the name itself, so any reply can be judged
without knowing who gave it.
"""

from enum import Enum
from zlib import crc32

from dotproxy.lab.zone import Reply
from dotproxy.wire.message import HEADER, NOERROR, QR, RCODE, SERVFAIL, TC, fold

ORIGIN = b"\5check\7example\0"

TTL = 1
"""Seconds that an answer holds, so that what was known is soon stale."""

ADDRESS = b"\0\1\0\1"
"""Type A, class IN."""

OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
"""An OPT of a client that takes 1,232 octets."""


class Verdict(Enum):
    """What a reply is worth."""

    RIGHT = "right"
    SERVFAIL = "SERVFAIL"
    OTHER = "other"
    """An honest word of another kind: another RCODE, or TC without records."""
    WRONG = "wrong"
    """A reply to something else, or with another address."""


def ask(number: int, label: str) -> bytes:
    """Return a query for the address of a name, under this ID."""
    name = bytes((len(label),)) + label.encode() + ORIGIN
    head = HEADER.pack(number, 0x0100, 1, 0, 0, 1)
    return head + name + ADDRESS + OPT


def answer(query: bytes) -> Reply:
    """Answer a query as the upstreams do that are well."""
    question = _question(query)
    record = (
        b"\xc0\x0c" + ADDRESS + TTL.to_bytes(4, "big") + b"\0\4" + _address(question)
    )
    head = query[:2] + HEADER.pack(0, 0x8180, 1, 1, 0, 0)[2:]
    return Reply(head + question + record, 0.0)


def judge(query: bytes, reply: bytes) -> Verdict:
    """Say what a reply to `query` is worth; its ID is right already."""
    question = _question(query)
    if len(reply) < HEADER.size or not reply[2] & QR or _question(reply) != question:
        return Verdict.WRONG
    if reply[3] & RCODE == SERVFAIL:
        return Verdict.SERVFAIL
    if reply[3] & RCODE != NOERROR or (reply[2] & TC and reply[6:8] == b"\0\0"):
        return Verdict.OTHER
    data = HEADER.size + len(question) + 12
    good = reply[6:8] == b"\0\1" and reply[data : data + 4] == _address(question)
    return Verdict.RIGHT if good else Verdict.WRONG


def _question(message: bytes) -> bytes:
    """Return the question of a message that has one, and nothing compressed in it."""
    return message[HEADER.size : message.find(0, HEADER.size) + 5]


def _address(question: bytes) -> bytes:
    return crc32(fold(question)).to_bytes(4, "big")
