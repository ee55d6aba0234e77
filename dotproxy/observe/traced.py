"""The way of a query that a caller has us ask."""

from collections.abc import Mapping
from typing import Any

import dns.message
import dns.name
import dns.rdatatype
from msgspec import Struct
from twisted.internet.defer import Deferred

from dotproxy.observe.subject import Subject
from dotproxy.tracing.asking import follow
from dotproxy.tracing.way import Step


class TracedStep(Struct, frozen=True):
    """What a stage said, so many milliseconds after the query began.

    `fields` are the single values in it, octets in hex.
    """

    ms: float
    stage: str
    says: str
    fields: Mapping[str, Any]


class Traced(Struct, frozen=True):
    """The way of one query."""

    steps: tuple[TracedStep, ...]


def trace(subject: Subject, name: bytes, kind: int) -> Deferred[Traced]:
    """Ask for a name on the wire and a type as clients do; fires within their time."""
    asked = dns.name.from_wire(name, 0)[0]
    rdtype = dns.rdatatype.RdataType.make(kind)
    message = dns.message.make_query(asked, rdtype, use_edns=0).to_wire()
    core, seconds = subject.core, subject.journal.reactor.seconds
    patience = core.config.forward.timeout
    return follow(core.forwarder, message, seconds, patience).addCallback(_traced)


def _traced(steps: list[Step]) -> Traced:
    return Traced(
        tuple(TracedStep(it.ms, it.stage, str(it), it.fields) for it in steps)
    )
