"""Datagrams from clients and back, one system call for each: works everywhere."""

import socket
from collections.abc import Iterable
from socket import IPPROTO_IP
from typing import Any, NamedTuple

LARGEST = 4096
"""Octets of a query that are read; no query with one question is near it."""

BATCH = 64
"""Datagrams read in one turn, before others get theirs."""

ANY_INTERFACE = bytes(4)
"""The index of no interface: the system chooses."""

IP_ASKED, IPV6_ASKED = slice(8, 12), slice(0, 16)
"""Where the address that was asked stands (struct in_pktinfo, struct in6_pktinfo)."""

Ancillary = list[tuple[int, int, bytes]]


class Client(NamedTuple):
    """Where a datagram came from, and which of our addresses it was sent to.

    Both are for those to read who made them.  The second is empty where the socket
    has just one address.
    """

    address: Any
    asked: Any


Late = tuple[bytes, Client]
"""A reply that was not there when its batch was read, and who waits for it."""


class Datagrams:
    """Read and write a socket that does not block.

    On one that is bound to all addresses, the reply leaves from the address that was
    asked; otherwise the client would take it for a stranger's.
    """

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self._own = own_address(bound)
        self._clients: list[Client] = []
        self.unsent = 0
        """Replies that the system refused to send."""

    def receive(self) -> list[bytes]:
        """Return what has come, at most a batch."""
        messages: list[bytes] = []
        self._clients.clear()
        receive, room = self._socket.recvmsg, socket.CMSG_SPACE(20)
        for _ in range(BATCH):
            try:
                message, asked, _, address = receive(LARGEST, room)
            except BlockingIOError:
                break
            except OSError:
                # A client's machine refused an earlier reply: not our concern.
                continue
            messages.append(message)
            self._clients.append(Client(address, by_any_interface(asked)))
        return messages

    def client(self, place: int) -> Client:
        """Return who sent the message at this place of the last batch."""
        return self._clients[place]

    def answerable(self, place: int) -> bool:
        """Whether a reply may go there: not to port 0, nor to this very socket."""
        address, asked = self._clients[place]
        host, port = address[:2]
        if port != self._own.port:
            return bool(port)
        family = self._socket.family
        return not self._own.is_source(
            socket.inet_pton(family, host.partition("%")[0]),
            b"".join(octets[_asked_in(family)] for _, _, octets in asked),
        )

    def source(self, place: int) -> str:
        """Return the address that the message at this place came from."""
        address: str = self._clients[place].address[0]
        return address

    def host(self, client: Client) -> str:
        """Return the address of a client."""
        address: str = client.address[0]
        return address

    def reply(self, place: int, message: bytes) -> None:
        """Answer the message at this place of the last batch."""
        self._send(message, self._clients[place])

    def flush(self) -> None:
        """Send what is not sent yet: nothing."""

    def send(self, late: Iterable[Late]) -> None:
        """Send replies that are late; not in the middle of a batch."""
        for message, client in late:
            self._send(message, client)

    def _send(self, message: bytes, client: Client) -> None:
        """Send a datagram, or count it as unsent.

        A client to whom nothing can be sent (a firewall, a route that went away) is
        no reason to stop for the others; it will ask again.
        """
        try:
            self._socket.sendmsg([message], client.asked, 0, client.address)
        except OSError:
            self.unsent += 1


class OwnAddress(NamedTuple):
    """Where a socket is bound; `host` is packed, and empty if that is everywhere.

    A datagram that says to be from there is forged, and the reply to it would be the
    next to come.
    """

    host: bytes
    port: int

    def is_source(self, host: bytes, asked: bytes) -> bool:
        """Whether our own port at `host` is this socket, at which `asked` was asked."""
        return host == (self.host or asked)


def own_address(bound: socket.socket) -> OwnAddress:
    """Return where a socket is bound."""
    host, port = bound.getsockname()[:2]
    packed = socket.inet_pton(bound.family, host.partition("%")[0])
    return OwnAddress(packed if any(packed) else b"", port)


def _asked_in(family: int) -> slice:
    return IP_ASKED if family == socket.AF_INET else IPV6_ASKED


def by_any_interface(asked: Ancillary) -> Ancillary:
    """Keep the address that was asked, and leave the way back to the routes.

    IPv4 tells the interface first (struct in_pktinfo); IPv6 tells it last, and needs
    it for link-local addresses.
    """
    return [
        (level, kind, ANY_INTERFACE + octets[4:] if level == IPPROTO_IP else octets)
        for level, kind, octets in asked
    ]
