"""An upstream under rules: who is asked for an alias, and what is let in."""

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from dotproxy.detours import Detours
from dotproxy.local.rules import Alias, Rules
from dotproxy.upstream.interface import IUpstream, UpstreamError
from dotproxy.wire.answer import Answer
from dotproxy.wire.dotted import spell_name
from dotproxy.wire.draft import FORGED, explained
from dotproxy.wire.message import FormatError
from dotproxy.wire.query import Query, about
from dotproxy.wire.rewrite import behind_alias

MOST_ALIASES = 8
"""Aliases of rules that are followed one after the other; then whoever is next is asked
for, as if it were none."""

ALIAS = "an alias by a rule"


@implementer(IUpstream)
class Ruled:
    """Ask an upstream, and give on what the rules make of its answers.

    A name that a rule makes an alias is answered by its target: by the rules again, or
    else by the upstream.  One that leads back to itself is asked for as it is.
    """

    def __init__(self, upstream: IUpstream, rules: Rules) -> None:
        self._upstream = upstream
        self._rules = rules
        self._detours = Detours(upstream, rules)

    def exchange(self, query: Query) -> Deferred[Answer]:
        """Ask; see IUpstream."""
        if not self._rules.concerns_answers:
            return self._upstream.exchange(query)
        return self._ask(query, ())

    def _ask(self, query: Query, passed: tuple[bytes, ...]) -> Deferred[Answer]:
        """Ask for a name, behind those that were passed."""
        lead = self._rules.detour(query)
        if lead is not None and not passed:
            return Deferred.fromCoroutine(self._detours.answer(query, lead))
        name = query.question[:-4].lower()
        alias = self._rules.alias(query)
        followed = (name, *passed)
        if alias is None or alias.target in followed or len(passed) == MOST_ALIASES:
            asking = self._upstream.exchange(query)
            return asking.addCallback(self._checked, query)
        behind = about(query, alias.target)
        if query.trace is not None:
            target = spell_name(alias.target)
            query.trace.note("rules", "an alias of {target}", target=target)
        # Clients name the alias in their hello, which the gateway does not know.
        led = self._rules.lead(alias.target) is not None
        draft = None if led else self._rules.draft(behind)
        if draft is not None:
            answering = succeed(draft.answer())
        else:
            answering = self._ask(behind, followed)
        return answering.addCallback(self._joined, query, alias)

    def _checked(self, answer: Answer, query: Query) -> Answer:
        try:
            checked = self._rules.checked(query.question, answer)
        except FormatError as fault:
            raise UpstreamError(f"an answer cannot be checked: {fault}") from None
        if checked is not answer and query.trace is not None:
            query.trace.note("rules", "the answer has what a rule keeps away")
        return checked

    def _joined(self, answer: Answer, query: Query, alias: Alias) -> Answer:
        try:
            joined = behind_alias(answer, query.question, alias.target, alias.ttl)
        except FormatError as fault:
            raise UpstreamError(f"an answer cannot be joined: {fault}") from None
        return explained(joined, FORGED, ALIAS)
