"""What becomes of one answer, and of its connection, under the faults in force.

Pure: a query and what the zone says to it in, what is to be written and when out.
Whoever plays the script knows nothing of faults.
"""

from collections.abc import Sequence
from enum import Enum
from itertools import chain
from typing import NamedTuple

from dotproxy.lab.bad_answers import SPOILS, question, stray
from dotproxy.lab.faults import Fault, first
from dotproxy.lab.zone import Reply
from dotproxy.wire.framing import frame


class End(Enum):
    """How a connection ends."""

    CLOSE_NOTIFY = "close-after"
    FIN = "fin-after"
    RESET = "reset-after"
    HALF_CLOSE = "half-close-after"


class Act(NamedTuple):
    """So many seconds after the act before: octets to write, or the end."""

    octets: bytes = b""
    pause: float = 0.0
    end: End | None = None


class Script(NamedTuple):
    """One answer: when it starts, and the acts that it is made of.

    `gather` are the seconds for which it waits for others, of which the last is to
    be the first; 0 if its turn comes when it comes.
    """

    delay: float
    gather: float
    acts: tuple[Act, ...]


def write_script(
    faults: Sequence[Fault], query: bytes, reply: Reply, before: int
) -> Script | None:
    """Return what becomes of an answer; None if nothing does.

    `before` counts the answers that the connection has had, or has been promised.
    """
    name = question(query)[:-4] or b"\0"

    def value(kind: str) -> float | None:
        fault = first(faults, kind, name)
        return None if fault is None else fault.value

    enough = value("swallow-after")
    if value("swallow") is not None or (enough is not None and before >= enough):
        return None
    octets = _spoiled(faults, name, query, reply.wire)
    delay = reply.delay + (value("delay") or 0)
    return Script(delay, value("out-of-order") or 0, _acts(octets, faults, name))


def ending(faults: Sequence[Fault], answers: int) -> End | None:
    """Return how a connection must end that has had so many answers, if it must."""
    for fault in faults:
        if fault.name in _ENDS and answers >= fault.value:
            return End(fault.name)
    return None


def _spoiled(
    faults: Sequence[Fault], name: bytes, query: bytes, answer: bytes
) -> bytes:
    """Return the octets that go in place of an answer, lengths included."""
    for kind, spoil in SPOILS.items():
        if fault := first(faults, kind, name):
            answer = spoil(query, answer, fault.value)
    messages = [answer, answer] if first(faults, "duplicate", name) else [answer]
    if first(faults, "unsolicited", name):
        messages.insert(0, stray(query))
    octets = b"".join(map(frame, messages))
    if first(faults, "unfinished", name):
        return b"\xff\xff" + octets[2:]
    return octets


def _acts(octets: bytes, faults: Sequence[Fault], name: bytes) -> tuple[Act, ...]:
    half = first(faults, "half-answer", name)
    if half:
        octets = octets[: len(octets) // 2]
    trickle = first(faults, "trickle", name)
    if trickle:
        single = (octets[at : at + 1] for at in range(len(octets)))
        acts = tuple(Act(octet, trickle.value) for octet in single)
    else:
        acts = (Act(octets),)
    return tuple(chain(acts, (Act(end=End.RESET),) if half else ()))


_ENDS = {end.value for end in End}
