"""Who wins, where several rules claim one and the same name."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from dotproxy.local.name_set import NameSet

TAIL = 3
"""Octets that stand for the terms of a name, seven bits in each: 2 million kinds."""


class Effect(Enum):
    """What a rule does, as far as it matters for who wins."""

    ALLOW = auto()
    BLOCK = auto()
    OTHER = auto()


class Verdict(NamedTuple):
    """A rule, by its index, and what it does to a name.

    One rule may come to two verdicts: the exceptions in a block list are allowed.
    """

    rule: int
    effect: Effect


@dataclass(frozen=True, slots=True)
class Claim:
    """Names for which a verdict holds; with `below`, also for all names below them."""

    verdict: Verdict
    names: NameSet
    below: bool = False


class Term(NamedTuple):
    """What one claim says of one name."""

    verdict: Verdict
    below: bool


def winner(terms: tuple[Term, ...]) -> Verdict | None:
    """Return the verdict on a name of which these terms hold, in the order of claims.

    1. Where there is an allow, the blocks are out.
    2. Of what remains, a term for the name alone goes before one for all below it.
    3. Then the first.

    So an allow takes a name off the block lists, and leaves it to the rule that
    forwards it, if that stands before the allow.
    """
    effects = {term.verdict.effect for term in terms}
    if Effect.ALLOW in effects:
        terms = tuple(term for term in terms if term.verdict.effect != Effect.BLOCK)
    first = min(terms, key=lambda term: term.below, default=None)
    return first and first.verdict


class Terms:
    """Number the different combinations of terms that names have.

    Of a million names most have the same few.  A number is written as a tail: TAIL
    octets, all below 128.
    """

    def __init__(self) -> None:
        self._tails: dict[tuple[Term, ...], bytes] = {}
        self._combinations: dict[bytes, tuple[Term, ...]] = {}

    def tail(self, terms: tuple[Term, ...]) -> bytes:
        """Return the tail of a combination."""
        if terms not in self._tails:
            number = len(self._tails)
            tail = bytes((number >> 14, number >> 7 & 0x7F, number & 0x7F))
            self._tails[terms] = tail
            self._combinations[tail] = terms
        return self._tails[terms]

    def joined(self, term: Term, tail: bytes) -> bytes:
        """Return the tail for one more term, behind those that `tail` stands for.

        A term is left out where one of the same effect was first: it can never win.
        So a name has six terms at most.
        """
        terms = self._combinations[tail]
        kinds = {(each.verdict.effect, each.below) for each in terms}
        if (term.verdict.effect, term.below) in kinds:
            return tail
        return self.tail((*terms, term))

    def winners(self, holds: Callable[[Term], bool]) -> dict[bytes, Verdict]:
        """Return who wins, by tail, counting only the terms that hold."""
        found = {
            tail: winner(tuple(filter(holds, terms)))
            for tail, terms in self._combinations.items()
        }
        return {tail: verdict for tail, verdict in found.items() if verdict}
