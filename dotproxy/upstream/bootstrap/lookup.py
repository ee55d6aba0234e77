"""One search for a server's addresses: resolver after resolver, until one knows."""

from collections.abc import Callable, Iterable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from dotproxy.config.spelling import joined
from dotproxy.upstream.bootstrap.lookup_message import Family, Found, merge
from dotproxy.upstream.interface import UpstreamError

RESOLUTION_DELAY = 0.05
"""Seconds that one family's addresses wait for the other's (RFC 8305 section 3)."""

Resolver = tuple[str, int]
"""The IP address and the port of a plain resolver."""

Ask = Callable[[Family, Resolver], Deferred[Found]]
"""Ask a resolver for one family; see Plain.ask."""


async def look_up(
    resolvers: Iterable[Resolver], ask: Ask, clock: IReactorTime
) -> Found:
    """Return what the first resolver found that found anything.

    Raises UpstreamError, which says of each resolver why it was of no use.
    Cancelled, it cancels what it asked.
    """
    failures = []
    for resolver in resolvers:
        both = Both({family: ask(family, resolver) for family in Family}, clock)
        await both.settled
        if both.found:
            return merge(both.found)
        failures.append(f"{joined(*resolver)} ({', '.join(both.failures)})")
    raise UpstreamError(", ".join(failures))


class Both:
    """Both families asked of one resolver at the same time.

    `settled` fires when no more is to come, or is not worth the wait; `found` then
    holds what came, in that order, and `failures` why the rest did not.
    """

    def __init__(
        self, asking: dict[Family, Deferred[Found]], clock: IReactorTime
    ) -> None:
        self.found: list[Found] = []
        self.failures: list[str] = []
        self.settled: Deferred[None] = Deferred(self._stop)
        self._asking = asking
        self._clock = clock
        for family, found in list(asking.items()):
            found.addCallbacks(
                partial(self._came, family), partial(self._failed, family)
            )

    def _came(self, family: Family, found: Found) -> None:
        self.found.append(found)
        self._ended(family)
        for other in self._asking.values():
            other.addTimeout(RESOLUTION_DELAY, self._clock)

    def _failed(self, family: Family, failure: Failure) -> None:
        self.failures.append(f"{family.name}: {failure.getErrorMessage()}")
        self._ended(family)

    def _ended(self, family: Family) -> None:
        """Settle with the last of both, unless it ended because we were stopped."""
        if self._asking.pop(family, None) is not None and not self._asking:
            self.settled.callback(None)

    def _stop(self, _: object) -> None:
        asking, self._asking = self._asking, {}
        for found in asking.values():
            found.cancel()
