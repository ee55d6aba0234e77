"""Clients of HTTP for the tests: h2 has its own opinion of every frame."""

import h2.connection
import h2.events
from h2.config import H2Configuration

from dotproxy.http.blocks import Blocks
from dotproxy.http.h2 import HTTP2
from dotproxy.http.responses import Heads
from tests.test_request import PATH, unpadded

Fields = list[tuple[str, str]]

BASE = [(":scheme", "https"), (":authority", "dns.example")]


def fields_of(method: str, path: str, *others: tuple[str, str]) -> Fields:
    """Return what a request says."""
    return [(":method", method), *BASE, (":path", path), *others]


def get_of(message: bytes) -> Fields:
    """Return what a GET for a query says."""
    return fields_of("GET", (PATH + b"?dns=" + unpadded(message)).decode())


POST = fields_of("POST", PATH.decode(), ("content-type", "application/dns-message"))


class Client:
    """A client of h2, and the server that it talks to."""

    def __init__(self) -> None:
        self.server = HTTP2(Blocks(PATH), Heads())
        self.h2 = h2.connection.H2Connection(H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.events: list[h2.events.Event] = []
        self.talk()

    def talk(self, cut: int = 0) -> None:
        """Let octets pass until nobody has any; in pieces of `cut` octets, if given."""
        while octets := self.h2.data_to_send():
            for at in range(0, len(octets), cut or len(octets)):
                self.server.feed(octets[at : at + (cut or len(octets))])
            self.hear()

    def hear(self) -> None:
        """Read what the server says."""
        self.events += self.h2.receive_data(self.server.take())

    def get(self, message: bytes) -> int:
        """Ask by GET; return the stream."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, get_of(message), end_stream=True)
        return stream

    def ask(self, fields: Fields, *parts: bytes) -> int:
        """Ask, with a body in parts; return the stream."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, fields, end_stream=not parts)
        for index, part in enumerate(parts, 1):
            self.h2.send_data(stream, part, end_stream=index == len(parts))
        return stream

    def status(self, stream: int) -> int:
        """Return the status of a response."""
        return int(dict(self.fields(stream))[":status"])

    def fields(self, stream: int) -> Fields:
        """Return the fields of a response."""
        (found,) = (
            each.headers or []
            for each in self.events
            if isinstance(each, h2.events.ResponseReceived) and each.stream_id == stream
        )
        return [(str(name), str(value)) for name, value in found]

    def body(self, stream: int) -> bytes:
        """Return what came of the body of a response."""
        return b"".join(
            each.data or b""
            for each in self.events
            if isinstance(each, h2.events.DataReceived) and each.stream_id == stream
        )

    def ended(self, stream: int) -> bool:
        """Whether a response is whole."""
        return any(
            isinstance(each, h2.events.StreamEnded) and each.stream_id == stream
            for each in self.events
        )
