"""Answers for HTTPS and SVCB of names that are led to the gateway, and keep ECH."""

from collections.abc import Sequence

from dotproxy.local.detour import Service, led, services, shown
from dotproxy.local.edges import Edges
from dotproxy.local.lead import Lead, host_of, target_of
from dotproxy.upstream.interface import IUpstream, UpstreamError
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query, about
from dotproxy.wire.svcb import ROOT

MOST_ALIASES = 8
"""Aliases that are followed one after the other (RFC 9460 2.4.2 wants a bound)."""


class Detours:
    """Ask for the origin's records, and lead them to the gateway.

    What is learned in passing, of ECH, goes into `edges`: the relay lives by it.
    """

    def __init__(self, upstream: IUpstream, edges: Edges) -> None:
        self._upstream = upstream
        self._edges = edges

    async def answer(self, query: Query, lead: Lead) -> Answer:
        """Return what a query for HTTPS or SVCB gets.

        Where nothing is to be had, whatever the reason, there is nothing of the type: a
        client that hears of a failure may give up (RFC 9460 section 3.1).
        """
        try:
            found = await self._found(query)
        except UpstreamError:
            found = []
        # One place at a time: the relay cannot tell for which of several a hello is.
        chosen = [each for each in found if each.host == found[0].host]
        gateway, target = lead.hints, target_of(query.question[:-4])
        edited = [
            each._replace(binding=binding)
            for each in chosen
            if (binding := led(each.binding, gateway, target)) is not None
        ]
        self._learn(query, chosen[:1], edited)
        return lead.bindings(
            query.question, [(each.ttl, each.binding) for each in edited]
        ).answer()

    async def _found(self, query: Query) -> list[Service]:
        """Return the services of a name, behind all aliases."""
        asked = query
        for _ in range(MOST_ALIASES):
            answer = await self._upstream.exchange(asked)
            found = services(answer, query.type)
            if not found or not found[0].binding.alias:
                return found
            if found[0].binding.target == ROOT:
                break
            asked = about(query, found[0].host)
        return []

    def _learn(
        self, query: Query, first: Sequence[Service], edited: Sequence[Service]
    ) -> None:
        """Learn who reads the encrypted hellos for a name, and what these show."""
        names = [name for each in edited for name in shown(each.binding) or ()]
        name = host_of(query.name)
        if name and names:
            origin = host_of(first[0].host) or name
            self._edges.learn(name, origin, names)
