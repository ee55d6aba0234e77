"""What a trace is told of what is known here, in words."""

import dns.rcode

from dotproxy.local.book import Book
from dotproxy.local.cache import Cache
from dotproxy.local.lifetime import settles
from dotproxy.local.verdicts import Effect
from dotproxy.wire.answer import Answer
from dotproxy.wire.dotted import spell_name
from dotproxy.wire.draft import IN
from dotproxy.wire.query import Query
from dotproxy.wire.subnet import scoped


def of_rules(book: Book, query: Query, answered: bool) -> str:
    """Say which rule a query meets, and the listed name by which it does.

    `answered` is whether it gets its answer by that.
    """
    found = book.find_for(query.name, query.question)
    if query.rdclass != IN:
        return "there are none for this class"
    if found is None:
        return "it has no dot, and stays here" if answered else "none meets it"
    listed = spell_name(query.name[found.at :])
    rules = book.naming.rules
    if found.entry == len(rules):
        return f"a hosts file has {listed}"
    if found.entry > len(rules):
        return f"{listed} is of special use, and never leaves"
    rule = rules[found.entry]
    exempt = found.effect is Effect.ALLOW and rule.action != "allow"
    met = f"rule {found.entry + 1}, {rule}, by {listed}"
    return f"exempt from {met}" if exempt else met


def of_cache(cache: Cache, query: Query) -> str:
    """Say what is kept for a query, and why that is no answer, if it is none."""
    kept = cache.kept(query.key)
    if kept is not None:
        left = kept.life - kept.age
        if left > 0:
            return f"a hit, {kept.age} s old, holds for {left} s more"
        return f"a miss, what is kept ended {-left} s ago"
    if any(cache.look(query.question)):
        return "a miss, what is kept is for other flags (RD, CD, DO)"
    return "a miss, nothing is kept"


def of_learning(cache: Cache, query: Query, answer: Answer) -> str:
    """Say for how long an answer is kept from now on, or why it is not."""
    kept = cache.kept(query.key)
    said = f"{_rcode(answer)}, {len(answer.records)} records"
    # What is kept may be older: its ID and flags are those of its own answer.
    if kept is not None and kept.answer.body[:4] == answer.body[:4]:
        return f"{said}, kept for {kept.life} s"
    return f"{said}, not kept: {_why_not(answer)}"


def _why_not(answer: Answer) -> str:
    if answer.truncated:
        return "it was cut short"
    if not settles(answer):
        return "it speaks of the server and not of the name"
    if answer.opt is not None and scoped(answer.opt):
        return "it is for a part of the network"
    return "it has a TTL of 0, or no SOA, or finds no room"


def _rcode(answer: Answer) -> str:
    return dns.rcode.to_text(dns.rcode.Rcode.make(answer.rcode))
