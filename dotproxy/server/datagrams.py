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


def by_any_interface(asked: Ancillary) -> Ancillary:
    """Keep the address that was asked, and leave the way back to the routes.

    IPv4 tells the interface first (struct in_pktinfo); IPv6 tells it last, and needs
    it for link-local addresses.
    """
    return [
        (level, kind, ANY_INTERFACE + octets[4:] if level == IPPROTO_IP else octets)
        for level, kind, octets in asked
    ]
