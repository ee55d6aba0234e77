"""The names server factory: what each message gets, and who is let in."""

from collections.abc import Callable
from typing import Any

import dns.message
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.names.dns import IN, A
from twisted.names.dns import Query as NamesQuery
from twisted.names.server import DNSServerFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from dotproxy.config.caching import Caching
from dotproxy.forwarder import Forwarder
from dotproxy.journal.journal import Journal
from dotproxy.journal.note import DOH, DOT, TCP, TRANSPORTS, UDP, Transport
from dotproxy.journal.privacy import Privacy
from dotproxy.local.gate import Gate
from dotproxy.local.ready import Ready
from dotproxy.local.refusals import Refusals
from dotproxy.resolver import DoTResolver
from dotproxy.server import factory as module
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.limits import DEFAULT_LIMITS, Limits
from dotproxy.server.stream import StreamProtocol
from dotproxy.server.terms import Terms
from dotproxy.tracing.tracing import Tracing
from dotproxy.upstream.interface import IUpstream
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.query import Query
from tests.clients import Held, TcpTransport, Zone, query
from tests.messages import (
    BACK,
    EXAMPLE,
    message,
    odd_option,
    opt,
    quick,
    record,
)
from tests.test_forwarder import DEFAULT, make_forwarder

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
    "an update": (message(0x2900, [EXAMPLE]), REFUSED),
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


WORDS: tuple[dict[str, Any], ...] = (
    {},
    {"use_edns": 0, "payload": 600},
    {"use_edns": 0, "payload": 1232},
    {"use_edns": 0, "want_dnssec": True},
    {"flags": 0},
)
"""What may stand in a query besides the question."""

Step = tuple[tuple[str, str], Callable[[str], str], dict[str, Any], Transport, float]
"""A question, how it is spelled, what else is in the query, by what it comes, and how
many seconds after the last."""

steps: st.SearchStrategy[Step] = st.tuples(
    st.sampled_from(
        [
            ("www.lab.example", "A"),
            ("www.lab.example", "AAAA"),
            ("big.lab.example", "TXT"),
            ("nope.lab.example", "A"),
            ("lab.example", "AXFR"),
        ]
    ),
    st.sampled_from([str.lower, str.upper, str.title]),
    st.sampled_from(WORDS),
    st.sampled_from(TRANSPORTS),
    st.sampled_from([0, 0, 0, 0.3, 1, 29.9, 60, 301]),
)


@implementer(IUpstream)
class Known:
    """An upstream that knows one answer, and gives it at once."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def exchange(self, query: Query) -> Deferred[Answer]:
        return succeed(self._answer)


def make_factory(
    upstream: IUpstream,
    clock: Clock,
    timeout: float = TIMEOUT,
    limits: Limits = DEFAULT_LIMITS,
    gate: Gate | None = None,
) -> ProxyServerFactory:
    """Return a factory as the service makes it, in front of this upstream."""
    resolver = DoTResolver(make_forwarder(upstream, clock, Refusals()), clock, timeout)
    return ProxyServerFactory(resolver, clock, Terms(timeout, limits, gate))


def in_front_of(forwarder: Forwarder, clock: Clock) -> ProxyServerFactory:
    """Return a factory with a forwarder of the test's own."""
    return ProxyServerFactory(DoTResolver(forwarder, clock), clock, Terms(TIMEOUT))


def now(reply: bytes | Deferred[bytes] | None) -> bytes:
    """Return a reply that is there, however it comes."""
    if isinstance(reply, Deferred):
        come: list[bytes] = []
        reply.addCallback(come.append)
        (reply,) = come
    assert reply is not None
    return reply


def ttls(reply: bytes) -> set[int]:
    """Return the TTLs in the answer section of a reply."""
    return {rrset.ttl for rrset in dns.message.from_wire(reply).answer}


def forget(factory: ProxyServerFactory) -> None:
    """Have nothing ready: so the next query goes the ordinary way."""
    factory.ready[UDP].clear()
    factory.ready[TCP].clear()


def octets(ready: Ready) -> int:
    """Return how many octets of replies are ready."""
    return sum(len(head) + len(tail) for head, tail, _ in ready.replies.values())


class ServeTests(SynchronousTestCase):
    """Another resolver takes over."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.before, self.after = Held(), Held()
        self.factory = make_factory(self.before, self.clock)

    def serve(self, timeout: float = TIMEOUT) -> None:
        forwarder = make_forwarder(self.after, self.clock, Refusals())
        self.factory.serve(DoTResolver(forwarder, self.clock, timeout), Terms(timeout))

    def test_next(self) -> None:
        """It is asked from then on; who was asked before answers what it was asked."""
        early = self.factory.respond(query(1), UDP)
        self.serve()
        late = self.factory.respond(query(2), UDP)
        assert (self.before.numbers, self.after.numbers) == ([1], [2])
        self.before.answer(0)
        assert now(early)[:2] == b"\0\1"
        assert isinstance(late, Deferred)
        assert not late.called
        self.after.answer(0)
        assert now(late)[:2] == b"\0\2"

    def test_ready(self) -> None:
        """Nothing that rests on the one before is ready any more."""
        for transport in (UDP, TCP):
            self.factory.respond(query(1, rdtype="AXFR"), transport)
        assert self.factory.ready[UDP].replies
        assert self.factory.ready[TCP].replies
        self.serve()
        assert not self.factory.ready[UDP].replies
        assert not self.factory.ready[TCP].replies

    def test_patience(self) -> None:
        """Clients are taken to wait as long as it says."""
        self.serve(timeout=1.0)
        self.factory.respond(query(1), UDP)
        assert self.after.asked[0].deadline == self.clock.seconds() + 0.9

    def test_chain(self) -> None:
        """As a names server, the factory has it as its only resolver."""
        self.serve(timeout=1.0)
        assert self.factory.canRecurse
        (resolver,) = self.factory.resolver.resolvers
        assert resolver.forwarder is not None


class RespondTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.upstream = Held()
        self.factory = make_factory(self.upstream, self.clock)

    def replies(self, wire: bytes) -> list[bytes | Deferred[bytes] | None]:
        """Return what a message gets over UDP and over TCP."""
        return [self.factory.respond(wire, transport) for transport in (UDP, TCP)]

    def asked(self, transport: Transport) -> Query:
        """Return what the upstream is asked on behalf of a client."""
        factory = make_factory(self.upstream, self.clock)
        factory.respond(query(1), transport)
        return self.upstream.asked[-1]

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
        reply = self.factory.respond(query(7), UDP)
        assert isinstance(reply, Deferred)
        self.assertNoResult(reply)
        self.upstream.answer(0)
        assert self.successResultOf(reply)[:4] == b"\0\7\x81\x80"

    def test_deadline(self) -> None:
        """There is time until shortly before the client gives up."""
        self.clock.advance(7)
        for transport in (UDP, TCP):
            assert self.asked(transport).deadline == 7 + 4.9

    def test_short_deadline(self) -> None:
        """A client of little patience is not answered before it asks."""
        factory = make_factory(self.upstream, self.clock, timeout=0.1)
        factory.respond(query(1), UDP)
        assert self.upstream.asked[0].deadline == 0.05

    def test_size(self) -> None:
        """A datagram bounds the reply (RFC 1035 section 4.2.1), a stream does not."""
        assert self.asked(UDP).max_size == 512
        assert self.asked(TCP).max_size == 65535

    def test_together(self) -> None:
        """Clients of either kind share an exchange, and each gets its reply."""
        replies = self.replies(query(7))
        assert len(self.upstream.asked) == 1
        self.upstream.answer(0, size=600)
        datagram, stream = (
            self.successResultOf(reply)
            for reply in replies
            if isinstance(reply, Deferred)
        )
        assert datagram[:4] == b"\0\7\x83\x80"
        assert stream[:4] == b"\0\7\x81\x80"
        assert len(datagram) < 512 < len(stream)


class ReadyTests(SynchronousTestCase):
    """What was answered this second already; one clock tells the seconds to all."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.patch(module, "uptime", self.clock.seconds)
        self.forwarder = make_forwarder(Zone(), self.clock, Refusals())
        self.factory = in_front_of(self.forwarder, self.clock)
        self.datagrams = self.factory.ready[UDP]
        self.streams = self.factory.ready[TCP]

    def ask(self, wire: bytes, transport: Transport = UDP) -> bytes:
        """Return the reply to a message, which is there at once."""
        return now(self.factory.respond(wire, transport))

    def test_same_second(self) -> None:
        """The second one gets what the first got, but for ID and spelling."""
        self.ask(query(1))
        first = self.ask(query(2, "www.LAB.example"))
        assert self.datagrams.hits == 0
        wish = query(3, "WwW.lab.EXAMPLE")
        second = self.ask(wish)
        assert self.datagrams.hits == 1
        assert second == wish[:2] + first[2:12] + wish[12:] + first[len(wish) :]

    def test_flush(self) -> None:
        """After a flush nothing is ready, nor known: the next one asks anew."""
        for wish in (query(1), query(1)):
            self.ask(wish)
            self.ask(wish, TCP)
        assert self.datagrams.replies
        assert self.streams.replies
        assert self.factory.flush(query(1)[12:-4].upper()) == 1
        assert not self.datagrams.replies
        assert not self.streams.replies
        assert len(self.forwarder.cache) == 0

    def test_encrypted(self) -> None:
        """What was padded for one is ready for those alone who are encrypted, too."""
        padded = [odd_option(12, bytes(8))]
        wish = dns.message.make_query("www.lab.example", "A", options=padded).to_wire()
        whole = [
            now(self.factory.respond(wish, transport))
            for transport in (TCP, DOT, DOH, TCP, DOT, DOH)
        ]
        assert [len(each) % 468 for each in whole] == [len(whole[0]), 0, 0] * 2
        hits = [self.factory.ready[each].hits for each in (DOT, DOH)]
        assert hits == [1, 1]
        self.factory.flush()
        assert not self.factory.ready[DOT].replies

    def test_keepalive(self) -> None:
        """How long a connection may idle is told over TCP and TLS, not over HTTP."""
        asked = [odd_option(11, b"")]
        wish = dns.message.make_query("www.lab.example", "A", options=asked).to_wire()
        told = [
            bool(dns.message.from_wire(now(self.factory.respond(wish, each))).options)
            for each in (TCP, DOT, DOH)
        ]
        assert told == [True, True, False]

    def test_idle(self) -> None:
        """Who asks over a stream how long it may idle hears it (RFC 7828)."""
        wish = dns.message.make_query(
            "www.lab.example", "A", options=[odd_option(11, b"")]
        ).to_wire()
        assert not dns.message.from_wire(self.ask(wish)).options
        (said,) = dns.message.from_wire(self.ask(wish, TCP)).options
        assert said.to_wire() == b"\0\x64"

    def test_nobody_asked(self) -> None:
        """What is ready goes out without a look at what is known, or a question."""
        self.ask(query(1))
        self.ask(query(2))
        asked: list[Query] = []
        self.patch(self.forwarder, "resolve", asked.append)
        for number in range(9):
            assert self.ask(query(number))[:4] == bytes((0, number, 0x81, 0x80))
        assert asked == []
        assert self.datagrams.hits == 9

    def test_kinds(self) -> None:
        """What was cut to fit a datagram is for datagrams, the whole for streams."""
        wish = query(1, "big.lab.example", "TXT")
        self.ask(wish)
        short, whole = self.ask(wish), self.ask(wish, TCP)
        assert short[2] & 0x02
        assert len(short) <= 512
        assert not whole[2] & 0x02
        assert len(whole) > 2900
        for _ in range(2):
            assert self.ask(wish) == short
        assert self.ask(wish, TCP) == whole
        assert (self.datagrams.hits, self.streams.hits) == (2, 1)

    def test_next_second(self) -> None:
        """When the second turns, TTLs are one less, and nothing old is sent."""
        self.ask(query(1))
        for passed in range(4):
            replies = {self.ask(query(1)) for _ in range(3)}
            assert [ttls(reply) for reply in replies] == [{300 - passed}]
            assert self.datagrams.hits == 2 * (passed + 1)
            self.clock.advance(1)

    def test_within_a_second(self) -> None:
        """Parts of a second change nothing."""
        self.clock.advance(0.5)
        for _ in range(3):
            self.ask(query(1))
        self.clock.advance(0.49)
        assert ttls(self.ask(query(1))) == {300}
        assert self.datagrams.hits == 2
        self.clock.advance(0.02)
        assert ttls(self.ask(query(1))) == {299}
        assert self.datagrams.hits == 2

    def test_waited_for(self) -> None:
        """A reply that had to be waited for is not ready: by then it may be late."""
        upstream = Held()
        self.factory = make_factory(upstream, self.clock)
        for _ in range(2):
            assert isinstance(self.factory.respond(query(1), UDP), Deferred)
        upstream.answer(0)
        assert self.factory.ready[UDP].replies == {}

    def test_wishes(self) -> None:
        """Whoever sends other flags or another OPT gets a reply of their own."""
        wishes = [
            dns.message.make_query("big.lab.example", "TXT", id=7, **words).to_wire()
            for words in WORDS
        ]
        alone = [
            now(make_factory(Zone(), self.clock).respond(wish, UDP)) for wish in wishes
        ]
        assert len(set(alone)) == len(wishes)
        for _ in range(3):
            assert list(map(self.ask, wishes)) == alone
        assert self.datagrams.hits >= len(wishes)

    def test_refused(self) -> None:
        """What is refused here is ready, too."""
        wish = query(1, rdtype="AXFR")
        assert self.ask(wish) == self.ask(wish)
        assert self.datagrams.hits == 1

    def test_unreadable(self) -> None:
        """What is no query, or a broken one, leaves nothing behind."""
        for wire in SILENCE.values():
            for _ in range(2):
                assert self.factory.respond(wire, UDP) is None
        for wire, expected in ERRORS.values():
            if expected in (FORMERR, NOTIMP):
                assert self.ask(wire) == self.ask(wire)
        assert self.datagrams.replies == {}
        assert self.datagrams.hits == 0

    def test_octets(self) -> None:
        """One large answer, asked for in many ways, does not fill the memory."""
        limit = DEFAULT.size
        text = record(BACK, 16, (b"\xff" + bytes(255)) * 200)
        wish = query(0, "large.example", "TXT")
        answer = parse_answer(message(0x8180, [wish[12:]], [text]))
        self.factory = make_factory(Known(answer), self.clock)
        self.ask(wish, TCP)
        header = wish[:11] + b"\1" + wish[12:]
        for payload in range(2 * limit // len(text)):
            reply = self.ask(header + opt(payload=payload), TCP)
            assert len(reply) > len(text)
        assert octets(self.factory.ready[TCP]) <= limit

    @quick
    @given(st.lists(steps, max_size=12))
    def test_ordinary_way(self, taken: list[Step]) -> None:
        """For any query at any time it is what the ordinary way gives."""
        hot, ordinary = self.make_unhurried(), self.make_unhurried()
        for number, (wish, spell, words, transport, pause) in enumerate(taken):
            self.clock.advance(pause)
            name, rdtype = wish
            asked = dns.message.make_query(spell(name), rdtype, id=number, **words)
            forget(ordinary)
            replies = [
                now(factory.respond(asked.to_wire(), transport))
                for factory in (hot, ordinary)
            ]
            assert replies[0] == replies[1]

    def make_unhurried(self) -> ProxyServerFactory:
        """Return a factory that asks for nothing before it is due."""
        options = Caching(prefetch=False)
        forwarder = make_forwarder(Zone(), self.clock, Refusals(), options=options)
        return in_front_of(forwarder, self.clock)


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


class LoadTests(SynchronousTestCase):
    """More queries than may be under way."""

    def test_oldest(self) -> None:
        """The oldest fails when there are too many, and says why; the rest go on."""
        upstream = Held()
        factory = make_factory(upstream, Clock(), limits=Limits(queries=3))
        replies = []
        for number in range(4):
            wish = dns.message.make_query(f"n{number}.example", "A", id=number)
            wish.use_edns(0)
            reply = factory.respond(wish.to_wire(), UDP)
            assert isinstance(reply, Deferred)
            replies.append(reply)
        failed = dns.message.from_wire(self.successResultOf(replies[0]))
        assert (failed.id, failed.rcode()) == (0, 2)
        assert "too many queries" in failed.to_text()
        upstream.answer(1, 2, 3)
        for number in (1, 2, 3):
            assert self.successResultOf(replies[number])[:4] == bytes(
                (0, number, 0x81, 0x80)
            )
        assert factory.under_way.shed == 1
        assert len(factory.under_way) == 0

    def test_hits(self) -> None:
        """What is known is answered, however many others wait."""
        upstream = Held()
        factory = make_factory(upstream, Clock(), limits=Limits(queries=1))
        waiting = factory.respond(query(1), UDP)
        assert isinstance(waiting, Deferred)
        for _ in range(9):
            assert factory.respond(query(2, rdtype="AXFR"), UDP)
        self.assertNoResult(waiting)

    def test_known(self) -> None:
        """What the cache has can be had without asking, and is ready from then on."""
        upstream = Held()
        factory = make_factory(upstream, Clock())
        assert factory.known(query(1)) is None
        assert factory.known(b"") is None
        reply = factory.respond(query(1), UDP)
        assert isinstance(reply, Deferred)
        upstream.waiting[0].callback(
            parse_answer(
                message(0x8180, [query(1)[12:]], [record(BACK, 1, bytes(4), ttl=300)])
            )
        )
        assert factory.known(query(1)) == self.successResultOf(reply)
        assert factory.ready[UDP].find(query(1))
        assert factory.ready[UDP].by_type().total() == 3
        assert len(upstream.asked) == 1

    def test_retransmission(self) -> None:
        """A query that is sent again is asked once, and both get the answer."""
        upstream = Held()
        factory = make_factory(upstream, Clock())
        replies = [factory.respond(query(7), UDP) for _ in range(3)]
        assert len(upstream.asked) == 1
        upstream.answer(0)
        assert len({now(reply) for reply in replies}) == 1


class ClientsTests(SynchronousTestCase):
    """Who is let in over TCP."""

    def setUp(self) -> None:
        limits = Limits(per_client=2, in_all=5)
        self.factory = make_factory(Held(), Clock(), limits=limits)

    def connect(self, address: IAddress | None) -> TcpTransport:
        transport = TcpTransport()
        self.factory.buildProtocol(address).makeConnection(transport)
        return transport

    def test_let_in(self) -> None:
        """Who comes is let in; of its own network, whoever was longest idle goes."""
        for host, other in (
            (IPv4Address("TCP", "192.0.2.1", 9), IPv4Address("TCP", "192.0.2.2", 9)),
            (
                IPv6Address("TCP", "2001:db8::1", 9),
                IPv6Address("TCP", "2001:db8:0:1::1", 9),
            ),
            (None, IPv4Address("TCP", "192.0.2.3", 9)),
        ):
            first, _, _ = [self.connect(host) for _ in range(3)]
            beside = self.connect(other)
            assert first.disconnecting
            assert not beside.disconnecting
        assert len(self.factory.streams) == 5

    def test_forgotten(self) -> None:
        """Who hangs up is in nobody's way."""
        protocol: StreamProtocol = self.factory.buildProtocol(UNIXAddress(b"/x"))
        protocol.makeConnection(TcpTransport())
        assert list(self.factory.streams) == [protocol]
        protocol.connectionLost()
        assert len(self.factory.streams) == 0


class TraceTests(SynchronousTestCase):
    """Names whose queries are traced."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.factory = make_factory(Zone(), self.clock)

    def trace(self) -> None:
        self.factory.trace_with(Tracing((".lab.example",), self.clock.seconds))

    def ask(
        self, message: bytes, transport: Transport = UDP
    ) -> tuple[bytes, list[str]]:
        """Return a reply, and what is logged: each stage with its octets, if any."""
        with capturedLogs() as events:
            reply = now(self.factory.respond(message, transport, client="192.0.2.7"))
        return reply, [f"{it['stage']} {it.get('octets', '')}" for it in events]

    def test_each(self) -> None:
        """Every query is followed, over UDP and TCP, and none is ready to send."""
        self.trace()
        over: tuple[Transport, ...] = (UDP, UDP, TCP)
        for transport in over:
            message = query(7)
            reply, told = self.ask(message, transport)
            assert told[0] == f"received {message.hex()}"
            assert told[-1] == f"reply {reply.hex()}"
        assert told[1] == "cache "
        assert not any(each.replies for each in self.factory.ready.values())

    def test_ready_before(self) -> None:
        """What was ready when it began is not sent past it."""
        for number in (1, 2, 3):
            assert self.ask(query(number))[1] == []
        assert self.factory.ready[UDP].replies
        self.trace()
        assert self.ask(query(4))[1] != []

    def test_others(self) -> None:
        """Other names are ready as ever, and leave no trace."""
        self.factory.trace_with(Tracing(("nope.lab.example",), self.clock.seconds))
        for number in (1, 2, 3):
            assert self.ask(query(number))[1] == []
        assert self.factory.ready[UDP].hits == 1

    def test_known(self) -> None:
        """Where there is no time for all, a traced query waits with those unknown."""
        message, other = query(1), query(2, "txt.lab.example", "TXT")
        for each in (message, other):
            self.ask(each)
        assert self.factory.known(message) is not None
        self.factory.trace_with(Tracing(("www.lab.example",), self.clock.seconds))
        assert self.factory.known(message) is None
        assert self.factory.known(other) is not None

    def test_wants_clients(self) -> None:
        """Who traces wants to know who asks; else only a journal does."""
        assert not self.factory.wants_clients
        self.factory.note_in(Journal(self.clock, Privacy((24, 56))))
        assert self.factory.wants_clients
        self.factory.note_in(None)
        assert not self.factory.wants_clients
        self.trace()
        self.factory.note_in(None)
        assert self.factory.wants_clients
