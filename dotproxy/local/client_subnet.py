"""What upstreams hear of a client's subnet (RFC 7871)."""

from dotproxy.wire.edns import explanation
from dotproxy.wire.message import FORMERR, FormatError
from dotproxy.wire.query import Query
from dotproxy.wire.reply import status
from dotproxy.wire.subnet import NOBODY, read_subnet

OTHER = 0
"""INFO-CODE "Other Error" (RFC 8914 section 4.1)."""


class ClientSubnet:
    """Let nobody's subnet be heard of, expressly, or with `keep` the client's own.

    It answers nothing but what cannot be read.  It must come before whoever goes by a
    query's key, for two who speak for different subnets must not share an answer.
    """

    def __init__(self, keep: bool) -> None:
        self._keep = keep

    def answer(self, query: Query) -> bytes | None:
        """Note in the query what goes further; refuse a subnet that is malformed."""
        if not self._keep:
            # Whoever asks, the wish is the same; so all share the answer.
            query.subnet = NOBODY
        elif query.opt is not None:
            try:
                query.speak_for(read_subnet(query.opt))
            except FormatError as fault:
                return status(query, FORMERR, explanation(OTHER, str(fault)))
        return None
