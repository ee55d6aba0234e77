"""Load balancers before us, which say who the client is."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.access import Access, RateLimit
from dotproxy.journal.note import Note
from dotproxy.local.gate import create_gate
from dotproxy.local.networks import Networks
from dotproxy.server.balancers import Balancers
from dotproxy.server.limits import Limits
from dotproxy.wire.framing import frame
from dotproxy.wire.proxy_header import SIGNATURE, write_proxy_header
from tests.clients import Held, TcpTransport, Zone, numbers, query, rcode
from tests.test_factory import make_factory

BALANCER = IPv4Address("TCP", "192.0.2.9", 1000)

CLIENT = "10.0.0.7"
"""One that may ask."""

LIMITS = Limits(first_query=5, idle=10, per_client=2, in_all=8)


def line(host: str) -> bytes:
    """Write a header of version 1."""
    return f"PROXY TCP4 {host} 192.0.2.9 5000 53\r\n".encode()


def binary(host: str) -> bytes:
    """Write a header of version 2."""
    return write_proxy_header((host, 5000), ("192.0.2.9", 53), "dns.example", ())


LOCAL = SIGNATURE + b"\x20\0\0\0"


class Wire(TcpTransport):
    """A transport whose protocol may be another one later, as that of TCP."""

    protocol: Any = None
    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        self.protocol.connectionLost()


class Journal:
    """Keep what is noted."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def now(self) -> float:
        return 0.0

    def add(self, note: Note) -> None:
        self.notes.append(note)


class BalancersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        gate = create_gate(Access(("10.0.0.0/8", "192.0.2.9")), RateLimit(), b"seed")
        self.factory = make_factory(Zone(), self.clock, limits=LIMITS, gate=gate)
        networks = Networks((ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")))
        self.factory.terms = replace(self.factory.terms, balancers=networks)
        self.front = Balancers(self.factory, self.factory, self.clock)

    def connect(self, address: IAddress = BALANCER) -> Wire:
        wire = Wire()
        wire.protocol = self.front.buildProtocol(address)
        wire.protocol.makeConnection(wire)
        return wire

    def say(self, *segments: bytes) -> Wire:
        """Connect as a balancer, and send these."""
        wire = self.connect()
        for each in segments:
            wire.protocol.dataReceived(each)
        self.clock.advance(0)
        return wire

    def rcodes(self, wire: Wire) -> list[int]:
        return [rcode(each) for each in wire.take()]

    def test_client(self) -> None:
        """The client of the header is asked about: one may ask, another may not."""
        for write in (line, binary):
            asked = frame(query(1))
            assert self.rcodes(self.say(write(CLIENT) + asked)) == [0]
            assert self.rcodes(self.say(write("203.0.113.1") + asked)) == [5]

    def test_cuts(self) -> None:
        """However a header is cut, it is the same; what is behind it is a query."""
        for write in (line, binary):
            octets = write(CLIENT) + frame(query(1))
            for cut in range(1, len(octets)):
                wire = self.say(octets[:cut], octets[cut:])
                assert numbers(wire.take()) == [1], cut
                wire.protocol.connectionLost()
        assert len(self.factory.streams) == 0

    def test_own(self) -> None:
        """Where the balancer speaks for itself, it is itself who asks."""
        for header in (LOCAL, b"PROXY UNKNOWN\r\n"):
            wire = self.say(header + frame(query(1)))
            assert wire.protocol.source == BALANCER.host
            assert self.rcodes(wire) == [0]

    def test_without(self) -> None:
        """One without a header is closed, and the log says where, but once."""
        said: list[str] = []

        def hear(event: Any) -> None:
            said.append("{port}, {address}: {fault}".format_map(event))

        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)
        for octets in (frame(query(1)), b"\x16\3\1", line("nobody"), b"GET / HTTP/1.1"):
            wire = self.say(octets)
            assert wire.aborted
            assert not wire.value()
        assert said == ["12345, 192.0.2.9: no PROXY header"]
        assert not self.clock.getDelayedCalls()

    def test_others(self) -> None:
        """From any other network a header is none."""
        wire = self.connect(IPv4Address("TCP", "203.0.113.1", 1))
        wire.protocol.dataReceived(line(CLIENT) + frame(query(1)))
        assert (wire.protocol.source, wire.value()) == ("203.0.113.1", b"")
        wire = self.connect(IPv4Address("TCP", CLIENT, 1))
        wire.protocol.dataReceived(frame(query(1)))
        assert self.rcodes(wire) == [0]

    def test_families(self) -> None:
        """A balancer of one family speaks for clients of the other."""
        wire = self.connect(IPv6Address("TCP", "2001:db8::9", 1))
        wire.protocol.dataReceived(binary(CLIENT) + frame(query(1)))
        assert self.rcodes(wire) == [0]
        wire = self.connect()
        header = write_proxy_header(("fd00::1", 1), ("fd00::2", 1), "", ())
        wire.protocol.dataReceived(header + frame(query(1)))
        assert (wire.protocol.source, self.rcodes(wire)) == ("fd00::1", [5])

    def test_patience(self) -> None:
        """A header has to come as soon as a first query."""
        wire = self.say(line(CLIENT)[:-1])
        self.clock.advance(LIMITS.first_query - 0.1)
        assert not wire.aborted
        self.clock.advance(0.2)
        assert wire.aborted
        assert len(self.factory.streams) == 0
        wire = self.say(LOCAL)
        self.clock.advance(LIMITS.first_query - 0.1)
        assert not wire.disconnecting
        self.clock.advance(1.2)
        assert wire.disconnecting

    def test_limits(self) -> None:
        """Connections count for their client, and until that is known among all."""
        first, second = (self.say(line(CLIENT)) for _ in range(2))
        other = self.say(line("10.0.0.8"))
        third = self.say(line(CLIENT))
        wires = (first, second, other, third)
        assert [each.aborted for each in wires] == [True, False, False, False]
        waiting = [
            self.connect(IPv4Address("TCP", BALANCER.host, number))
            for number in range(6)
        ]
        assert len(self.factory.streams) == LIMITS.in_all
        assert not any(each.aborted for each in waiting)
        assert (second.aborted, other.aborted, third.aborted) == (True, False, False)

    def test_drained(self) -> None:
        """At the end one that has not said anything is let go."""
        wire = self.connect()
        (client,) = self.factory.streams
        client.finish()
        assert wire.disconnecting

    def test_reload(self) -> None:
        """The networks are those of the moment."""
        self.factory.terms = replace(self.factory.terms, balancers=Networks(()))
        wire = self.say(frame(query(1)))
        assert self.rcodes(wire) == [0]

    def test_noted(self) -> None:
        """It is the client whose address the query log gets."""
        journal: Any = Journal()
        self.factory.note_in(journal)
        self.say(binary(CLIENT) + frame(query(1)))
        self.say(binary("203.0.113.1") + frame(query(1)))
        clients = [note.client for note in journal.notes]
        assert clients == [CLIENT, "203.0.113.1"]

    def test_half_closed(self) -> None:
        """Who ends its side behind the query still gets its answer."""
        held = Held()
        self.factory = make_factory(held, self.clock)
        networks = Networks((ip_network("192.0.2.0/24"),))
        self.factory.terms = replace(self.factory.terms, balancers=networks)
        self.front = Balancers(self.factory, self.factory, self.clock)
        wire = self.say(binary(CLIENT) + frame(query(1)))
        wire.protocol.readConnectionLost()
        held.answer(0)
        assert numbers(wire.take()) == [1]
