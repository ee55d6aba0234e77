"""A server that would resume TLS sessions, and says whether it did."""

import socket
import ssl
import threading
from contextlib import closing

from dotproxy.lab import zone
from tests.functional.peers import Certificates
from tests.functional.processes import AtEnd

Session = tuple[str, bool]
"""The version of TLS of a connection, and whether an earlier session was resumed."""


class Resuming:
    """Answer one query on each connection, then close it politely."""

    def __init__(self, certificates: Certificates, version: ssl.TLSVersion) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.maximum_version = version
        folder = certificates.folder
        self._context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.sessions: list[Session] = []
        """What each connection was, in their order."""
        self._thread = threading.Thread(target=self._run)

    def start(self, at_end: AtEnd) -> None:
        """Serve until the end."""
        at_end(self._stop)
        self._thread.start()

    def _stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            with accepted, closing(self._wrap(accepted)) as tls:
                self._serve(tls)

    def _wrap(self, accepted: socket.socket) -> ssl.SSLSocket:
        accepted.settimeout(5)
        return self._context.wrap_socket(accepted, server_side=True)

    def _serve(self, tls: ssl.SSLSocket) -> None:
        self.sessions.append((tls.version() or "", bool(tls.session_reused)))
        size = int.from_bytes(tls.recv(2), "big")
        reply = zone.answer(tls.recv(size))
        if reply is not None:
            tls.sendall(len(reply.wire).to_bytes(2, "big") + reply.wire)


def connect_twice(server: Resuming, ca_file: str, name: str) -> None:
    """Ask as a client would that resumes whatever it can."""
    context = ssl.create_default_context(cafile=ca_file)
    session = None
    query = zone_query()
    for _ in range(2):
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        with context.wrap_socket(plain, server_hostname=name, session=session) as tls:
            tls.sendall(len(query).to_bytes(2, "big") + query)
            tls.recv(4096)
            session = tls.session


def zone_query() -> bytes:
    """Return a query for something that the zone has."""
    return b"\0\1\1\0\0\1\0\0\0\0\0\0\3www\3lab\7example\0\0\1\0\1"
