"""Answers for names that are led to the gateway, once the origin was asked."""

from collections.abc import Sequence

from twisted.logger import Logger

from dotproxy.local.detour import Service, led, services, shown
from dotproxy.local.lead import BINDINGS, Lead, host_of, target_of
from dotproxy.local.rules import Rules
from dotproxy.upstream.interface import IUpstream, UpstreamError
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query, about
from dotproxy.wire.svcb import ROOT

OTHER = 0
"""The INFO-CODE of an error that has no other (RFC 8914 section 4.1)."""

MOST_ALIASES = 8
"""Aliases that are followed one after the other (RFC 9460 2.4.2 wants a bound)."""


class Detours:
    """Ask for what the origin says, and lead it to the gateway.

    What is learned in passing, of ECH, goes into the rules' `edges`: the relay lives by
    it.
    """

    log = Logger()

    def __init__(self, upstream: IUpstream, rules: Rules) -> None:
        self._upstream = upstream
        self._rules = rules

    async def answer(self, query: Query, lead: Lead) -> Answer:
        """Return what a query for HTTPS, SVCB or addresses gets; raises UpstreamError.

        A name has addresses of its own once the origin says that it is there: who makes
        names up takes none.
        """
        if query.type in BINDINGS:
            return await self._services(query, lead)
        if lead.looks_up:
            answer = await self._upstream.exchange(query)
            if answer.rcode:
                return answer
        draft = self._leased(lead, query).draft(query.question, 0)
        assert draft is not None, "addresses are never left to others"
        return draft.answer()

    async def _services(self, query: Query, lead: Lead) -> Answer:
        """Return what a query for HTTPS or SVCB gets.

        Where nothing is to be had, whatever the reason, there is nothing of the type: a
        client that hears of a failure may give up (RFC 9460 section 3.1).
        """
        try:
            found = await self._found(query)
        except UpstreamError:
            found = []
        if found:
            lead = self._leased(lead, query)
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

    def _leased(self, lead: Lead, query: Query) -> Lead:
        """Return the lead for a name; raises UpstreamError if there is no address."""
        led = self._rules.leased(lead, query.name)
        if led is not None:
            return led
        if self._rules.leases.complains():
            self.log.warn(
                "all {room} leases of the gateway are in use, and new names fail: widen"
                " leases in [gateway], or give addresses for those who have none",
                room=self._rules.leases.room,
            )
        raise UpstreamError("no address is left at the gateway", OTHER)

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
            self._rules.edges.learn(name, origin, names)
