"""For how long a reply holds, as those must know who carry it without reading it."""

from dotproxy.wire.message import HEADER, SOA, records, skip_plain_name


def freshness(reply: bytes) -> int:
    """Return the seconds for which a reply of ours may be kept (RFC 8484 section 5.1).

    That is its smallest TTL; where there is no answer, also the MINIMUM of the SOA that
    says so (RFC 2308 section 5).  It is 0 where nothing tells.
    """
    _, _, questions, answers, authorities, _ = HEADER.unpack_from(reply)
    if not questions:
        return 0
    end = skip_plain_name(reply, HEADER.size) + 4
    ttls = []
    for record in records(reply, end, answers or authorities):
        ttls.append(int.from_bytes(reply[record.fixed + 4 : record.fixed + 8], "big"))
        if not answers and record.type == SOA:
            ttls.append(int.from_bytes(reply[record.end - 4 : record.end], "big"))
    return min(ttls, default=0)
