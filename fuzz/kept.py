"""Targets: what is kept of an answer, over time and over a restart."""

from contextlib import suppress
from zlib import crc32

from dotproxy.config.caching import Caching
from dotproxy.local.cache import Cache
from dotproxy.local.entry import check
from dotproxy.local.seal import VERSION, Seal
from dotproxy.local.snapshot import MAGIC, dump, load
from dotproxy.wire.answer import parse_answer
from dotproxy.wire.message import HEADER, OPT, FormatError, Record
from dotproxy.wire.query import Query, parse_query
from dotproxy.wire.reply import from_answer
from fuzz.octets import Octets, answered
from fuzz.reading import has_all, in_reply, is_reply

SEALED_AT = 10.0**9
"""When what a shared cache has was learned, in seconds since 1970."""

STALE = 30
"""The TTL of a stale answer, in seconds (RFC 8767 section 4)."""


def fuzz_cache(octets: bytes) -> None:
    """What the cache says is what it learned, but for ID, spelling, flags and TTLs."""
    choices = Octets(octets)
    passed = choices.word() << choices.number(16)
    with suppress(FormatError):
        wish = parse_query(choices.some())
        answer = parse_answer(answered(wish.wire, wish.question, choices.rest()))
        now = 1000.0
        cache = Cache(Caching(), lambda: now)
        cache.learn(wish, answer)
        restored = Cache(Caching(), lambda: now)
        for age, key, entry in load(dump(cache.entries())):
            check(key, entry)
            restored.restore(age, key, entry)
        now += passed
        asker = parse_query(other_spelling(wish))
        for each in (cache, restored):
            for reply in (each.answer(asker), each.stale(asker)):
                if reply is not None:
                    _is_same(asker, reply, answer.body, answer.records)


def fuzz_snapshot(octets: bytes) -> None:
    """A file of the cache is read, and what is in it can be told; or it is refused."""
    with suppress(FormatError):
        for _ in load(octets):
            pass
    whole = MAGIC + octets
    now = 10.0**6
    cache = Cache(Caching(), lambda: now)
    with suppress(FormatError):
        for age, key, entry in load(whole + crc32(whole).to_bytes(4, "big")):
            check(key, entry)
            cache.restore(age, key, entry)
    for _, key, _ in [*cache.entries()]:
        head = b"\x12\x34" + bytes((key[-1] & 1, key[-1] & 0x50))
        wish = parse_query(head + b"\0\1" + bytes(6) + key[:-1])
        wish.key = key
        for reply in (cache.answer(wish), cache.stale(wish)):
            if reply is not None:
                is_reply(wish, reply)


def fuzz_sealed(octets: bytes) -> None:
    """What a shared cache has is an answer to this query, or none, even sealed."""
    choices = Octets(octets)
    with suppress(FormatError):
        wish = parse_query(choices.some())
        rest = choices.rest()
        seal = Seal(b"", Caching(), lambda: SEALED_AT)
        key = seal.key(b"", wish)
        value = bytes((VERSION,)) + seal._seal(key, rest) + rest
        for each in (rest, value):
            answer = seal.open(key, wish, each)
            if answer is not None:
                is_reply(wish, from_answer(wish, answer))


def other_spelling(wish: Query) -> bytes:
    """Return a query with another ID and its name in capitals: the cache sees one."""
    end = HEADER.size + len(wish.question)
    name = wish.question[:-4].upper()
    return b"\xab\xcd" + wish.wire[2:12] + name + wish.wire[end - 4 :]


def _is_same(wish: Query, reply: bytes, body: bytes, kept: list[Record]) -> None:
    """Find fault with what differs from the answer and must not."""
    is_reply(wish, reply)
    has_all(wish, reply, kept)
    found = [record for record in in_reply(wish, reply) if record.type != OPT]
    for mine, theirs in zip(found, kept, strict=False):
        assert mine[1:] == theirs[1:], "records stay where they were"
        ttl = int.from_bytes(reply[mine.fixed + 4 : mine.fixed + 8], "big")
        assert ttl <= Caching().max_ttl, "no TTL has run below 0"
        for part in (slice(mine.at, mine.fixed + 4), slice(mine.fixed + 8, mine.end)):
            assert reply[part] == body[part], "only TTLs change"
    assert reply[3] & 15 == body[3] & 15, "the RCODE stays"
