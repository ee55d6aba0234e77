"""What becomes of a question, as a caller is told."""

from typing import Any

import dns.name
import dns.rcode
import dns.rdatatype
from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from dotproxy.config.upstream import DEFAULT_GROUP
from dotproxy.local.explain import Explanation, explain
from dotproxy.observe.subject import Subject
from dotproxy.observe.upstream_status import state_of
from dotproxy.wire.draft import IN
from dotproxy.wire.message import HEADER
from dotproxy.wire.query import Query


class KeptAnswer(Struct, frozen=True):
    """An answer in the cache; negative seconds are left of one that is stale."""

    rcode: str
    records: int
    age_s: int
    left_s: int


class AskedServer(Struct, frozen=True):
    """An upstream that would be asked."""

    name: str
    state: str


class Explained(Struct, frozen=True):
    """What becomes of a question; the first six keys are those of `Explanation`."""

    name: str
    type: str
    rule: int | None
    listed: str
    action: str
    source: str
    says: tuple[str, ...]
    group: str
    upstreams: tuple[AskedServer, ...]
    cached: tuple[KeptAnswer, ...]


def explained(subject: Subject, name: bytes, kind: int) -> Deferred[Explained]:
    """Explain a name on the wire and a type; lists may be long, so a thread does it."""
    explaining: Deferred[Explanation] = deferToThread(
        explain, subject.rules.held, name, kind
    )
    question = name + kind.to_bytes(2, "big") + IN.to_bytes(2, "big")
    return explaining.addCallback(_explained, subject, question)


def _explained(found: Explanation, subject: Subject, question: bytes) -> Explained:
    query = Query(bytes(HEADER.size) + question, question, None, False)
    asks = not found.says
    group = (subject.rules.route(query) or DEFAULT_GROUP) if asks else ""
    strategy = subject.core.upstreams.groups.get(group)
    servers = strategy.upstreams if strategy else ()
    kept = subject.core.forwarder.cache.look(question)
    return Explained(
        name=dns.name.from_wire(question, 0)[0].to_text(omit_final_dot=True),
        type=dns.rdatatype.to_text(dns.rdatatype.RdataType.make(query.type)),
        rule=found.rule,
        listed=found.name,
        action=found.action,
        source=found.source,
        says=found.says,
        group=group,
        upstreams=tuple(AskedServer(it.name, state_of(it)) for it in servers),
        cached=tuple(_kept(it) for it in kept),
    )


def _kept(kept: Any) -> KeptAnswer:
    rcode = dns.rcode.to_text(dns.rcode.Rcode.make(kept.answer.rcode))
    left = kept.life - kept.age
    return KeptAnswer(rcode, len(kept.answer.records), kept.age, left)
