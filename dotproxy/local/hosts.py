"""Hosts files: names and addresses of machines nearby."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from dotproxy.config.rule import TTL
from dotproxy.local.actions import AAAA, PTR, A, Each, Own
from dotproxy.local.list_line import OWN
from dotproxy.local.name_list import Fingerprint, fingerprint
from dotproxy.wire.dotted import read_name
from dotproxy.wire.message import FormatError

Said = tuple[bytes, int, bytes]
"""One record that a line comes to: the name, the type, and what it holds."""

KNOWN = "answered by a hosts file"
"""What clients are told of what they get from here."""


@dataclass(frozen=True, slots=True)
class HostsFile:
    """A hosts file, what it says, in its order, and how it looked when it was read.

    `faults` are the lines that could not be read, one line of text each.
    """

    path: str
    fingerprint: Fingerprint
    said: tuple[Said, ...]
    faults: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str) -> Self:
        """Read a file.  Raises OSError if it cannot be read."""
        # Taken first: a file that changes meanwhile will look changed afterwards.
        seen = fingerprint(path)
        said: list[Said] = []
        faults = []
        for number, line in enumerate(Path(path).read_bytes().splitlines(), 1):
            try:
                said += _read_line(line)
            except ValueError as fault:
                faults.append(f"{path}: line {number} {fault}")
        return cls(path, seen, tuple(said), tuple(faults))


def join_hosts(files: Iterable[HostsFile]) -> Each:
    """Return what all files say of each name; of an address the first name counts."""
    names: dict[bytes, dict[int, list[bytes]]] = {}
    for file in files:
        for name, kind, rdata in file.said:
            known = names.setdefault(name, {}).setdefault(kind, [])
            if rdata not in known and not (known and kind == PTR):
                known.append(rdata)
    return Each({name: Own(records, TTL, KNOWN) for name, records in names.items()})


def _read_line(line: bytes) -> Iterator[Said]:
    """Read an address and its names; those of the machine itself are passed over."""
    fields = line.partition(b"#")[0].decode(errors="replace").split()
    if not fields:
        return
    try:
        address = ip_address(fields[0].partition("%")[0])
    except ValueError:
        raise FormatError(f"has no address in {fields[0]!a}") from None
    names = [read_name(name) for name in fields[1:] if name.lower() not in OWN]
    for name in names:
        yield name, A if address.version == 4 else AAAA, address.packed
    if names:
        yield read_name(address.reverse_pointer), PTR, names[0]
