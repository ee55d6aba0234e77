"""Questions that are never forwarded, whoever asks, and whatever the name."""

from dotproxy.wire.draft import positive, record
from dotproxy.wire.edns import explanation
from dotproxy.wire.message import ANY, AXFR, BADVERS, CHAOS, IXFR, NOERROR, REFUSED
from dotproxy.wire.query import Query
from dotproxy.wire.reply import from_body, status

NOT_SUPPORTED = 21
"""INFO-CODE "Not Supported" (RFC 8914 4.22)."""

HINFO = 13
"""The type of record that ANY is answered by (RFC 8482 section 4.2)."""

MINIMAL = b"\7RFC8482\0"
"""What stands in place of all records that there may be."""

MINIMAL_TTL = 3600
"""Seconds: long, since it never changes (RFC 8482 section 4.2)."""


class Refusals:
    """Answer what a forwarder must not pass on, or cannot."""

    def answer(self, query: Query) -> bytes | None:
        """Refuse transfers, the CHAOS class, signed queries and later EDNS versions.

        A transfer is many messages where one is expected; CHAOS names, such as
        version.bind, mean the server itself, and the upstream's are not ours to
        tell; a signature would not survive the changes of a hop (RFC 8945 5.5).
        ANY gets one small record: what it is asked for mostly is a large reply to
        somebody else (RFC 8482 section 4.2).
        """
        if query.opt is not None and query.opt.version:
            return status(query, BADVERS)
        if reason := _refusal(query):
            return status(query, REFUSED, explanation(NOT_SUPPORTED, reason))
        if query.type == ANY:
            minimal = record(0, HINFO, MINIMAL_TTL, MINIMAL)
            return from_body(query, positive(query.question, [minimal]), NOERROR, b"")
        return None


def _refusal(query: Query) -> str | None:
    if query.type in (AXFR, IXFR):
        return "zone transfers are not forwarded"
    if query.rdclass == CHAOS:
        return "the CHAOS class is not forwarded"
    if query.signed:
        return "signed queries are not forwarded"
    return None
