"""The single steps of a query, timed one by one, so that a slow-down has an address.

`python -m benchmarks.micro [WORD]...` times those that have one of the words in their
name, or all.  Times are microseconds, the best of some rounds: what else the machine
does makes them longer, never shorter.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from random import Random
from timeit import Timer

import dns.message
import dns.rrset
from twisted.internet.task import Clock

from dotproxy.config.access import Access, RateLimit
from dotproxy.config.caching import Caching
from dotproxy.config.naming import Naming
from dotproxy.config.query_log import USUAL_FIELDS
from dotproxy.config.rule import Rule
from dotproxy.journal.journal import Journal
from dotproxy.journal.lines import json_form, text_form
from dotproxy.journal.note import READY, UDP, Note
from dotproxy.journal.privacy import Privacy
from dotproxy.local.book import Book
from dotproxy.local.cache import Cache
from dotproxy.local.entry import aged_reply
from dotproxy.local.gate import Gate
from dotproxy.local.name_list import parse
from dotproxy.local.names import NameTable
from dotproxy.local.rate import Rate
from dotproxy.local.ready import Ready
from dotproxy.local.rules import Rules
from dotproxy.local.verdicts import Claim, Effect, Verdict
from dotproxy.upstream.asked import Asked
from dotproxy.upstream.exchange import Exchange
from dotproxy.upstream.pending import Pending
from dotproxy.wire.answer import parse_answer
from dotproxy.wire.framing import Frames, frame
from dotproxy.wire.query import Query, limit_datagram, outgoing, parse_query
from dotproxy.wire.reply import from_answer

ROUNDS, CALLS = 7, 20_000
"""How often each step is timed, and how many calls there are in one time."""

PADDING = 128
"""Octets to whose multiple a query is padded, as by default."""

RESPONSE_PADDING = 468
"""The same of an answer (RFC 8467 section 4.1)."""

NAME = "www.bench.example"

RULED = 100_000
"""Names that have a rule."""

SOURCE = b"\xc0\xa8\1\1"
"""192.168.1.1, a client nearby."""

BATCH = 10
"""Messages that come in one go."""

Step = Callable[[], object]


def steps() -> dict[str, Step]:
    """Return the steps, each ready to be called any number of times."""
    return {
        **steps_of_clients(),
        **steps_of_queries(),
        **steps_of_rules(),
        **steps_of_hits(),
        **steps_of_misses(),
        **steps_of_notes(),
    }


def steps_of_clients() -> dict[str, Step]:
    """Return what is done to a datagram before it is looked at."""
    everybody, limit = Access(("0.0.0.0/0", "::/0")), RateLimit(1, ipv4_prefix=32)
    unlimited = Gate(everybody, None)
    limited = Gate(everybody, Rate(limit, b"seed"))
    times, numbers = count(), count()
    return {
        "let a client in": partial(unlimited.admit, SOURCE, 0.0),
        # A second passes between two, so that there is always a token.
        "let a client in, and count": lambda: limited.admit(SOURCE, next(times)),
        "let a client in that is new": lambda: limited.admit(
            (next(numbers) % 2**32).to_bytes(4), next(times)
        ),
    }


def steps_of_queries() -> dict[str, Step]:
    """Return what is done to a query that is not ready."""
    bare, with_edns = asked_for(edns=False), asked_for(edns=True)
    return {
        "parse a query": partial(parse_query, bare),
        "parse a query with EDNS": partial(parse_query, with_edns),
        "frame a message": partial(frame, with_edns),
        f"cut {BATCH} messages out of a stream": partial(
            Frames().feed, frame(with_edns) * BATCH
        ),
    }


def steps_of_rules() -> dict[str, Step]:
    """Return how a name is looked up among many that have rules."""
    # The short one, as there is in every list, has every suffix of six octets tried.
    lines = [b"||n%d.ruled.example^" % number for number in range(RULED)] + [b"||x.yz^"]
    block = Verdict(0, Effect.BLOCK)
    claim = Claim(block, parse(lines, "lines").suffixes, below=True)
    table = NameTable([claim])
    listed, strange = b"\2n7\5ruled\7example\0", b"\2n7\5other\7example\0"
    assert table.match(b"\3www" + listed) == block, "what is listed is found"
    return {
        f"match a name, of {RULED:,} in rules": partial(table.match, listed),
        "match a name below it": partial(table.match, b"\3www" + listed),
        "match a strange name of four labels": partial(table.match, b"\3www" + strange),
        **steps_of_actions(),
    }


def steps_of_actions() -> dict[str, Step]:
    """Return what a rule does to a question, and to an upstream's answer."""
    query, answer = limited(asked_for(edns=True)), parse_answer(answered())
    names = ("example.net",), (".",)
    free, blocked = (Rules(Book.read(Naming((Rule("block", some),)))) for some in names)
    assert blocked.answer(query) is not None, "what is blocked is answered"
    assert free.answer(query) is None, "all else is left to others"
    assert free.checked(query.question, answer) is answer, "and let in"
    return {
        "block a name": partial(blocked.answer, query),
        "let a name through the rules": partial(free.answer, query),
        "let an answer in": partial(free.checked, query.question, answer),
    }


def steps_of_hits() -> dict[str, Step]:
    """Return what makes a hit: the quick way first, then the ordinary one."""
    query, cache = limited(asked_for(edns=True)), Cache(Caching(), lambda: 0.0)
    cache.learn(query, parse_answer(answered()))
    [(_, _, entry)] = cache.entries()
    reply = cache.answer(query)
    assert reply is not None, "what was learned is known"
    ready = Ready()
    ready.keep(query, reply)
    return {
        "fold, and find what is ready": partial(ready.find, query.wire),
        "keep what is ready": partial(ready.keep, query, reply),
        "find in the cache, and age": partial(cache.answer, query),
        "age an entry": partial(aged_reply, query, entry, 7),
    }


def steps_of_misses() -> dict[str, Step]:
    """Return what makes a miss, but for TLS and the reactor."""
    query, wire = limited(asked_for(edns=True)), answered()
    answer = parse_answer(wire)
    cache, pending = Cache(Caching(), lambda: 0.0), Pending(Random(0))
    asked = Asked(query, Exchange(query, (), Clock()))

    def ask_and_match() -> None:
        number = pending.add(asked, 0.0)
        sent = pending.take(number.to_bytes(2, "big") + wire[2:])
        assert sent is not None, "an answer is matched"

    return {
        "write a query for upstream": partial(outgoing, query, 7, PADDING),
        "take an ID, and match an answer": ask_and_match,
        "parse an answer": partial(parse_answer, wire),
        "learn an answer": partial(cache.learn, query, answer),
        "make an answer the client's": partial(from_answer, query, answer),
    }


def steps_of_notes() -> dict[str, Step]:
    """Return what the query log adds: to the way of a query, and in its own thread."""
    privacy = Privacy((24, 56))
    journal = Journal(Clock(), privacy)
    note = Note(0.0, UDP, SOURCE, asked_for(edns=True), answered(), READY.source)
    lines = {"text": text_form, "JSON": json_form}
    forms = {word: made(USUAL_FIELDS, privacy) for word, made in lines.items()}
    return {
        "note a reply": partial(journal.add, note),
        **{f"write a note as {word}": partial(it, note) for word, it in forms.items()},
    }


def asked_for(edns: bool) -> bytes:
    """Write a query."""
    made = dns.message.make_query(NAME, "A", use_edns=edns)
    return made.to_wire()


def limited(wire: bytes) -> Query:
    """Read a query that came in a datagram."""
    query = parse_query(wire)
    limit_datagram(query)
    return query


def answered() -> bytes:
    """Write the answer to it: an address, padded as public resolvers do."""
    made = dns.message.make_response(dns.message.from_wire(asked_for(edns=True)))
    made.answer.append(dns.rrset.from_text(f"{NAME}.", 3600, "IN", "A", "192.0.2.1"))
    made.use_edns(0, pad=RESPONSE_PADDING)
    return made.to_wire()


def microseconds(step: Step, calls: int = CALLS) -> float:
    """Return how long one call takes, at best."""
    return min(Timer(step).repeat(ROUNDS, calls)) / calls * 1e6


def main(words: Sequence[str]) -> None:
    """Print a line for each step."""
    for name, step in steps().items():
        if not words or any(word in name for word in words):
            print(f"{microseconds(step):8.2f} us  {name}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
