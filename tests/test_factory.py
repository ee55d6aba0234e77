"""The names server factory: what each message gets, and who is let in."""

import dns.message
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.names.dns import IN, A
from twisted.names.dns import Query as NamesQuery
from twisted.names.server import DNSServerFactory
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.forwarder import Forwarder
from dotproxy.local.special import Special
from dotproxy.resolver import DoTResolver
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.stream import DEFAULT_LIMITS, StreamLimits, StreamProtocol
from dotproxy.upstream.interface import IUpstream
from tests.clients import Held, TcpTransport, Zone, query
from tests.messages import BACK, EXAMPLE, message, opt, record

TIMEOUT = 5.0

FORMERR, NOTIMP, REFUSED, BADVERS = 1, 4, 5, 16

LONG_NAME = (b"\x3f" + b"a" * 63) * 4 + b"\0"

SILENCE = {
    "nothing": b"",
    "half a header": query(1)[:11],
    "a response": message(0x8100, [EXAMPLE]),
    "a response of another operation": message(0xA800, [EXAMPLE]),
}

ERRORS = {
    "no question": (message(0x0100), FORMERR),
    "two questions": (message(0x0100, [EXAMPLE, EXAMPLE]), FORMERR),
    "a question that is announced only": (
        message(0x0100, [EXAMPLE])[:12],
        FORMERR,
    ),
    "a record that is announced only": (message(0x0100, [EXAMPLE], [b""]), FORMERR),
    "a pointer in the question": (message(0x0100, [BACK + b"\0\1\0\1"]), FORMERR),
    "two OPTs": (message(0x0100, [EXAMPLE], [], [], [opt(), opt()]), FORMERR),
    "an option that overruns": (
        message(0x0100, [EXAMPLE], [], [], [opt(b"\0\x0a\0\x09")]),
        FORMERR,
    ),
    "octets behind the end": (query(1) + b"\0", FORMERR),
    "a name of 257 octets": (message(0x0100, [LONG_NAME + b"\0\1\0\1"]), FORMERR),
    "a status request": (message(0x1100, [EXAMPLE]), NOTIMP),
    "a notification": (message(0x2100, [EXAMPLE]), NOTIMP),
    "an update": (message(0x2900, [EXAMPLE]), NOTIMP),
    "EDNS version 1": (
        message(0x0100, [EXAMPLE], [], [], [opt(ttl=0x10000)]),
        BADVERS,
    ),
    "a transfer": (query(1, rdtype="AXFR"), REFUSED),
    "an incremental transfer": (
        message(
            0x0100,
            [EXAMPLE[:-4] + b"\0\xfb\0\1"],
            [],
            [record(BACK, 6, b"\0\0" + bytes(20))],
        ),
        REFUSED,
    ),
    "version.bind": (
        message(0x0100, [b"\7version\4bind\0\0\x10\0\3"]),
        REFUSED,
    ),
}


def make_factory(
    upstream: IUpstream,
    clock: Clock,
    timeout: float = TIMEOUT,
    limits: StreamLimits = DEFAULT_LIMITS,
) -> ProxyServerFactory:
    """Return a factory as the service makes it, in front of this upstream."""
    resolver = DoTResolver(Forwarder([Special()], upstream), clock, timeout)
    return ProxyServerFactory(resolver, clock, timeout, limits)


class RespondTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.upstream = Held()
        self.factory = make_factory(self.upstream, self.clock)

    def replies(self, wire: bytes) -> list[bytes | Deferred[bytes] | None]:
        """Return what a message gets over UDP and over TCP."""
        return [self.factory.respond(wire, datagram) for datagram in (True, False)]

    def test_silence(self) -> None:
        """Nothing is said to what is no query: it could make us part of a loop."""
        for what, wire in SILENCE.items():
            assert self.replies(wire) == [None, None], what
        assert self.upstream.asked == []

    def test_errors(self) -> None:
        """A bad query is answered by the RCODE that is due, under its own ID."""
        for what, (wire, expected) in ERRORS.items():
            for reply in self.replies(wire):
                assert isinstance(reply, bytes), what
                read = dns.message.from_wire(reply)
                assert read.rcode() == expected, what
                assert reply[:2] == wire[:2], what
                assert reply[2] & 0xF9 == 0x80 | wire[2] & 0x79, what
        assert self.upstream.asked == []

    def test_unreadable(self) -> None:
        """What cannot be read gets a header and nothing else (RFC 1035 4.1.1)."""
        for what, (wire, expected) in ERRORS.items():
            if expected in (FORMERR, NOTIMP):
                for reply in self.replies(wire):
                    assert isinstance(reply, bytes), what
                    assert reply[4:] == bytes(8), what

    def test_answer(self) -> None:
        """A good query is asked upstream, and its reply comes when it comes."""
        reply = self.factory.respond(query(7), datagram=True)
        assert isinstance(reply, Deferred)
        self.assertNoResult(reply)
        self.upstream.answer(0)
        assert self.successResultOf(reply)[:4] == b"\0\7\x81\x80"

    def test_deadline(self) -> None:
        """There is time until shortly before the client gives up."""
        self.clock.advance(7)
        self.replies(query(1))
        assert [q.deadline for q in self.upstream.asked] == [7 + 4.9, 7 + 4.9]

    def test_short_deadline(self) -> None:
        """A client of little patience is not answered before it asks."""
        factory = make_factory(self.upstream, self.clock, timeout=0.1)
        factory.respond(query(1), datagram=True)
        assert self.upstream.asked[0].deadline == 0.05

    def test_size(self) -> None:
        """A datagram bounds the reply (RFC 1035 section 4.2.1), a stream does not."""
        self.replies(query(1))
        assert [q.max_size for q in self.upstream.asked] == [512, 65535]


class NamesTests(SynchronousTestCase):
    def test_resolver(self) -> None:
        """It is a names server like any other: its resolver answers too."""
        factory = make_factory(Zone(), Clock())
        assert isinstance(factory, DNSServerFactory)
        assert factory.canRecurse
        looking = factory.resolver.query(NamesQuery(b"ns.lab.example", A, IN))
        answers, _, _ = self.successResultOf(looking)
        assert [each.payload.dottedQuad() for each in answers] == ["192.0.2.53"]

    def test_datagram_protocol(self) -> None:
        """Its UDP protocol answers for the factory."""
        factory = make_factory(Zone(), Clock())
        assert factory.datagram_protocol().controller is factory


class ClientsTests(SynchronousTestCase):
    """Who is let in over TCP."""

    def setUp(self) -> None:
        limits = StreamLimits(per_client=2, in_all=5)
        self.factory = make_factory(Held(), Clock(), limits=limits)

    def connect(self, address: IAddress | None) -> StreamProtocol | None:
        protocol = self.factory.buildProtocol(address)
        if protocol is not None:
            protocol.makeConnection(TcpTransport())
        return protocol

    def let_in(self, *hosts: str) -> list[StreamProtocol]:
        """Connect from some hosts, and return those that are let in."""
        made = [self.connect(IPv4Address("TCP", host, 9)) for host in hosts]
        return [each for each in made if each is not None]

    def test_per_client(self) -> None:
        """One address has only so many connections; others have theirs."""
        assert len(self.let_in("192.0.2.1", "192.0.2.1")) == 2
        assert self.let_in("192.0.2.1") == []
        assert self.factory.turned_away == 1
        assert len(self.let_in("192.0.2.2")) == 1
        assert self.factory.turned_away == 1

    def test_in_all(self) -> None:
        """There are only so many connections of all clients together."""
        hosts = [f"192.0.2.{host}" for host in range(5)]
        assert len(self.let_in(*hosts)) == 5
        assert self.let_in("192.0.2.9") == []
        assert len(self.factory.connections) == 5
        assert self.factory.turned_away == 1

    def test_counted_back(self) -> None:
        """A connection that ends makes room for the next, of whichever client."""
        here = self.let_in("192.0.2.1", "192.0.2.1")
        self.let_in("192.0.2.2", "192.0.2.2", "192.0.2.3")
        here.pop().connectionLost()
        assert len(self.let_in("192.0.2.1", "192.0.2.3")) == 1
        here.pop().connectionLost()
        assert len(self.let_in("192.0.2.3")) == 1
        assert self.let_in("192.0.2.1", "192.0.2.4") == []
        assert len(self.factory.connections) == 5

    def test_forgotten(self) -> None:
        """A client that left altogether comes back to all that it may have."""
        for _ in range(3):
            for protocol in self.let_in("192.0.2.1", "192.0.2.1"):
                protocol.connectionLost()
        assert self.factory.connections == []
        assert len(self.let_in("192.0.2.1", "192.0.2.1", "192.0.2.1")) == 2

    def test_ipv6(self) -> None:
        """An IPv6 client counts by its address, too."""
        host = IPv6Address("TCP", "2001:db8::1", 9)
        assert self.connect(host)
        assert self.connect(host)
        assert self.connect(host) is None
        assert self.connect(IPv6Address("TCP", "2001:db8::2", 9))

    def test_no_address(self) -> None:
        """Clients without an IP address count as one."""
        assert self.connect(None)
        assert self.connect(UNIXAddress(b"/nowhere"))
        assert self.connect(None) is None
