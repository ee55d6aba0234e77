"""Who is connected over TCP, and who must go so that another may come.

To refuse newcomers would let those who came first keep out all others, and they may
do nothing.  So the one that was longest of no use makes room.
"""

import socket
from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple
from typing import Protocol as TypingProtocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from dotproxy.journal.note import Transport
from dotproxy.local.networks import Networks, octets
from dotproxy.server.limits import Limits

GRACE = 1.0
"""Seconds that a client has to read what came for it at once: its answers may all be
there in one turn, when it had no chance yet."""

IPV6_PREFIX = 8
"""Octets of an IPv6 address that tell one subscriber from another (RFC 6177)."""


class Client(TypingProtocol):
    """A connection.

    `network` says whose it is, see `network_of`, and `proto` how it asks; the `server`
    of its transport is the port that let it in.
    """

    network: str | bytes
    proto: Transport
    transport: Any

    def finish(self) -> None:
        """Answer what has been asked, and then hang up."""

    def turn_out(self) -> None:
        """Hang up at once, for another needs the place."""


Queue = OrderedDict[Client, None]
"""Connections, the one that was longest of no use first."""


class Unread(NamedTuple):
    """Octets that a client has not read, and since when there are any."""

    octets: int
    since: float


class Clients:
    """All connections, and those of each network."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.turned_out = 0
        self.unread = 0
        """Octets kept for those who do not read them."""
        self._unread: OrderedDict[Client, Unread] = OrderedDict()
        self._all: Queue = OrderedDict()
        self._networks: dict[str | bytes, Queue] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Client]:
        return iter(self._all)

    def by_transport(self) -> Counter[Transport]:
        """Count those that are there by how they ask."""
        return Counter(client.proto for client in self._all)

    def enter(self, client: Client) -> None:
        """Let a client in, in place of another if there are too many.

        A network that has all it may have makes room itself.
        """
        own = self._networks.get(client.network, ())
        if len(own) >= self.limits.per_client:
            self._turn_out(next(iter(own)))
        elif len(self._all) >= self.limits.in_all:
            self.make_room()
        self._all[client] = None
        self._networks.setdefault(client.network, OrderedDict())[client] = None

    def touch(self, client: Client) -> None:
        """Take note that a client is of use: it asks, or is answered."""
        if client in self._all:
            self._all.move_to_end(client)
            self._networks[client.network].move_to_end(client)

    def leave(self, client: Client) -> None:
        """Forget a client; it may have been turned out before."""
        self.read(client)
        if client in self._all:
            del self._all[client]
            own = self._networks[client.network]
            del own[client]
            if not own:
                del self._networks[client.network]

    def keep(self, client: Client, octets: int, now: float) -> None:
        """Count what is kept for a client that does not read.

        If it is too much for one, and for too long, that one goes.  If it is too much
        for all, the one goes that did not read for longest.
        """
        self.unread += octets
        before = self._unread.get(client, Unread(0, now))
        kept = self._unread[client] = Unread(before.octets + octets, before.since)
        if kept.octets > self.limits.unread and now - kept.since >= GRACE:
            self._turn_out(client)
        elif self.unread > self.limits.unread_in_all:
            self._turn_out(next(iter(self._unread)))

    def left(self, client: Client, octets: int) -> None:
        """Take note that a client has read, but for so many octets.

        It counts as one that does not read since it began to.
        """
        kept = self._unread.get(client)
        if kept is None or not octets:
            self.read(client)
        else:
            self.unread -= kept.octets - octets
            self._unread[client] = Unread(octets, kept.since)

    def read(self, client: Client) -> None:
        """Take note that a client has read all."""
        kept = self._unread.pop(client, None)
        if kept is not None:
            self.unread -= kept.octets

    def make_room(self) -> None:
        """Turn out the one that was longest of no use, if there is any."""
        for client in self._all:
            self._turn_out(client)
            return

    def _turn_out(self, client: Client) -> None:
        self.turned_out += 1
        self.leave(client)
        client.turn_out()


def network_of(address: IAddress | None) -> str | bytes:
    """Return what two addresses of one client have in common.

    An IPv4 address stands for itself; whoever has an IPv6 address has 2**64.
    """
    if isinstance(address, IPv6Address):
        host = address.host.partition("%")[0]
        return socket.inet_pton(socket.AF_INET6, host)[:IPV6_PREFIX]
    return address.host if isinstance(address, IPv4Address) else ""


def is_from(address: IAddress | None, networks: Networks) -> bool:
    """Whether an address is in one of these networks."""
    if not isinstance(address, IPv4Address | IPv6Address):
        return False
    found = octets(address.host)
    return found is not None and found in networks


def own_network(address: IAddress | None) -> str:
    """Return a network for one connection alone, of somebody who speaks for many.

    So it counts among all, and not as one of the others from the same address.
    """
    assert isinstance(address, IPv4Address | IPv6Address), "it is one of a network"
    return f"{address.host} {address.port}"
