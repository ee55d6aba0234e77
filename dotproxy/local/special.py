"""Questions that are never forwarded, whoever asks."""

from dotproxy.wire.edns import explanation
from dotproxy.wire.message import AXFR, BADVERS, CHAOS, IXFR, REFUSED
from dotproxy.wire.query import Query
from dotproxy.wire.reply import status

NOT_SUPPORTED = 21
"""INFO-CODE "Not Supported" (RFC 8914 4.22)."""


class Special:
    """Answer what a forwarder must not pass on, or cannot."""

    def answer(self, query: Query) -> bytes | None:
        """Refuse transfers, the CHAOS class, signed queries and later EDNS versions.

        A transfer is many messages where one is expected; CHAOS names, such as
        version.bind, mean the server itself, and the upstream's are not ours to
        tell; a signature would not survive the changes of a hop (RFC 8945 5.5).
        """
        if query.opt is not None and query.opt.version:
            return status(query, BADVERS)
        if reason := _refusal(query):
            return status(query, REFUSED, explanation(NOT_SUPPORTED, reason))
        return None


def _refusal(query: Query) -> str | None:
    if query.type in (AXFR, IXFR):
        return "zone transfers are not forwarded"
    if query.rdclass == CHAOS:
        return "the CHAOS class is not forwarded"
    if query.signed:
        return "signed queries are not forwarded"
    return None
