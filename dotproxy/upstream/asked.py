"""A query in the hands of one upstream, wherever it waits or is under way."""

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query


class Asked:
    """A query that was handed to an upstream, and whoever waits for the answer."""

    __slots__ = ("answer", "chances", "query", "replays", "wanted")

    def __init__(self, query: Query) -> None:
        self.query = query
        self.replays = 0
        """Times that it was asked again."""
        self.chances = 1
        """Places where it is under way or waits: ways in which an answer may come."""
        self.wanted = True
        """Whether somebody still waits: not answered, not failed, not cancelled."""
        self.answer: Deferred[Answer] = Deferred(self._forget)

    def settle(self, answer: Answer) -> None:
        """Give the answer to the one who waits, if somebody still does."""
        if self.wanted:
            self.wanted = False
            self.answer.callback(answer)

    def fail(self, error: UpstreamError) -> None:
        """Tell the one who waits that there is no answer."""
        if self.wanted:
            self.wanted = False
            self.answer.errback(Failure(error))

    def _forget(self, _: object) -> None:
        self.wanted = False
