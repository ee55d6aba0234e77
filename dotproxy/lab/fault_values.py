"""The values that faults have: what they are called, their bounds, how to read them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import dns.rcode

from dotproxy.wire.message import HEADER, LONGEST

LONGEST_TIME = 3600.0
"""Seconds of the longest time that a fault may take."""

SHORTEST_TIME = 0.001
"""Seconds of the shortest."""

MOST = 1_000_000
"""The highest number of answers or connections that can be counted to."""


@dataclass(frozen=True)
class Value:
    """A kind of value; `read` raises ValueError, worded to follow the text at fault."""

    called: str
    rule: str
    read: Callable[[str], float]
    default: float | None = None

    def unless_given(self, default: float) -> "Value":
        """Return the same kind of value, which may be left away."""
        return replace(self, default=default)


def _seconds() -> Value:
    rule = f"a number of seconds from {SHORTEST_TIME:g} to {LONGEST_TIME:g}"

    def read(text: str) -> float:
        try:
            seconds = float(text)
        except ValueError:
            # What is no number is out of every range.
            seconds = float("nan")
        if SHORTEST_TIME <= seconds <= LONGEST_TIME:
            return seconds
        raise ValueError(f"must have {rule}")

    return Value("SECONDS", rule, read)


def _whole(called: str, least: int, most: int) -> Value:
    rule = f"a whole number from {least} to {most}"

    def read(text: str) -> float:
        if text.isdecimal() and len(text) < 20 and least <= int(text) <= most:
            return int(text)
        raise ValueError(f"must have {rule}")

    return Value(called, rule, read)


def _rcode() -> Value:
    names = [dns.rcode.to_text(dns.rcode.Rcode(code)) for code in range(6)]
    rule = f"one of {', '.join(names)}"

    def read(text: str) -> float:
        if text.upper() in names:
            return names.index(text.upper())
        raise ValueError(f"must have {rule}")

    return Value("RCODE", rule, read)


SECONDS = _seconds()
COUNT = _whole("N", 0, MOST)
CONNECTIONS = _whole("N", 1, MOST)
OCTETS = _whole("OCTETS", 512, LONGEST).unless_given(LONGEST)
SHORT = _whole("OCTETS", 0, HEADER.size - 1).unless_given(4)
RCODE = _rcode()
