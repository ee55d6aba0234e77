"""An answer in the cache, as one string of octets.

So a million answers are a million leaves to the garbage collector, and nothing to
walk through:

    flags   1    whether it was used, and whether a refresh was asked for
    stored  4    when, in seconds of the cache's clock
    life    4    seconds for which it holds
    n, m    2+2  how many TTLs it has; octets of explanation
    offsets 2*n  where the TTLs are in the body
    m octets     Extended DNS Errors, as options
    the rest     the answer without its OPT
"""

from functools import lru_cache
from struct import Struct
from struct import error as struct_error

from dotproxy.local.lifetime import Lifetime, ttl_of
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.edns import (
    UDP_PAYLOAD,
    explanation,
    explanations,
    read_opt,
    write_opt,
)
from dotproxy.wire.message import (
    HEADER,
    NXDOMAIN,
    OPT,
    RCODE,
    FormatError,
    Record,
    fold,
    skip_plain_name,
)
from dotproxy.wire.query import Query
from dotproxy.wire.reply import from_body, with_additional

STALE, STALE_NXDOMAIN = 3, 19
"""INFO-CODEs "Stale Answer" and "Stale NXDOMAIN Answer" (RFC 8914 4.4, 4.20)."""

USED, REFRESHED = 1, 2
"""The flags of an entry: asked for since SIEVE's hand came by; to be renewed."""

_HEAD = Struct("!BIIHH")
_TIMES = Struct("!xII")
_TTL = Struct("!I")


def pack(answer: Answer, kept_for: Lifetime, now: int) -> bytes:
    """Return the entry for an answer that came now."""
    body = bytearray(answer.body)
    offsets = []
    for record in answer.records:
        offsets.append(record.fixed + 4)
        shown = kept_for.shown(ttl_of(answer.body, record))
        _TTL.pack_into(body, record.fixed + 4, shown)
    explained = explanations(answer.opt) if answer.opt else b""
    head = _HEAD.pack(0, now, kept_for.seconds, len(offsets), len(explained))
    return b"".join((head, _offsets(len(offsets)).pack(*offsets), explained, body))


def times(entry: bytes) -> tuple[int, int]:
    """Return when an entry was stored, and for how many seconds it holds."""
    stored, life = _TIMES.unpack_from(entry)
    return stored, life


def flagged(entry: bytes, flags: int) -> bytes:
    """Return the entry with these flags and no others."""
    return bytes((flags,)) + entry[1:]


def restamped(entry: bytes, stored: int) -> bytes:
    """Return the entry as if it had been stored at another time, without flags."""
    return b"\0" + _TTL.pack(stored) + entry[1 + _TTL.size :]


def check(key: bytes, entry: bytes) -> None:
    """Find fault with an entry that was kept elsewhere; raises FormatError.

    One that is not as `pack` makes them, for a query with this key, could not be
    made a reply later on.
    """
    try:
        _, life = times(entry)
        offsets, explained, body = _parts(entry)
    except struct_error:
        raise FormatError("an entry is cut short") from None
    answer = parse_answer(bytes(body))
    question = _question(answer)
    # Behind the question a key has flags, and maybe a subnet.
    if question is None or not key[:-1].startswith(question):
        raise FormatError("an entry is for another question")
    if answer.opt or offsets != tuple(each.fixed + 4 for each in answer.records):
        raise FormatError("an entry has TTLs where there are none")
    if any(ttl_of(answer.body, each) < life for each in answer.records):
        raise FormatError("an entry outlives its TTLs")
    if explanations(read_opt(*_as_opt(explained))) != explained:
        raise FormatError("an entry explains what it must not")


def aged_reply(query: Query, entry: bytes, age: int) -> bytes:
    """Return the reply to `query`, its TTLs counted down for `age` seconds."""
    offsets, explained, body = _parts(entry)
    _count_down(body, offsets, age)
    return from_body(query, bytes(body), body[3] & RCODE, explained)


def stale_reply(query: Query, entry: bytes, ttl: int) -> bytes:
    """Return the reply to `query` with this TTL, and word that it is stale."""
    offsets, explained, body = _parts(entry)
    for offset in offsets:
        _TTL.pack_into(body, offset, ttl)
    rcode = body[3] & RCODE
    code = STALE_NXDOMAIN if rcode == NXDOMAIN else STALE
    explained += explanation(code, "no fresh answer was to be had")
    return from_body(query, bytes(body), rcode, explained)


def answer_of(entry: bytes, age: int = 0) -> Answer:
    """Return the answer that an entry was made of, but for the TTLs.

    These are what the entry shows when it is so many seconds old.
    """
    offsets, explained, body = _parts(entry)
    _count_down(body, offsets, age)
    opt = write_opt(UDP_PAYLOAD, 0, 0, explained)
    return parse_answer(with_additional(bytes(body), opt))


def _parts(entry: bytes) -> tuple[tuple[int, ...], bytes, bytearray]:
    """Return the offsets of the TTLs, the explanation, and the body to be changed."""
    _, _, _, count, explained = _HEAD.unpack_from(entry)
    offsets = _offsets(count).unpack_from(entry, _HEAD.size)
    at = _HEAD.size + 2 * count
    return offsets, entry[at : at + explained], bytearray(entry[at + explained :])


def _count_down(body: bytearray, offsets: tuple[int, ...], age: int) -> None:
    for offset in offsets:
        ttl = int.from_bytes(body[offset : offset + 4], "big")
        _TTL.pack_into(body, offset, ttl - age)


def _question(answer: Answer) -> bytes | None:
    """Return the question as it stands in a key; None if it was left out."""
    if answer.body[4:6] == b"\0\0":
        return None
    end = skip_plain_name(answer.body, HEADER.size) + 4
    return fold(answer.body[HEADER.size : end])


def _as_opt(options: bytes) -> tuple[bytes, Record]:
    wire = write_opt(0, 0, 0, options)
    return wire, Record(OPT, 0, 1, len(wire))


@lru_cache(maxsize=256)
def _offsets(count: int) -> Struct:
    return Struct(f"!{count}H")
