"""What an upstream is, and how it fails."""

from twisted.internet.defer import Deferred
from zope.interface import Interface

from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query

UNREACHABLE, NETWORK_ERROR = 22, 23
"""INFO-CODEs: nobody answered; talking to an upstream failed (RFC 8914 4.23, 4.24)."""


class UpstreamError(Exception):
    """No answer was to be had, and why, in words that a client may read."""

    def __init__(self, reason: str, code: int = NETWORK_ERROR) -> None:
        super().__init__(reason)
        self.code = code


class IUpstream(Interface):
    """Somebody who can be asked."""

    def exchange(query: Query) -> Deferred[Answer]:
        """Ask, and fire with the answer.

        It fails with UpstreamError, by the deadline of `query` at the latest.  It
        may be cancelled, which forgets the one who asked and fails it at once.
        """
