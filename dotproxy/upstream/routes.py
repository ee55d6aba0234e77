"""Which group of upstreams is asked for a query: split DNS."""

from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred, fail, gatherResults
from zope.interface import implementer

from dotproxy.upstream.asked import Server
from dotproxy.upstream.interface import IUpstream, UpstreamError
from dotproxy.upstream.strategy import Strategy
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query

Route = Callable[[Query], str | None]
"""Name the group that a query is for; None is the one for all the rest.

The same for all who share an answer: it goes by the query's key, and nothing else.
"""


@implementer(IUpstream)
class Routes:
    """Ask the one group of upstreams that a query is for.

    What a group cannot answer fails, and is never asked of another: a private name
    must not leave its network when that network is ill, nor a public one be asked of
    whoever happens to be near.
    """

    def __init__(self, groups: Mapping[str, Strategy], rest: str, route: Route) -> None:
        self.groups = dict(groups)
        self._rest = rest
        self._route = route

    def exchange(self, query: Query) -> Deferred[Answer]:
        """Ask; see IUpstream."""
        name = self._route(query)
        group = self.groups.get(self._rest if name is None else name)
        if group is None:
            return fail(UpstreamError(f"there is no group {name!r} to ask"))
        if query.trace is not None:
            query.trace.note("group", "{group}", group=name or self._rest)
        return group.exchange(query)

    def drain(self) -> Deferred[None]:
        """Finish what is under way, then hang up; see `Strategy`."""
        draining = [group.drain() for group in self.groups.values()]
        drained = gatherResults(draining, consumeErrors=True)
        return drained.addCallbacks(lambda _: None, lambda one: one.value.subFailure)

    def stop(self) -> None:
        """Stop every upstream of every group, which fails what is under way."""
        for group in self.groups.values():
            group.stop()

    @property
    def upstreams(self) -> Sequence[Server]:
        """The servers of all groups."""
        return [each for group in self.groups.values() for each in group.upstreams]

    @property
    def first(self) -> Sequence[Server]:
        """The servers that are asked for all that no rule sends elsewhere."""
        return self.groups[self._rest].upstreams

    @property
    def queries_in_clear(self) -> int:
        """Count the queries that left in clear, for groups that are asked so."""
        return sum(upstream.queries_in_clear for upstream in self.upstreams)
