"""Proxies before us that ask over HTTP, each request on behalf of a client."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import hpack
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.access import Access, RateLimit
from dotproxy.http.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    SETTINGS,
    frame,
)
from dotproxy.journal.note import Note
from dotproxy.local.gate import create_gate
from dotproxy.local.networks import Networks
from dotproxy.server.http_factory import HTTPFactory
from dotproxy.server.limits import Limits
from tests.clients import TcpTransport, Zone, query, rcode
from tests.test_factory import make_factory
from tests.test_request import unpadded

PROXY, ALLOWED, DENIED = "192.0.2.1", "10.0.0.7", "203.0.113.1"

PATH = "/dns-query"

TARGET = b"/dns-query?dns=" + unpadded(query(0))

SPOOFED = f"{ALLOWED}, {DENIED}"
"""What a proxy makes of a client that claims to be another."""


class Journal:
    """Keep what is noted."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def now(self) -> float:
        return 0.0

    def add(self, note: Note) -> None:
        self.notes.append(note)


class BehalfTests(SynchronousTestCase):
    LIMIT = RateLimit()
    DENY = "refuse"

    def setUp(self) -> None:
        self.clock = Clock()
        access = Access(("10.0.0.0/8", PROXY), self.DENY)
        gate = create_gate(access, self.LIMIT, b"seed")
        limits = Limits(per_client=2)
        self.factory = make_factory(Zone(), self.clock, limits=limits, gate=gate)
        self.trust(PROXY, "10.1.0.0/16")
        self.front = HTTPFactory(self.factory, PATH, self.clock)

    def trust(self, *networks: str) -> None:
        proxies = Networks(tuple(map(ip_network, networks)))
        self.factory.terms = replace(self.factory.terms, proxies=proxies)

    def connect(self, host: str = PROXY, port: int = 1) -> None:
        self.transport = TcpTransport()
        self.protocol = self.front.buildProtocol(IPv4Address("TCP", host, port))
        self.protocol.makeConnection(self.transport)

    def receive(self, octets: bytes) -> bytes:
        self.protocol.dataReceived(octets)
        self.clock.advance(0)
        said = self.transport.value()
        self.transport.clear()
        return said

    def get(self, *forwarded: str) -> tuple[int, int | None]:
        """Ask over HTTP/1.1; return the status, and the RCODE where that is 200."""
        lines = "".join(f"X-Forwarded-For: {each}\r\n" for each in forwarded)
        head = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (TARGET, lines.encode())
        said = self.receive(head)
        status = int(said[9:12])
        _, _, body = said.partition(b"\r\n\r\n")
        return status, rcode(body) if status == 200 else None


class HTTP1Tests(BehalfTests):
    def test_client(self) -> None:
        """Each request on one connection is judged by its own client."""
        self.connect()
        assert self.get(ALLOWED) == (200, 0)
        assert self.get(DENIED) == (200, 5)
        assert self.get(SPOOFED) == (200, 5)
        assert self.get(ALLOWED, DENIED) == (200, 5)
        assert self.get(f"{DENIED}, {ALLOWED}, 10.1.2.3") == (200, 0)
        assert self.get() == (200, 0)

    def test_post(self) -> None:
        """The field of a request with a body counts as well."""
        self.connect()
        body = query(0)
        head = (
            "POST /dns-query HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: "
            f"{DENIED}\r\nContent-Type: application/dns-message\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        said = self.receive(head.encode() + body)
        assert rcode(said.partition(b"\r\n\r\n")[2]) == 5

    def test_stranger(self) -> None:
        """Nobody else is believed, whether they may ask or not."""
        self.connect(DENIED)
        assert self.get(ALLOWED) == (200, 5)
        self.connect(ALLOWED)
        assert self.get(DENIED) == (200, 0)

    def test_reload(self) -> None:
        """A proxy that is trusted no more asks for itself, on old connections too."""
        self.connect()
        assert self.get(DENIED) == (200, 5)
        self.trust("10.1.0.0/16")
        assert self.get(DENIED) == (200, 0)

    def test_everybody(self) -> None:
        """Where all may ask there is nothing to decide, and yet something to note."""
        self.factory.gate = None
        journal: Any = Journal()
        self.factory.note_in(journal)
        self.connect()
        assert self.get(DENIED) == (200, 0)
        assert [note.client for note in journal.notes] == [DENIED]

    def test_noted(self) -> None:
        """The query log gets the client, refused or not."""
        journal: Any = Journal()
        self.factory.note_in(journal)
        self.connect()
        self.get(ALLOWED)
        self.get(DENIED)
        assert [note.client for note in journal.notes] == [ALLOWED, DENIED]

    def test_connections(self) -> None:
        """Connections of a proxy are not those of one client."""
        for port in range(4):
            self.connect(port=port)
        assert len(self.factory.streams) == 4
        for port in range(4):
            self.connect(ALLOWED, port)
        assert len(self.factory.streams) == 6


class HTTP2Tests(BehalfTests):
    def head(self, asked: tuple[str, str], *others: tuple[str, str]) -> bytes:
        """Write the fields of a request as a client without a table does."""
        method, path = asked
        fields = [
            *((":method", method), (":scheme", "https"), (":authority", "x")),
            *((":path", path), *others),
        ]
        encoder = hpack.Encoder()
        encoder.header_table_size = 0
        return encoder.encode([hpack.NeverIndexedHeaderTuple(*each) for each in fields])

    def ask(self, stream: int, forwarded: str) -> bytes:
        """Write a query on behalf of somebody."""
        block = self.head(("GET", TARGET.decode()), ("x-forwarded-for", forwarded))
        return frame(HEADERS, END_HEADERS | END_STREAM, stream, block)

    def rcodes(self, octets: bytes) -> dict[int, int]:
        """Return the RCODEs of all replies, by their streams."""
        found = {}
        said = self.receive(octets)
        while said:
            size, kind = int.from_bytes(said[:3], "big"), said[3]
            if kind == DATA:
                stream = int.from_bytes(said[5:9], "big")
                found[stream] = rcode(said[9 : 9 + size])
            said = said[9 + size :]
        return found

    def test_client(self) -> None:
        """On one connection each stream has its client, however the answers come."""
        self.connect()
        self.receive(PREFACE + frame(SETTINGS, 0, 0, b"\0\1\0\0\0\0"))
        asked = {1: ALLOWED, 3: DENIED, 5: SPOOFED, 7: ALLOWED}
        together = b"".join(self.ask(*each) for each in asked.items())
        assert self.rcodes(together) == {1: 0, 3: 5, 5: 5, 7: 0}
        # The same blocks once more, which are remembered.
        again = b"".join(self.ask(each + 8, host) for each, host in asked.items())
        assert self.rcodes(again) == {9: 0, 11: 5, 13: 5, 15: 0}

    def test_kept(self) -> None:
        """Who sent a body that takes its time is known, however many failed between."""
        self.connect()
        self.receive(PREFACE + frame(SETTINGS, 0, 0, b"\0\1\0\0\0\0"))
        media_type = ("content-type", "application/dns-message")
        head = self.head(("POST", PATH), ("x-forwarded-for", DENIED), media_type)
        self.receive(frame(HEADERS, END_HEADERS, 1, head))
        head = self.head(("GET", PATH), ("x-forwarded-for", ALLOWED))
        for stream in range(3, 3 + 2 * 300, 2):
            self.receive(frame(HEADERS, END_HEADERS | END_STREAM, stream, head))
        body = frame(DATA, END_STREAM, 1, query(0))
        assert self.rcodes(body) == {1: 5}

    def test_remembered(self) -> None:
        """A block that a proxy said is not believed of anybody else."""
        self.test_client()
        self.connect(DENIED)
        self.receive(PREFACE + frame(SETTINGS, 0, 0, b"\0\1\0\0\0\0"))
        assert self.rcodes(self.ask(1, ALLOWED)) == {1: 5}


class RateTests(BehalfTests):
    LIMIT = RateLimit(qps=1, burst=2, ipv4_prefix=32)

    def test_rate(self) -> None:
        """One that asks too often is told so, and others on the connection go on."""
        self.connect()
        assert [self.get(ALLOWED)[0] for _ in range(4)] == [200, 200, 429, 429]
        assert self.get("10.0.0.8") == (200, 0)
        assert self.factory.gate is not None
        assert self.factory.gate.limited == 2
        self.clock.advance(1)
        assert self.get(ALLOWED) == (200, 0)


class SilenceTests(BehalfTests):
    DENY = "drop"

    def test_dropped(self) -> None:
        """Who should get no reply gets 403: over HTTP there has to be one."""
        self.connect()
        assert self.get(DENIED) == (403, None)
        assert self.get(ALLOWED) == (200, 0)
        self.connect(DENIED)
        assert self.get() == (403, None)
