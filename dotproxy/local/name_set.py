"""Many names in little memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

AT_ONCE = 4096
"""Names that are packed together: what is unpacked at a time, in passing."""

BETWEEN = b"\xff"
"""Stands between two names of a pack; no name that can be listed has this octet."""


@dataclass(frozen=True, slots=True)
class NameSet:
    """Names as they stand on the wire, folded, in the order in which they came.

    A million names take some 26 MB, in so few objects that neither the collector of
    garbage nor the end of the set has anything to do.
    """

    packs: tuple[bytes, ...] = ()
    count: int = 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[bytes]:
        for pack in self.packs:
            yield from pack.split(BETWEEN)


class Packing:
    """A set of names in the making."""

    def __init__(self) -> None:
        self._packs: list[bytes] = []
        self._loose: list[bytes] = []
        self._count = 0

    def add(self, name: bytes) -> None:
        """Add a name: its labels in lower case, of letters, digits, - and _ alone."""
        self._loose.append(name)
        if len(self._loose) == AT_ONCE:
            self._pack()

    def names(self) -> NameSet:
        """Return the set of what was added."""
        if self._loose:
            self._pack()
        return NameSet(tuple(self._packs), self._count)

    def _pack(self) -> None:
        self._packs.append(BETWEEN.join(self._loose))
        self._count += len(self._loose)
        self._loose.clear()


def pack(names: Iterable[bytes]) -> NameSet:
    """Return the set of these names."""
    packing = Packing()
    for name in names:
        packing.add(name)
    return packing.names()
