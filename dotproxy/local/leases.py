"""Addresses that names have to themselves at the gateway.

Each name has a number, and so an address in each network; so the relay knows by the
address that a client connected to which name is meant, whatever its hello shows.

    dotproxy leases 1
    age number name         age in seconds, one line for each lease
    end of 1
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from dotproxy.local.actions import AAAA, A
from dotproxy.wire.hostname import read_host_name
from dotproxy.wire.message import FormatError

KEEP = 2 * 86_400
"""Seconds after a name was last asked for before another gets its address.  Answers
hold for a minute, but stale ones are given for a day, and some clients keep them on."""

MOST = 10_000
"""Names with a lease: some 3 MB."""

HEAD = "dotproxy leases 1"

Network = IPv4Network | IPv6Network


class Lease(NamedTuple):
    """The number that a name has, and when it was last asked for."""

    number: int
    used: float


class Leases:
    """Lease addresses out of networks, one of each family, to names of hosts.

    `given` counts the leases that went to another name, so a change can be seen.
    """

    def __init__(
        self, networks: Sequence[Network], seconds: Callable[[], float]
    ) -> None:
        self._networks = networks
        self._seconds = seconds
        # Neither the first nor the last address of a network: these are no host's.
        room = min([MOST, *(each.num_addresses - 2 for each in networks)])
        self._free = list(range(room if networks else 0, 0, -1))
        self._leases: dict[str, Lease] = {}
        self._names: dict[int, str] = {}
        self.given = 0

    def lease(self, name: str) -> Mapping[int, Sequence[bytes]] | None:
        """Return the addresses of a name, by type; None if none is left."""
        now = self._seconds()
        number = self._number(name, now)
        if number is None:
            return None
        self._leases.pop(name, None)
        self._leases[name] = Lease(number, now)
        addresses = [each[number].packed for each in self._networks]
        return {
            kind: [each for each in addresses if len(each) == size]
            for kind, size in ((A, 4), (AAAA, 16))
        }

    def name_at(self, address: str) -> str | None:
        """Return the name that has an address, if one has."""
        place = ip_address(address.partition("%")[0])
        for network in self._networks:
            if place in network:
                number = int(place) - int(network.network_address)
                return self._names.get(number)
        return None

    def dump(self) -> str:
        """Write all leases as text."""
        now = self._seconds()
        lines = [
            f"{max(int(now - used), 0)} {number} {name}"
            for name, (number, used) in self._leases.items()
        ]
        return "\n".join([HEAD, *lines, f"end of {len(lines)}", ""])

    def restore(self, text: str, lay: float) -> None:
        """Take back what was written `lay` seconds ago, if that was with such networks.

        Raises FormatError, and takes nothing, if any of it is damaged.
        """
        found = list(_entries(text))
        fitting = {*self._free}
        for age, number, name in sorted(found, reverse=True):
            if number in fitting and name not in self._leases:
                fitting.remove(number)
                self._names[number] = name
                self._leases[name] = Lease(number, self._seconds() - age - lay)
        self._free = [number for number in self._free if number in fitting]

    def _number(self, name: str, now: float) -> int | None:
        """Return the number of a name; give it one if there is one to give."""
        if name in self._leases:
            return self._leases[name].number
        if self._free:
            number = self._free.pop()
        else:
            idle = next(iter(self._leases), None)
            if idle is None or now - self._leases[idle].used < KEEP:
                return None
            number = self._leases.pop(idle).number
        self._names[number] = name
        self.given += 1
        return number


def _entries(text: str) -> Iterator[tuple[int, int, str]]:
    """Read what `dump` wrote."""
    head, *lines = text.removesuffix("\n").split("\n")
    if head != HEAD:
        raise FormatError("it holds no leases of this version")
    *lines, end = lines or [""]
    if end != f"end of {len(lines)}":
        raise FormatError("it is cut short")
    yield from map(_entry, lines)


def _entry(line: str) -> tuple[int, int, str]:
    try:
        age, number, name = line.split(" ")
        return int(age), int(number), read_host_name(name.encode())
    except ValueError:
        raise FormatError(f"it has a line that is no lease: {line!a}") from None
