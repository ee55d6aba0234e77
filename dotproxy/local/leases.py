"""Addresses that names have to themselves at the gateway.

Each name has a number, and so an address in each network; so the relay knows by the
address that a client connected to which name is meant, whatever its hello shows.

Who makes up names must not take the addresses of those that people use.  So where all
are leased, names that are new lose theirs first, and soon; those that were asked for
over an hour keep them for days.

    dotproxy leases 2
    age span number name    seconds since it was last asked for, and from the first
    end of 1                time to that one; one line for each lease
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from dotproxy.config.rule import TTL
from dotproxy.local.actions import AAAA, A
from dotproxy.wire.hostname import read_host_name
from dotproxy.wire.message import FormatError

SETTLED = 3600
"""Seconds over which a name was asked for, so that it is not new any more."""

KEEP_NEW = 3 * TTL
"""Seconds after a new name was last asked for before another gets its address.  What is
said of it holds for a third of that, and is never stale."""

KEEP = 2 * 86_400
"""The same for a name that is not new; some clients keep addresses on."""

MOST = 10_000
"""Names with a lease: some 3 MB."""

AGAIN = 3600
"""Seconds between two complaints that none is left."""

HEAD = "dotproxy leases 2"

Network = IPv4Network | IPv6Network


class Lease(NamedTuple):
    """The number that a name has, and when it was first and last asked for."""

    number: int
    since: float
    used: float

    @property
    def settled(self) -> bool:
        """Whether it was asked for over a long time."""
        return self.used - self.since >= SETTLED


class Leases:
    """Lease addresses out of networks, one of each family, to names of hosts.

    `given` grows with each lease that goes to another name, and with other networks.
    """

    def __init__(
        self, networks: Sequence[Network], seconds: Callable[[], float]
    ) -> None:
        self._networks = networks
        self._seconds = seconds
        self._free = _numbers(networks)
        self.room = len(self._free)
        """How many names can have a lease."""
        self._new: dict[str, Lease] = {}
        self._settled: dict[str, Lease] = {}
        """Both in the order in which they were last asked for."""
        self._names: dict[int, str] = {}
        self._complained = -float("inf")
        self.given = 0

    def use(self, networks: Sequence[Network]) -> bool:
        """Lease out of these networks from now on; return whether they are others.

        A name keeps its number, and so its address in a network that stays, unless
        there is no room for that any more.
        """
        if networks == self._networks:
            return False
        self._networks = networks
        numbers = _numbers(networks)
        self.room = len(numbers)
        self._new = _fitting(self._new, self.room)
        self._settled = _fitting(self._settled, self.room)
        kept = {**self._new, **self._settled}
        self._names = {lease.number: name for name, lease in kept.items()}
        self._free = [number for number in numbers if number not in self._names]
        self.given += 1
        return True

    def held(self, name: str) -> Mapping[int, Sequence[bytes]] | None:
        """Return the addresses that a name has, by type; None if it has none.

        It counts as asked for.
        """
        lease = self._new.pop(name, None) or self._settled.pop(name, None)
        if lease is None:
            return None
        self._put(name, lease._replace(used=self._seconds()))
        return self._addresses(lease.number)

    def lease(self, name: str) -> Mapping[int, Sequence[bytes]] | None:
        """Return the addresses of a name, by type; None if none is left."""
        held = self.held(name)
        if held is not None:
            return held
        now = self._seconds()
        number = self._spare(now)
        if number is None:
            return None
        self._put(name, Lease(number, now, now))
        self.given += 1
        return self._addresses(number)

    def complains(self) -> bool:
        """Whether now is the time to say that none is left: once in a while."""
        now = self._seconds()
        if now - self._complained < AGAIN:
            return False
        self._complained = now
        return True

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
            f"{max(int(now - used), 0)} {int(used - since)} {number} {name}"
            for kept in (self._new, self._settled)
            for name, (number, since, used) in kept.items()
        ]
        return "\n".join([HEAD, *lines, f"end of {len(lines)}", ""])

    def restore(self, text: str, lay: float) -> None:
        """Take back what was written `lay` seconds ago, if that was with such networks.

        Raises FormatError, and takes nothing, if any of it is damaged.
        """
        found, taken = list(_entries(text)), set[str]()
        fitting = {*self._free}
        for age, span, number, name in sorted(found, reverse=True):
            if number in fitting and name not in taken:
                fitting.remove(number)
                taken.add(name)
                used = self._seconds() - age - lay
                self._put(name, Lease(number, used - span, used))
        self._free = [number for number in self._free if number in fitting]

    def _put(self, name: str, lease: Lease) -> None:
        """Put a lease behind those that were asked for before."""
        self._names[lease.number] = name
        (self._settled if lease.settled else self._new)[name] = lease

    def _spare(self, now: float) -> int | None:
        """Return a number that nobody has, or has no more; None if there is none."""
        if self._free:
            return self._free.pop()
        for kept, least in ((self._new, KEEP_NEW), (self._settled, KEEP)):
            idle = next(iter(kept), None)
            if idle is not None and now - kept[idle].used >= least:
                return kept.pop(idle).number
        return None

    def _addresses(self, number: int) -> Mapping[int, Sequence[bytes]]:
        addresses = [each[number].packed for each in self._networks]
        return {
            kind: [each for each in addresses if len(each) == size]
            for kind, size in ((A, 4), (AAAA, 16))
        }


def _numbers(networks: Sequence[Network]) -> list[int]:
    """Return the numbers that there is room for, the first to be given last.

    Neither the first nor the last address of a network is a host's.
    """
    room = min([MOST, *(each.num_addresses - 2 for each in networks)])
    return list(range(room if networks else 0, 0, -1))


def _fitting(leases: Mapping[str, Lease], room: int) -> dict[str, Lease]:
    return {name: lease for name, lease in leases.items() if lease.number <= room}


def _entries(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Read what `dump` wrote."""
    head, *lines = text.removesuffix("\n").split("\n")
    if head != HEAD:
        raise FormatError("it holds no leases of this version")
    *lines, end = lines or [""]
    if end != f"end of {len(lines)}":
        raise FormatError("it is cut short")
    yield from map(_entry, lines)


def _entry(line: str) -> tuple[int, int, int, str]:
    try:
        age, span, number, name = line.split(" ")
        return int(age), int(span), int(number), read_host_name(name.encode())
    except ValueError:
        raise FormatError(f"it has a line that is no lease: {line!a}") from None
