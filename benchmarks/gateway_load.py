"""The load of a relay: a client that counts octets, and an origin that has many."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, create_server, socket

from tests.hellos import alpn, outer, padding, server_name, stream, versions

NAME = "www.bench.example"

HELLO = stream(
    server_name(NAME.encode()),
    alpn(b"h2", b"http/1.1"),
    versions(0x0304, 0x0303),
    outer(),
    padding(1400),
)
"""As long as a browser's, which has a post-quantum share in place of the padding."""

PIECE = bytes(2**18)

COUNT = 8
"""Octets that say how many are wanted."""


class Origin:
    """A server with a thread for each client, on `port` of 127.0.0.1."""

    def __init__(self, server: socket) -> None:
        self._server = server
        self.port: int = server.getsockname()[1]

    @classmethod
    @contextmanager
    def start(cls) -> "Iterator[Origin]":
        """Serve until the end of the block."""
        with create_server(("127.0.0.1", 0), backlog=1024) as server:
            origin = cls(server)
            threading.Thread(target=origin._accept, daemon=True).start()
            yield origin

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()


def serve(client: socket) -> None:
    """Hear the hello, say one octet, and as many more as are asked for."""
    with client, suppress(OSError):
        client.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        if len(exactly(client, len(HELLO))) < len(HELLO):
            return
        client.sendall(b"!")
        wanted = int.from_bytes(exactly(client, COUNT), "big")
        while wanted > 0:
            client.sendall(PIECE[:wanted])
            wanted -= len(PIECE)


def reply(place: tuple[str, int]) -> socket:
    """Connect, say hello, and return the connection at the first octet in reply."""
    client = create_connection(place, timeout=10)
    client.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    client.sendall(HELLO)
    if client.recv(1) != b"!":
        raise ConnectionError("there is no relay, or no origin behind it")
    return client


def download(place: tuple[str, int], size: int) -> None:
    """Ask for so many octets, and take them."""
    room = bytearray(2**18)
    with reply(place) as client:
        client.sendall(size.to_bytes(COUNT, "big"))
        while size > 0:
            got = client.recv_into(room)
            if not got:
                raise ConnectionError(f"{size} octets are missing")
            size -= got


def exactly(client: socket, size: int) -> bytes:
    """Return so many octets, or those that came before the end."""
    octets = b""
    while len(octets) < size and (part := client.recv(size - len(octets))):
        octets += part
    return octets
