"""Which rule a name meets, among a million names or more.

All names lie in one string of octets, sorted into slots by their hash:

    MARK name tail | MARK name tail | ...

A look-up tries the name, then each suffix of it, longest first.  It compares the name
itself, so a hash that two names share costs time and makes no false match: a name
ends at its root, and MARK stands neither in a listed name nor in a tail.  The hash is
Python's own, keyed afresh in each process: nobody can write a list to fill one slot,
and a table is of no use to another process.

A million names take some 40 MB in a few objects.  So there is nothing for the
collector of garbage to walk over, and an old table is gone in milliseconds.
"""

from array import array
from collections.abc import Sequence
from functools import cache, partial

from dotproxy.local.verdicts import TAIL, Claim, Term, Terms, Verdict
from dotproxy.wire.message import LONGEST_NAME

MARK = b"\xff"

SPACE = 2
"""Slots for each name, at least: with one, a miss takes a fifth longer."""


class NameTable:
    """Find the verdict on a name.

    The most specific claim wins: one on the name itself, else one on the longest
    suffix of it.  Among claims on one and the same name `verdicts.winner` says who.

    A table never changes once it is made.  To make one takes a second or two per
    million names; that is pure, and no single step in it is long, so it is safe to do
    in a thread, while the table before it is in use.
    """

    __slots__ = ("_below", "_count", "_here", "_names", "_shortest", "_starts")

    def __init__(self, claims: Sequence[Claim]) -> None:
        placing = _Placing(claims)
        for claim in claims:
            placing.place(claim)
        self._names, self._starts = placing.names, placing.starts
        self._count, self._shortest = placing.count, placing.shortest
        self._here = placing.terms.winners(lambda term: True)
        self._below = placing.terms.winners(lambda term: term.below)

    def __len__(self) -> int:
        """Return how many different names are claimed."""
        return self._count

    def match(self, name: bytes) -> Verdict | None:
        """Return the verdict on a name: folded, on the wire, root included."""
        found = self.find(name)
        return found and found[0]

    def find(self, name: bytes) -> tuple[Verdict, int] | None:
        """Return the verdict on a name, and where in it the name begins that is listed.

        That is at 0, or where a suffix begins that stands for all below it.
        """
        names, starts = self._names, self._starts
        mask = len(starts) - 2
        verdicts = self._here
        at, last = 0, len(name) - self._shortest
        while at <= last:
            suffix = name[at:]
            slot = hash(suffix) & mask
            start, end = starts[slot], starts[slot + 1]
            if start != end:
                found = names.find(MARK + suffix, start, end)
                if found >= 0:
                    tail = found + 1 + len(suffix)
                    verdict = verdicts.get(bytes(names[tail : tail + TAIL]))
                    if verdict is not None:
                        return verdict, at
            at += 1 + suffix[0]
            verdicts = self._below
        return None


class _Placing:
    """A table in the making.

    Each slot has the room that its names need, and is filled from its end; so
    `starts` are the ends at first, and the starts when all names are placed.  A name
    that comes twice leaves octets of 0 in front of its slot, which match nothing.
    """

    def __init__(self, claims: Sequence[Claim]) -> None:
        names = sum(len(claim.names) for claim in claims)
        slots = 1 << (SPACE * names).bit_length()
        self.starts = _ends(claims, slots)
        self.names = bytearray(self.starts[-1])
        self.terms = Terms()
        self.count = names
        self.shortest = LONGEST_NAME + 1

    def place(self, claim: Claim) -> None:
        """Put the names of a claim where they belong."""
        names, starts, mask = self.names, self.starts, len(self.starts) - 2
        term = Term(claim.verdict, claim.below)
        fresh = self.terms.tail((term,))
        joined = cache(partial(self.terms.joined, term))
        for name in claim.names:
            slot = hash(name) & mask
            entry = MARK + name
            end = starts[slot]
            found = names.find(entry, end, starts[slot + 1])
            if found < 0:
                start = starts[slot] = end - len(entry) - TAIL
                names[start:end] = entry + fresh
            else:
                at = found + len(entry)
                names[at : at + TAIL] = joined(bytes(names[at : at + TAIL]))
                self.count -= 1
        lengths = map(len, claim.names)
        self.shortest = min(self.shortest, min(lengths, default=self.shortest))


def _ends(claims: Sequence[Claim], slots: int) -> "array[int]":
    """Return where each slot ends, and at last, once more, where the last one does."""
    ends = array("I", [0]) * (slots + 1)
    for claim in claims:
        for name in claim.names:
            ends[hash(name) & (slots - 1)] += len(MARK) + len(name) + TAIL
    # Not itertools.accumulate, which would stop all other threads for its time.
    end = 0
    for slot, size in enumerate(ends):
        end += size
        ends[slot] = end
    return ends
