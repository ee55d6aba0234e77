"""The faults that the lab has on offer, and how they are spelled.

`NAME[=VALUE][@DOMAIN][,connections=N]`: a fault of single answers can be kept to the
names at and below a domain, one of connections to the first N of them.  Faults
combine; of two that exclude each other the first counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import dns.exception
import dns.name

from dotproxy.config.setting import shown
from dotproxy.lab.fault_values import (
    CONNECTIONS,
    COUNT,
    OCTETS,
    RCODE,
    SECONDS,
    SHORT,
    Value,
)


@dataclass(frozen=True)
class Kind:
    """A fault as the table has it; `tells` what it does, in one sentence."""

    name: str
    tells: str
    value: Value | None = None

    @property
    def spelled(self) -> str:
        """The name and what its value is called: `delay=SECONDS`."""
        if self.value is None:
            return self.name
        spelled = f"={self.value.called}"
        return self.name + (spelled if self.value.default is None else f"[{spelled}]")


LISTENING = (
    Kind("refuse", "Nothing listens: connections are refused."),
    Kind("drop-syn", "A SYN gets no answer: connecting takes until it times out."),
)

HANDSHAKE = (
    Kind("stall-handshake", "TCP is accepted, and then nothing is ever said."),
    Kind("plaintext", "DNS is spoken over bare TCP, where TLS is due."),
    Kind("old-tls", "TLS 1.1 is the latest version that is known."),
    Kind("expired", "The certificate ended a while ago."),
    Kind("not-yet-valid", "The certificate begins tomorrow."),
    Kind("wrong-name", "The certificate is for wrong.example and no other name."),
    Kind("self-signed", "The certificate is signed by nobody but itself."),
    Kind("untrusted", "The certificate is of an authority that nobody knows."),
    Kind("new-key", "The certificate is good, but its key is another one."),
)

CONNECTION = (
    Kind("stall", "After the handshake nothing is read or said."),
    Kind("idle-close", "A connection may idle so long, until close_notify.", SECONDS),
    Kind("close-after", "After N answers: close_notify, then the end.", COUNT),
    Kind("fin-after", "After N answers: FIN, without close_notify.", COUNT),
    Kind("reset-after", "After N answers: RST.", COUNT),
    Kind(
        "half-close-after",
        "After N answers: close_notify and FIN, but queries are read on.",
        COUNT,
    ),
    Kind("swallow-after", "After N answers: no more of them.", COUNT),
)

ANSWER = (
    Kind("swallow", "There is no answer, ever."),
    Kind("delay", "The answer comes so much later.", SECONDS),
    Kind(
        "out-of-order",
        "Answers are gathered for so long, then the last one goes first.",
        SECONDS.unless_given(0.1),
    ),
    Kind(
        "trickle",
        "The answer comes octet by octet, so long after each other.",
        SECONDS.unless_given(0.01),
    ),
    Kind("half-answer", "Half of the answer comes, then RST."),
    Kind("duplicate", "The answer comes twice."),
    Kind("unsolicited", "An answer that nobody asked for comes first."),
    Kind("wrong-id", "The answer has another ID."),
    Kind("wrong-question", "The answer is to a question for another name."),
    Kind("wrong-type", "The answer is to a question for another type."),
    Kind("query-echo", "The query itself comes back (QR=0)."),
    Kind("rcode", "The answer is this RCODE, and no records.", RCODE),
    Kind("formerr", "The answer is FORMERR, without even the question."),
    Kind("truncated", "The answer is empty and says that it was cut (TC=1)."),
    Kind("huge", "The answer is filled up to so many octets.", OCTETS),
    Kind("garbage", "Behind the ID there is noise."),
    Kind("short", "Only so many octets come, in a frame of that length.", SHORT),
    Kind("unfinished", "The length is that of 65,535 octets, which never come."),
)

GROUPS = {
    "Listening": LISTENING,
    "Handshake": HANDSHAKE,
    "Connections": CONNECTION,
    "Answers": ANSWER,
}

KINDS = {kind.name: kind for kinds in GROUPS.values() for kind in kinds}

SPELLING = "NAME[=VALUE][@DOMAIN][,connections=N]"

_LIMIT = "connections="


class FaultError(ValueError):
    """A fault is spelled wrong; says in one line what, and what is allowed."""


@dataclass(frozen=True)
class Fault:
    """A fault that is in force.

    `value` is 0 where the kind has none; `domain` is a name on the wire in lower
    case, or None for all names; `connections` how many have the fault, None for all;
    `text` what was read.
    """

    name: str
    value: float = 0
    domain: bytes | None = None
    connections: int | None = None
    text: str = ""

    def __str__(self) -> str:
        return self.text or self.name

    def concerns(self, name: bytes) -> bool:
        """Tell whether a name on the wire is at or below the domain."""
        if self.domain is None:
            return True
        rest = name.lower()
        while len(rest) > len(self.domain):
            rest = rest[1 + rest[0] :]
        return rest == self.domain


def parse_faults(*texts: str) -> tuple[Fault, ...]:
    """Read faults, spelled as the head of this module has it; or raise FaultError."""
    return tuple(map(_parse, texts))


def first(faults: Iterable[Fault], kind: str, name: bytes = b"\0") -> Fault | None:
    """Return the first of these faults that is of the kind and concerns the name."""
    for fault in faults:
        if fault.name == kind and fault.concerns(name):
            return fault
    return None


def _parse(text: str) -> Fault:
    front, limited, limit = text.partition(",")
    front, bounded, domain = front.partition("@")
    name, valued, value = front.partition("=")
    kind = KINDS.get(name)
    if kind is None:
        raise FaultError(f"{shown(text)} {_advice(name)}")
    if bounded and kind not in ANSWER:
        raise FaultError(f"{shown(text)} is about more than single answers: no @DOMAIN")
    if limited and not limit.startswith(_LIMIT):
        raise FaultError(f"{shown(text)} must have {_LIMIT}N after its comma")
    if limited and kind in LISTENING:
        raise FaultError(f"{shown(text)} is about all connections: no {_LIMIT}N")
    try:
        return Fault(
            name,
            _value(kind, value if valued else None),
            _domain(domain) if bounded else None,
            int(CONNECTIONS.read(limit[len(_LIMIT) :])) if limited else None,
            text,
        )
    except ValueError as fault:
        raise FaultError(f"{shown(text)} {fault}") from None


def _value(kind: Kind, text: str | None) -> float:
    if kind.value is None:
        if text is not None:
            raise ValueError(f"takes no value: write {kind.name}")
        return 0
    if text is not None:
        return kind.value.read(text)
    if kind.value.default is None:
        raise ValueError(f"lacks its value: write {kind.spelled}, {kind.value.rule}")
    return kind.value.default


def _domain(text: str) -> bytes:
    try:
        if not text:
            raise dns.name.EmptyLabel
        wire = dns.name.from_text(text).canonicalize().to_wire()
        assert wire is not None, "nothing else comes without a file to write to"
        return wire
    except dns.exception.DNSException:
        raise ValueError("must have a domain such as lab.example after its @") from None


def _advice(name: str) -> str:
    near = get_close_matches(name, KINDS, n=1)
    if near:
        return f"is no fault: did you mean {KINDS[near[0]].spelled}?"
    return f"is no fault: write {SPELLING}, NAME one of {', '.join(KINDS)}"
