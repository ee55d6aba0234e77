"""An upstream behind a cache that a fleet shares: that is asked first, for a moment."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import implementer

from dotproxy.local.seal import Seal
from dotproxy.upstream.interface import IUpstream
from dotproxy.upstream.store import Store
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query

Origin = Callable[[Query], bytes | None]
"""Return what stands for those who are asked for a query; None: keep it here."""


@implementer(IUpstream)
class Shared:
    """Take answers from the shared cache where it has them, else ask, and write behind.

    What lies there is what upstreams say, before any rule: each node puts its own rules
    between this and its clients.  It is to the cache here what the cache of an upstream
    is, whose TTLs have counted down as well.
    """

    def __init__(
        self, upstream: IUpstream, store: Store, seal: Seal, origin: Origin
    ) -> None:
        self._upstream = upstream
        self.store = store
        self.seal = seal
        self._origin = origin
        self.hits = self.misses = 0
        """Look-ups that had an answer, and those that had none, or none of use."""

    def exchange(self, query: Query) -> Deferred[Answer]:
        """Ask; see IUpstream."""
        origin = self._origin(query)
        if origin is None:
            return self._upstream.exchange(query)
        key = self.seal.key(origin, query)
        looking = self.store.get(key)
        if looking is None:
            return self._ask(query, origin)
        finding: Deferred[Answer] = looking.addCallback(self._found, query, origin, key)
        return finding

    def _found(
        self, value: bytes | None, query: Query, origin: bytes, key: bytes
    ) -> Answer | Deferred[Answer]:
        if value is None:
            return self._ask(query, origin)
        answer = self.seal.open(key, query, value)
        if answer is None:
            self.misses += 1
            return self._ask(query, origin)
        self.hits += 1
        return answer

    def _ask(self, query: Query, origin: bytes) -> Deferred[Answer]:
        asking = self._upstream.exchange(query)
        return asking.addCallback(self._learned, query, origin)

    def _learned(self, answer: Answer, query: Query, origin: bytes) -> Answer:
        if self.store.usable:
            sealed = self.seal.close(origin, query, answer)
            if sealed is not None:
                self.store.put(*sealed)
        return answer
