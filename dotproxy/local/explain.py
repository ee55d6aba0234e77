"""Which rule a name meets, and why: for whoever wonders."""

from typing import NamedTuple

import dns.message
import dns.rcode
import dns.rdatatype

from dotproxy.config.rule import CNAME
from dotproxy.local.book import Book, Found, own_names
from dotproxy.local.name_list import NameList
from dotproxy.local.name_set import NameSet
from dotproxy.local.rules import Rules
from dotproxy.local.verdicts import Effect
from dotproxy.wire.dotted import spell_name
from dotproxy.wire.draft import IN
from dotproxy.wire.message import HEADER
from dotproxy.wire.query import Query

NO_NAMES = NameSet()


class Explanation(NamedTuple):
    """What a name meets here.

    `rule` counts from 1, as the configuration does; None is for what no rule says.
    `name` is the one that is listed, with a dot before it if all below it are, too, and
    `source` is where: the path of a file, or "names".  `says` is what clients get: an
    RCODE, then records; nothing where others are asked.
    """

    rule: int | None
    name: str
    action: str
    source: str
    says: tuple[str, ...]


def explain(book: Book, name: bytes, kind: int) -> Explanation:
    """Explain what becomes of a question, by its name on the wire and its type.

    Nothing is asked.  The lists are gone through, which takes some tenths of a second
    if they have a million names.
    """
    found = book.find_for(name.lower(), _query(name, kind).question)
    says = _says(Rules(book), name, kind)
    if found is None:
        action = "stay here, having no dot" if says else "ask upstreams"
        return Explanation(None, spell_name(name), action, "", says)
    listed = name.lower()[found.at :]
    if found.entry == len(book.naming.rules):
        return Explanation(None, spell_name(listed), "answer", "hosts", says)
    if found.entry > len(book.naming.rules):
        spelled = f".{spell_name(listed)}"
        return Explanation(None, spelled, "never leave", "special names", says)
    rule = book.naming.rules[found.entry]
    exempt = found.effect is Effect.ALLOW and rule.action != "allow"
    spelled, source = _sources(book, found, listed, exempt)[0]
    action = f"exempt from {rule}" if exempt else str(rule)
    return Explanation(found.entry + 1, spelled, action, source, says)


def _sources(
    book: Book, found: Found, listed: bytes, exempt: bool
) -> list[tuple[str, str]]:
    """Return how a name is spelled in its rule, and where; one alone goes first."""
    rule, lists = book.naming.rules[found.entry], book.files.lists
    sources: list[tuple[str, NameList]] = [("names", own_names(rule.names))]
    sources += [(file, lists[file].listed) for file in rule.files]
    spelled = spell_name(listed)
    alone = [
        (spelled, where)
        for where, held in sources
        if _is_in(listed, NO_NAMES if exempt else held.names, held.except_names)
    ]
    below = [
        (f".{spelled}".replace("..", "."), where)
        for where, held in sources
        if _is_in(listed, NO_NAMES if exempt else held.suffixes, held.except_suffixes)
    ]
    # A host may be listed alone whose services are asked for.
    return below or alone if found.at else alone + below


def _is_in(name: bytes, *sets: NameSet) -> bool:
    return any(name in each for each in sets)


def _says(rules: Rules, name: bytes, kind: int) -> tuple[str, ...]:
    """Return what clients are told from here."""
    query = _query(name, kind)
    if rules.alias(query):
        query = _query(name, CNAME)
    draft = rules.draft(query)
    if draft is None:
        return ()
    message = dns.message.from_wire(draft.body, one_rr_per_rrset=True)
    records = [
        f"{dns.rdatatype.to_text(rrset.rdtype)} {rrset[0]}" for rrset in message.answer
    ]
    return (dns.rcode.to_text(message.rcode()), *records)


def _query(name: bytes, kind: int) -> Query:
    question = name + kind.to_bytes(2, "big") + IN.to_bytes(2, "big")
    return Query(bytes(HEADER.size) + question, question, None, False)
