"""What is done by name, before anybody is asked and after somebody has answered."""

from dataclasses import replace
from typing import NamedTuple

from dotproxy.config.rule import ACTIONS, ALLOW
from dotproxy.local.actions import AAAA, A, Ask, Block, Own, kind_of
from dotproxy.local.book import Book, Found
from dotproxy.local.designation import NAME, Served, designation, nothing
from dotproxy.local.edges import Edges
from dotproxy.local.entry import answer_of
from dotproxy.local.lead import BINDINGS, Lead, host_of
from dotproxy.local.leases import Leases
from dotproxy.local.screen import targets, without_private
from dotproxy.local.special import NO_DESIGNATION
from dotproxy.local.told import of_rules
from dotproxy.local.verdicts import Effect
from dotproxy.wire.answer import Answer
from dotproxy.wire.draft import BLOCKED, FILTERED, FORGED, IN, Draft, negative
from dotproxy.wire.message import NOERROR, FormatError
from dotproxy.wire.query import Query, question_of
from dotproxy.wire.svcb import HTTPS, SVCB

OURS = {code.to_bytes(2, "big") for code in (FORGED, BLOCKED, FILTERED)}
"""The INFO-CODEs that rules give, as an option holds them."""

SINGLE_LABEL_TTL = 60
"""Seconds for which a name without a dot has no address here: it may yet get one."""

ADDRESSED = frozenset((A, AAAA, SVCB, HTTPS))
"""The types by which clients look for a way to a name.  The others of a name without a
dot are asked for: a top-level domain has DS, DNSKEY and NS."""


class Alias(NamedTuple):
    """A name to ask for in place of another, and for how many seconds that holds."""

    target: bytes
    ttl: int


class Rules:
    """Answer by the rules in force, and say whom to ask for the rest.

    They change by giving them another book, or by a pause; who remembers what they said
    must forget it then.
    """

    def __init__(self, book: Book, leases: Leases | None = None) -> None:
        self.served: Served = nothing
        """What of us is reached encrypted, for those who want to find it."""
        self.paused = False
        self.matched = dict.fromkeys(ACTIONS, 0)
        """Queries that met a rule, by its action."""
        self.use(book)
        self.edges = Edges()
        self.leases = leases or Leases((), lambda: 0.0)

    def use(self, book: Book) -> None:
        """Let another book hold from now on, or after the pause."""
        self.book = book
        self.held = held = book.paused() if self.paused else book
        """The book in force."""
        rebinding = book.naming.rebinding
        self.concerns_answers = (
            held.follows or held.blocks or held.leads or rebinding.protect
        )
        """Whether upstreams' answers, or who is asked for them, must be looked at."""

    def pause(self, paused: bool) -> None:
        """Let the rules that block, answer or redirect step aside, or hold again."""
        self.paused = paused
        self.use(self.book)

    def answer(self, query: Query) -> bytes | None:
        """Return the reply to `query`, or None to leave it to the next."""
        found = self._find(query)
        if found is not None:
            self._count(found)
        draft = self._draft(query, found)
        if query.trace is not None:
            rule = of_rules(self.held, query, draft is not None)
            query.trace.note("rules", "{rule}", rule=rule)
        return None if draft is None else draft.reply(query)

    def draft(self, query: Query) -> Draft | None:
        """Say what is answered here; None for what others must be asked."""
        return self._draft(query, self._find(query))

    def _find(self, query: Query) -> Found | None:
        if query.rdclass != IN:
            return None
        return self.held.find_for(query.name, query.question)

    def _count(self, found: Found) -> None:
        configured = self.held.naming.rules
        if found.effect is Effect.ALLOW:
            self.matched[ALLOW] += 1
        elif found.entry < len(configured):
            self.matched[configured[found.entry].action] += 1

    def _draft(self, query: Query, found: Found | None) -> Draft | None:
        if found is not None:
            return self._met(found, query)
        stays = self.held.naming.special.single_labels and _is_single(query.name)
        if stays and query.rdclass == IN and query.type in ADDRESSED:
            # Not NXDOMAIN: top-level domains do exist.
            return Draft(negative(query.question, NOERROR, 0, SINGLE_LABEL_TTL))
        return None

    def _met(self, found: Found, query: Query) -> Draft | None:
        """Say what is answered to a query that meets an action."""
        action = found.action
        if action is NO_DESIGNATION:
            told = self._designation(query)
            if told is not None:
                return told
        elif isinstance(action, Lead) and query.type in ADDRESSED:
            led = self._at_hand(action, query.name)
            if led is None and query.type not in BINDINGS:
                return None
            action = led or action
        return action.draft(query.question, found.at)

    def _designation(self, query: Query) -> Draft | None:
        if query.type != SVCB or query.name != NAME:
            return None
        return designation(query.question, self.served())

    def route(self, query: Query) -> str | None:
        """Return the group of upstreams that is to be asked, if a rule says which."""
        found = self.held.find_for(query.name, query.question)
        if found is not None and isinstance(found.action, Ask):
            return found.action.group
        return None

    def detour(self, query: Query) -> Lead | None:
        """Return how what an origin says of the way is led to the gateway, if it is.

        Of addresses it says only whether the name is there, which is to have its own.
        """
        lead = self._lead_for(query)
        asks = lead and (query.type in BINDINGS or lead.per_name)
        return lead if asks else None

    def is_led(self, query: Query) -> bool:
        """Whether what is said here leads to the gateway.

        That holds as long as it says, and not a second more: no cache may keep it on.
        """
        return self.held.leads and self._lead_for(query) is not None

    def leased(self, lead: Lead, name: bytes) -> Lead | None:
        """Let a name that is there have an address of its own, if its rule says so.

        Where none is left it has those of all: with ECH such names are told apart by
        what their hellos show.  None is for where there are none of all.
        """
        led = self._at_hand(lead, name)
        if led is None:
            own = self.leases.lease(host_of(name))
            if own:
                return replace(lead, addresses=own)
            return lead if lead.hints else None
        return led

    def lead(self, name: bytes) -> Lead | None:
        """Return how clients of a name, folded, are led to the gateway, if they are.

        A pause does not matter: who was led there before it remembers for a while.
        """
        found = self.book.find(name)
        if found is not None and isinstance(found.action, Lead):
            return found.action
        return None

    def names(self, name: bytes) -> bool:
        """Whether a rule has this very name, folded, and not just one above it."""
        found = self.book.find(name)
        return found is not None and not found.at

    def alias(self, query: Query) -> Alias | None:
        """Return the name to ask for instead, if a rule makes one an alias."""
        if not self.held.follows or query.rdclass != IN:
            return None
        found = self.held.find_for(query.name, query.question)
        if found is not None and isinstance(found.action, Own):
            target = found.action.alias
            return Alias(target, found.action.ttl) if target else None
        return None

    def checked(self, question: bytes, answer: Answer) -> Answer:
        """Return what becomes of an upstream's answer to a question.

        An answer that leads to a blocked name is blocked as that is, unless the name
        that was asked for is allowed.  Raises FormatError for an answer that would
        have to be edited and cannot be.
        """
        if not answer.records or question[-2:] != IN.to_bytes(2, "big"):
            return answer
        name, book = question[:-4].lower(), self.held
        found = book.find_for(name, question)
        if book.blocks and not (found and found.effect is Effect.ALLOW):
            for target in targets(answer):
                led = book.find(target)
                if led is not None and isinstance(led.action, Block):
                    return led.action.draft(question, 0).answer()
        if book.may_be_private(name, found):
            return answer
        return without_private(question, answer)

    def admits(self, key: bytes, entry: bytes) -> bool:
        """Whether the cache may take this back, which it learned in earlier days.

        It may not where rules have a word in it, be they those of today or of then.
        """
        question, answer = question_of(key), answer_of(entry)
        found = self.book.find_for(question[:-4], question)
        if kind_of(question) in BINDINGS and found and isinstance(found.action, Lead):
            return False
        said = answer.opt.options if answer.opt else ()
        if any(value[:2] in OURS for _, value in said):
            return False
        try:
            return self.checked(question, answer) is answer
        except FormatError:
            return False

    def _lead_for(self, query: Query) -> Lead | None:
        if query.type not in ADDRESSED or query.rdclass != IN:
            return None
        found = self.held.find_for(query.name, query.question)
        action = found and found.action
        return action if isinstance(action, Lead) else None

    def _at_hand(self, lead: Lead, name: bytes) -> Lead | None:
        """Return the lead with the addresses that a name has.

        None is for a name that is to have its own, and has none yet.
        """
        host = host_of(name) if lead.per_name and self.leases.room else ""
        if not host:
            return lead
        own = self.leases.held(host)
        if own is None and not lead.looks_up:
            own = self.leases.lease(host)
        return replace(lead, addresses=own) if own else None


def _is_single(name: bytes) -> bool:
    """Whether a name has one label, and so no dot."""
    return len(name) == name[0] + 2
