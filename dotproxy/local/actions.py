"""What a rule does about a question: block it, answer it, or leave it to others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol as TypingProtocol

from dotproxy.config.rule import CNAME, Rdata, Rule
from dotproxy.wire.draft import (
    BLOCKED,
    FORGED,
    Draft,
    negative,
    positive,
    record,
    refusal,
)
from dotproxy.wire.message import NOERROR, NXDOMAIN, REFUSED
from dotproxy.wire.svcb import HTTPS, SVCB

A, PTR, AAAA = 1, 12, 28
"""Types of records (RFC 1035 section 3.2.2, RFC 3596 section 2.1)."""

NULL = {A: bytes(4), AAAA: bytes(16)}
"""Addresses where nobody is: 0.0.0.0 and :: (RFC 1122 3.2.1.3, RFC 4291 2.5.2)."""


class Action(TypingProtocol):
    """What is done about the names of a rule."""

    def draft(self, question: bytes, at: int) -> Draft | None:
        """Say what a question gets; None leaves it to others.

        The rule is for the question's name from the offset `at` on.
        """


@dataclass(frozen=True, slots=True)
class Block:
    """Let no name through, in one of four ways.

    All types agree, so that HTTPS and SVCB never lead to where A and AAAA do not.
    Where these are refused, those are told that there are none: a client gives up a
    connection for good when it cannot learn of its HTTPS record (RFC 9460 section 3.1).
    """

    reply: str
    ttl: int
    text: str

    def draft(self, question: bytes, at: int) -> Draft:
        """Say that there is nothing, or nobody."""
        kind = kind_of(question)
        if self.reply == "null" and kind in NULL:
            address = record(0, kind, self.ttl, NULL[kind])
            return Draft(positive(question, [address]), FORGED, self.text)
        if self.reply == "refused" and kind not in (SVCB, HTTPS):
            return Draft(refusal(question, REFUSED), BLOCKED, self.text)
        rcode = NXDOMAIN if self.reply == "nxdomain" else NOERROR
        return Draft(negative(question, rcode, at, self.ttl), BLOCKED, self.text)


Records = Mapping[int, Sequence[bytes]]
"""What there is, by type: the data of each record."""


@dataclass(frozen=True, slots=True)
class Own:
    """Answer with records of our own; of other types there is nothing.

    An alias answers for itself alone.  What is behind it must be asked for.
    """

    records: Records
    ttl: int
    text: str = ""

    @property
    def alias(self) -> bytes | None:
        """The name, folded, that is to be asked for all other types."""
        return self.records[CNAME][0].lower() if CNAME in self.records else None

    def draft(self, question: bytes, at: int) -> Draft | None:
        """Say what there is of a type; None if it is behind an alias."""
        kind = kind_of(question)
        if CNAME in self.records and kind != CNAME:
            return None
        code = FORGED if self.text else 0
        if kind not in self.records:
            return Draft(negative(question, NOERROR, at, self.ttl), code, self.text)
        found = [record(0, kind, self.ttl, rdata) for rdata in self.records[kind]]
        return Draft(positive(question, found), code, self.text)


@dataclass(frozen=True, slots=True)
class Each:
    """Answer by the whole name: each has records of its own."""

    names: Mapping[bytes, Own] = field(default_factory=dict)

    def draft(self, question: bytes, at: int) -> Draft | None:
        """Say what there is of a name that is known."""
        return self.names[question[:-4].lower()].draft(question, at)


@dataclass(frozen=True, slots=True)
class Ask:
    """Leave it to a group of upstreams."""

    group: str

    def draft(self, question: bytes, at: int) -> None:
        """Leave it to them."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave it to whom it would be left to without rules."""

    def draft(self, question: bytes, at: int) -> None:
        """Leave it to them."""


def action_of(rule: Rule, number: int) -> Action:
    """Return what a rule does; it is told to clients by its number."""
    if rule.action == "block":
        return Block(rule.reply, rule.ttl, f"blocked by rule {number}")
    if rule.action == "answer":
        return Own(by_type(rule.rdatas), rule.ttl, f"answered by rule {number}")
    return Ask(rule.group) if rule.action == "forward" else Pass()


def by_type(rdatas: Iterable[Rdata]) -> Records:
    """Sort records by their type."""
    sorted_: dict[int, list[bytes]] = {}
    for kind, rdata in rdatas:
        sorted_.setdefault(kind, []).append(rdata)
    return sorted_


def kind_of(question: bytes) -> int:
    """Return the type that a question asks for."""
    return int.from_bytes(question[-4:-2], "big")
