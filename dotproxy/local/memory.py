"""What was learned from upstreams: their answers, and that they had none."""

from collections.abc import Callable

from dotproxy.local.cache import Cache
from dotproxy.local.failures import Failures
from dotproxy.local.replies import CACHE, ERROR, STALE, Replies, count
from dotproxy.local.told import of_cache, of_learning
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query


class Memory:
    """Answer from the cache; where that has nothing, say what failed a moment ago.

    A failure never hides an answer: not one that holds, nor one that is stale (RFC
    8767 section 5, RFC 9520 section 3.2).

    What is asked by a query of which `exact` holds is kept for just as long as it says:
    never stale, nor longer because all is kept for a while.
    """

    def __init__(
        self,
        cache: Cache,
        failures: Failures,
        exact: Callable[[Query], bool] = lambda _: False,
    ) -> None:
        self.cache = cache
        self._exact = exact
        self.replies = Replies()
        self._failures = failures

    def answer(self, query: Query) -> bytes | None:
        """Return what holds, or what must do while asking is no use."""
        reply = self.cache.answer(query)
        if query.trace is not None:
            query.trace.note("cache", "{kept}", kept=of_cache(self.cache, query))
        if reply is not None:
            query.source = CACHE
            return count(self.replies.cache, reply)
        failed = self._failures.answer(query)
        if failed is None:
            return None
        stale = self.stale(query)
        if stale is not None:
            return stale
        if query.trace is not None:
            query.trace.note("cache", "it failed a moment ago, so nobody is asked yet")
        query.source = ERROR
        return count(self.replies.error, failed)

    def stale(self, query: Query) -> bytes | None:
        """Return what has outlived its time, if it may serve."""
        reply = None if self._exact(query) else self.cache.stale(query)
        if reply is None:
            return None
        if query.trace is not None:
            query.trace.note("stale", "what is kept has to do")
        query.source = STALE
        return count(self.replies.stale, reply)

    def learn(self, query: Query, answer: Answer) -> None:
        """Keep an answer, or that there was none."""
        self._failures.learn(query, answer)
        self.cache.learn(query, answer, exact=self._exact(query))
        if query.trace is not None:
            learned = of_learning(self.cache, query, answer)
            query.trace.note("learned", "{learned}", learned=learned)

    def flush(self, name: bytes | None = None, subtree: bool = False) -> int:
        """Forget a name, with all below it if `subtree`, or everything; count them."""
        self._failures.flush()
        return self.cache.flush(name, subtree)
