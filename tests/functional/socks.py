"""A SOCKS5 proxy that does what a test says, and knows what it was asked for."""

import socket
import threading
from contextlib import suppress

from tests.functional.origin import serve
from tests.functional.processes import AtEnd

CONNECTED, NOT_ALLOWED, REFUSED = 0, 2, 5
"""Replies (RFC 1928 section 6)."""


class SocksProxy:
    """Connect clients to one place, whatever they ask for, on a free port of 127.0.0.1.

    `asked` has the requests as they came, the address and the port in them as octets;
    `logins` what clients said of themselves.  With a `login` nobody passes without.
    """

    def __init__(
        self, place: tuple[str, int], at_end: AtEnd, login: bytes | None = None
    ) -> None:
        self.asked: list[bytes] = []
        self.logins: list[bytes] = []
        self.reply = CONNECTED
        self._place = place
        self._login = login
        server = serve(self._talk, at_end)
        self.port: int = server.getsockname()[1]

    def _talk(self, client: socket.socket) -> None:
        methods = _exactly(client, _exactly(client, 2)[1])
        method = 0 if self._login is None else 2
        if method not in methods:
            client.sendall(b"\5\xff")
            return
        client.sendall(bytes((5, method)))
        if self._login is not None and not self._passes(client):
            return
        head = _exactly(client, 4)
        size = {1: 4, 4: 16}[head[3]]
        self.asked.append(_exactly(client, size + 2))
        client.sendall(bytes((5, self.reply, 0, 1)) + bytes(6))
        if self.reply == CONNECTED:
            with socket.create_connection(self._place) as origin:
                _splice(client, origin)

    def _passes(self, client: socket.socket) -> bool:
        words = []
        _exactly(client, 1)
        for _ in range(2):
            words.append(_exactly(client, _exactly(client, 1)[0]))
        self.logins.append(b":".join(words))
        good = self.logins[-1] == self._login
        client.sendall(b"\1\0" if good else b"\1\1")
        return good


def _exactly(client: socket.socket, size: int) -> bytes:
    octets = b""
    while len(octets) < size:
        data = client.recv(size - len(octets))
        if not data:
            raise OSError("the client hung up")
        octets += data
    return octets


def _splice(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_pass_on, args=(other, one), daemon=True)
    back.start()
    _pass_on(one, other)
    back.join()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
