"""For how long a reply holds, as those must know who carry it without reading it."""

from dotproxy.wire.message import HEADER, SOA, records, skip_plain_name

HIGHEST_TTL = 2**31 - 1
"""Seconds; a TTL above it counts as 0 (RFC 2181 section 8)."""


def freshness(reply: bytes) -> int:
    """Return the seconds for which a reply of ours may be kept (RFC 8484 section 5.1).

    That is its smallest TTL.  Where there is no answer, or aliases alone, it holds no
    longer than the SOA that says so, and its MINIMUM (RFC 2308 sections 2 and 5).  It
    is 0 where nothing tells.
    """
    _, _, questions, answers, authorities, _ = HEADER.unpack_from(reply)
    if not questions:
        return 0
    end = skip_plain_name(reply, HEADER.size) + 4
    ttls = []
    for place, record in enumerate(records(reply, end, answers + authorities)):
        absence = place >= answers and record.type == SOA
        if place < answers or absence or not answers:
            ttls.append(_seconds(reply, record.fixed + 4))
        if absence:
            ttls.append(_seconds(reply, record.end - 4))
    return min(ttls, default=0)


def _seconds(reply: bytes, at: int) -> int:
    seconds = int.from_bytes(reply[at : at + 4], "big")
    return seconds if seconds <= HIGHEST_TTL else 0
