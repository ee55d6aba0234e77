"""For how long an answer holds, and which answers hold at all."""

from typing import NamedTuple

from dotproxy.config.caching import Caching
from dotproxy.wire.answer import Answer
from dotproxy.wire.freshness import HIGHEST_TTL
from dotproxy.wire.message import ANY, HEADER, NOERROR, NXDOMAIN, SOA, Record
from dotproxy.wire.query import Query
from dotproxy.wire.subnet import scoped


class Lifetime(NamedTuple):
    """Seconds for which an answer is kept, and bounds on the TTLs that are shown."""

    seconds: int
    highest: int

    def shown(self, ttl: int) -> int:
        """Return what a record's TTL is when the answer is new.

        None ends before the answer does, so that none counts down below 0.
        """
        return min(max(ttl, self.seconds), self.highest)


def lifetime(query: Query, answer: Answer, bounds: Caching) -> Lifetime | None:
    """Return for how long an answer may be kept; None for not at all.

    As long as its shortest TTL.  An answer of absence needs a SOA, and holds for
    the lesser of its TTL and its MINIMUM (RFC 2308 section 5).  One that is cut
    short, or meant for a part of the network (RFC 7871 section 7.3.1), or that
    speaks of the server and not of the name, is not kept.
    """
    if not settles(answer) or (answer.opt is not None and scoped(answer.opt)):
        return None
    ttls = [ttl_of(answer.body, record) for record in answer.records]
    if _absent(query, answer):
        soa = _soa(answer)
        if soa is None:
            return None
        minimum = int.from_bytes(answer.body[soa.end - 4 : soa.end], "big")
        least, highest = min(*ttls, minimum, bounds.negative_max_ttl), None
    else:
        least, highest = min(ttls), bounds.max_ttl
        least = max(least, bounds.min_ttl)
    seconds = min(least, bounds.max_ttl)
    return Lifetime(seconds, highest or seconds) if seconds else None


def settles(answer: Answer) -> bool:
    """Whether an answer says what there is, or that there is nothing."""
    whole = answer.body[4:6] != b"\0\0" and not answer.truncated
    return whole and answer.rcode in (NOERROR, NXDOMAIN)


def ttl_of(body: bytes, record: Record) -> int:
    """Return the TTL of a record, in seconds."""
    ttl = int.from_bytes(body[record.fixed + 4 : record.fixed + 8], "big")
    return ttl if ttl <= HIGHEST_TTL else 0


def _absent(query: Query, answer: Answer) -> bool:
    """Whether the answer says that there is no such name, or nothing of the type."""
    if answer.rcode == NXDOMAIN:
        return True
    count, wanted = int.from_bytes(answer.body[6:8], "big"), query.type
    for record in answer.records[:count]:
        if record.type == wanted or wanted == ANY:
            return False
    return True


def _soa(answer: Answer) -> Record | None:
    """Return the SOA of the authority section."""
    _, _, _, answers, authorities, _ = HEADER.unpack_from(answer.body)
    for record in answer.records[answers : answers + authorities]:
        if record.type == SOA:
            return record
    return None
