"""An origin that speaks TLS, and remembers every octet that came before decryption."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from dotproxy.lab.certificates import Authority, Leaf
from tests.functional.processes import AtEnd

BODY = b"hello from the origin\n"

REPLY = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


class TlsOrigin:
    """A web server on a free port of 127.0.0.1, with a thread for each client.

    `heard` holds what each connection brought, as it was on the wire.
    """

    def __init__(self, folder: Path, names: tuple[str, ...], at_end: AtEnd) -> None:
        authority = Authority.create("authority of the origin", datetime.now(UTC))
        issued = authority.issue(Leaf(names))
        self.ca_file = folder / "origin-ca.pem"
        self.ca_file.write_bytes(authority.pem)
        pem = folder / "origin.pem"
        pem.write_bytes(issued.key_pem + issued.chain_pem)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self.heard: list[bytearray] = []
        self._server = serve(self._talk, at_end)
        self.port: int = self._server.getsockname()[1]

    def _talk(self, client: socket.socket) -> None:
        heard = bytearray()
        self.heard.append(heard)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        asked = b""
        while b"\r\n\r\n" not in asked:
            try:
                asked += tls.read(65536)
            except ssl.SSLWantReadError:
                client.sendall(outgoing.read())
                data = client.recv(65536)
                if not data:
                    return
                heard += data
                incoming.write(data)
        tls.write(REPLY % len(BODY) + BODY)
        client.sendall(outgoing.read())


def serve(talk: Callable[[socket.socket], None], at_end: AtEnd) -> socket.socket:
    """Listen on a free port; `talk` to each client in a thread, and then close."""
    server = socket.create_server(("127.0.0.1", 0))
    at_end(server.close)

    def run(client: socket.socket) -> None:
        with client, suppress(OSError):
            talk(client)

    def accept() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=run, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server
