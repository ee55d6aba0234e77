"""A list of names out of a file, such as block lists are published in."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from dotproxy.local.list_line import LineError, Meaning, read_line
from dotproxy.local.name_set import NameSet, Packing

FAULTS = 5
"""Bad lines that are named; of the others there is the count."""

BUFFER = 1 << 20
"""Octets read at a time.  Each reading lets go of the interpreter, but for too short a
time for another thread to take it, which must then begin to wait anew: with the usual
8 KiB, the reactor waited for up to 0.4 s while a list was read."""

BOM = b"\xef\xbb\xbf"
"""What some editors put in front of UTF-8."""


@dataclass(frozen=True, slots=True)
class NameList:
    """What a list says, and how much of it could be read.

    Of `names` each stands for itself, of `suffixes` also for what lies below it; the
    exceptions (`@@`) likewise.  `bad` counts lines in no known form, whose first are
    in `faults`, one line of text each; `foreign` counts rules that only a browser can
    follow.
    """

    names: NameSet = field(default_factory=NameSet)
    suffixes: NameSet = field(default_factory=NameSet)
    except_names: NameSet = field(default_factory=NameSet)
    except_suffixes: NameSet = field(default_factory=NameSet)
    bad: int = 0
    foreign: int = 0
    faults: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return how many names are listed, exceptions included, twice if twice."""
        sets = (self.names, self.suffixes, self.except_names, self.except_suffixes)
        return sum(map(len, sets))


class Fingerprint(NamedTuple):
    """What differs after a file was written or replaced."""

    modified_ns: int
    size: int
    inode: int


@dataclass(frozen=True, slots=True)
class ListFile:
    """A file, what was read from it, and how it looked when it was."""

    path: str
    fingerprint: Fingerprint
    listed: NameList

    @classmethod
    def read(cls, path: str) -> Self:
        """Read the list in a file; a million names take seconds.

        It touches nothing but the file, so it may run in a thread.  Raises OSError if
        the file cannot be read.
        """
        with Path(path).open("rb", BUFFER) as file:
            # Taken first: a file that changes meanwhile will look changed afterwards.
            seen = _fingerprint(os.stat(file.fileno()))
            return cls(path, seen, parse(file, path))


def fingerprint(path: str) -> Fingerprint:
    """Return how the file looks now.  Raises OSError if there is none to look at."""
    return _fingerprint(os.stat(path))


def parse(lines: Iterable[bytes], where: str) -> NameList:
    """Read the lines of a list; `where` is what faults are said to be in."""
    packings = [Packing() for _ in Meaning]
    bad, foreign, faults = 0, 0, []
    for number, line in enumerate(lines, 1):
        try:
            meaning, names = read_line(line if number > 1 else line.removeprefix(BOM))
        except LineError as fault:
            bad += 1
            if bad <= FAULTS:
                faults.append(f"{where}: line {number} {fault}")
            continue
        foreign += meaning is Meaning.FOREIGN
        add = packings[meaning].add
        for name in names:
            add(name)
    return NameList(
        packings[Meaning.EXACT].names(),
        packings[Meaning.SUFFIX].names(),
        packings[Meaning.EXCEPT_EXACT].names(),
        packings[Meaning.EXCEPT_SUFFIX].names(),
        bad,
        foreign,
        tuple(faults),
    )


def _fingerprint(status: os.stat_result) -> Fingerprint:
    return Fingerprint(status.st_mtime_ns, status.st_size, status.st_ino)
