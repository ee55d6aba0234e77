"""DNS over TCP, towards the clients."""

from socket import SO_SNDBUF, SOL_SOCKET

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.config.access import Access, RateLimit
from dotproxy.journal.note import TCP
from dotproxy.local.gate import Gate, create_gate
from dotproxy.server import clients
from dotproxy.server.limits import Limits
from dotproxy.server.stream import StreamProtocol
from dotproxy.upstream.interface import IUpstream
from dotproxy.wire.framing import frame
from tests.clients import (
    SMALL_BUFFER,
    Dark,
    Held,
    TcpClient,
    TcpTransport,
    Zone,
    numbers,
    query,
    rcode,
)
from tests.messages import quick
from tests.test_factory import ERRORS, FORMERR, NOTIMP, SILENCE, make_factory

LIMITS = Limits(first_query=5, idle=10)

PIECES = (
    frame(query(1)),
    frame(query(2))[:9],
    frame(query(2))[9:],
    frame(query(3, rdtype="AXFR")) * 40,
    b"\0",
    b"\0\0",
    b"\xff\xff",
)
"""Segments that make sense, alone or together, to put between others."""

LARGE = 60_000
"""Octets of an answer of which one or two fill what stands between two peers."""


def framed(*messages: bytes) -> bytes:
    return b"".join(map(frame, messages))


def wish(number: int) -> bytes:
    """Return a query under this ID, for a name that no other ID asks for."""
    return query(number, f"n{number}.lab.example")


class StreamTests(SynchronousTestCase):
    """One client on a transport that does nothing by itself."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.upstream = Held()
        self.connect(self.upstream)

    def connect(
        self,
        upstream: IUpstream,
        limits: Limits = LIMITS,
        lenient: bool = False,
    ) -> None:
        """Begin anew; a lenient transport may be paused while it is closing."""
        self.transport = TcpTransport(lenient=lenient)
        self.factory = make_factory(upstream, self.clock, limits=limits)
        self.protocol: StreamProtocol = self.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def connect_beside(self) -> None:
        """Connect another client of the same factory, and go on with it."""
        self.transport = TcpTransport()
        self.protocol = self.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def ask(self, *asked: int) -> None:
        """Send queries under these IDs in one segment, and let turns pass."""
        self.send(*map(wish, asked))

    def send(self, *queries: bytes) -> None:
        """Send queries in one segment, and let turns pass until all are begun."""
        self.protocol.dataReceived(framed(*queries))
        self.pass_turns()

    def pass_turns(self) -> None:
        """Let turns of the reactor pass, in no time."""
        self.clock.advance(0)

    def replied(self) -> list[int]:
        """Return the IDs of the replies since the last look."""
        return numbers(self.transport.take())

    def reading(self) -> bool:
        return self.transport.producerState == "producing"


class QueriesTests(StreamTests):
    def test_answer(self) -> None:
        """A reply goes out behind its length, without delay (RFC 7766 section 8)."""
        self.ask(1)
        assert self.transport.value() == b""
        self.upstream.answer(0)
        written = self.transport.value()
        assert written[:2] == (len(written) - 2).to_bytes(2, "big")
        assert written[2:6] == b"\0\1\x81\x80"
        assert self.transport.no_delay

    @quick
    @given(st.lists(st.integers(0, 300)), st.integers(1, 9))
    def test_segments(self, cuts: list[int], count: int) -> None:
        """However the segments fall, each query is asked once, and in its turn."""
        upstream = Held()
        self.connect(upstream)
        stream = framed(*map(wish, range(count)))
        ends = sorted(min(cut, len(stream)) for cut in cuts)
        for start, end in zip([0, *ends], [*ends, len(stream)], strict=True):
            self.protocol.dataReceived(stream[start:end])
        self.pass_turns()
        assert upstream.numbers == list(range(count))
        upstream.answer(*range(count))
        assert self.replied() == list(range(count))

    def test_last_octet(self) -> None:
        """A query is asked when its last octet has come, and not before."""
        stream = framed(wish(1))
        self.protocol.dataReceived(stream[:-1])
        assert self.upstream.asked == []
        self.protocol.dataReceived(stream[-1:])
        assert self.upstream.numbers == [1]

    def test_out_of_order(self) -> None:
        """Replies go out in the order in which the answers come (RFC 7766 7)."""
        self.ask(1, 2, 3)
        self.upstream.answer(2)
        assert self.replied() == [3]
        self.upstream.answer(0, 1)
        assert self.replied() == [1, 2]

    def test_same_number(self) -> None:
        """Queries under the same ID are two queries, and get two replies."""
        other = query(1, "other.lab.example")
        self.protocol.dataReceived(framed(wish(1), other))
        self.upstream.answer(1)
        self.upstream.answer(0)
        first, second = self.transport.take()
        assert numbers([first, second]) == [1, 1]
        assert other[12:] in first
        assert wish(1)[12:] in second

    def test_same_question(self) -> None:
        """So are two for the same name: one answer makes both replies."""
        self.protocol.dataReceived(framed(query(1), query(2), query(1)))
        assert self.upstream.numbers == [1]
        self.upstream.answer(0)
        assert self.replied() == [1, 2, 1]

    def test_size(self) -> None:
        """A long answer comes as a whole."""
        self.ask(1)
        self.upstream.answer(0, size=LARGE)
        (reply,) = self.transport.take()
        assert len(reply) > LARGE
        assert not reply[2] & 0x02

    def test_silence(self) -> None:
        """What is no query ends the conversation, and what follows is not read."""
        for what, octets in SILENCE.items():
            self.connect(self.upstream)
            self.send(query(1, rdtype="AXFR"), octets, query(2, rdtype="AXFR"))
            assert self.replied() == [1], what
            assert self.transport.disconnecting, what
            self.send(query(3, rdtype="AXFR"))
            assert self.replied() == [], what

    def test_owed_before_silence(self) -> None:
        """What was asked before that is still answered."""
        self.send(query(1), b"", query(2))
        assert not self.transport.disconnecting
        assert not self.reading()
        self.upstream.answer(0)
        assert self.replied() == [1]
        assert self.transport.disconnecting

    def test_errors(self) -> None:
        """What cannot be read, or done, is answered by a framed error."""
        for what, (wire, expected) in ERRORS.items():
            if expected in (FORMERR, NOTIMP):
                self.send(wire)
                (reply,) = self.transport.take()
                assert len(reply) == 12, what
                assert rcode(reply) == expected, what

    def test_ready(self) -> None:
        """What is known here is answered at once, however many ask on end."""
        self.connect(Zone())
        self.protocol.dataReceived(framed(query(0)))
        (first,) = self.transport.take()
        asked = list(range(1, 1500))
        self.send(*map(query, asked))
        replies = self.transport.take()
        assert numbers(replies) == asked
        assert {reply[2:] for reply in replies} == {first[2:]}
        assert self.factory.ready[TCP].hits > 1400

    def test_nothing_to_be_had(self) -> None:
        """However many queries fail at once, each gets its reply."""
        self.connect(Dark())
        asked = list(range(1500))
        self.ask(*asked)
        replies = self.transport.take()
        assert numbers(replies) == asked
        assert {rcode(reply) for reply in replies} == {2}
        assert self.reading()

    @quick
    @given(st.lists(st.binary(max_size=40) | st.sampled_from(PIECES), max_size=12))
    def test_anything(self, segments: list[bytes]) -> None:
        """Whatever octets come, however cut, there is no fault and no half reply."""
        self.clock = Clock()
        self.connect(Zone(), lenient=True)
        for segment in segments:
            self.protocol.dataReceived(segment)
            self.pass_turns()
        assert all(len(reply) >= 12 for reply in self.transport.take())
        self.protocol.readConnectionLost()
        self.protocol.connectionLost()
        assert self.clock.getDelayedCalls() == []

    def test_turns(self) -> None:
        """One that asks much at once leaves others their turn."""
        self.connect(Zone())
        self.protocol.dataReceived(framed(*map(query, range(500))))
        assert 0 < len(self.replied()) < 100
        assert not self.reading()
        self.connect_beside()
        self.protocol.dataReceived(framed(query(1)))
        assert self.replied() == [1]


class LimitTests(StreamTests):
    def test_all_unread(self) -> None:
        """When there are too many octets for all who do not read, the first goes."""
        self.connect(self.upstream, Limits(unread_in_all=LARGE + 1000))
        first = self.transport
        self.ask(1)
        self.protocol.pauseProducing()
        other = self.protocol
        self.connect_beside()
        self.ask(2)
        self.protocol.pauseProducing()
        self.upstream.answer(0, size=LARGE)
        assert not first.disconnecting
        self.upstream.answer(1, size=LARGE)
        assert first.disconnected
        assert not self.transport.disconnecting
        assert self.replied() == [2]
        other.connectionLost()
        assert self.factory.streams.unread > LARGE
        self.protocol.resumeProducing()
        assert self.factory.streams.unread == 0

    def test_streamed(self) -> None:
        """Streams hold half of all queries under way; beyond, theirs wait."""
        self.connect(self.upstream, Limits(queries=8))
        self.ask(*range(6))
        assert self.upstream.numbers == list(range(4))
        self.upstream.answer(0, 1)
        self.pass_turns()
        assert self.upstream.numbers == list(range(6))
        assert self.factory.under_way.shed == 0

    def test_under_way(self) -> None:
        """So many queries are under way; the others wait, and no more is read."""
        self.ask(*range(250))
        assert self.upstream.numbers == list(range(100))
        assert not self.reading()
        self.upstream.answer(70)
        self.pass_turns()
        assert self.upstream.numbers == list(range(101))
        assert not self.reading()

    def test_nothing_lost(self) -> None:
        """What waits is begun in its order, and when all is begun reading goes on."""
        self.ask(*range(250))
        for place in range(149):
            self.upstream.answer(place)
            assert not self.reading()
            self.pass_turns()
        self.upstream.answer(149)
        self.pass_turns()
        assert self.reading()
        assert self.upstream.numbers == list(range(250))
        self.upstream.answer(*range(150, 250))
        assert self.replied() == list(range(250))

    def test_just_enough(self) -> None:
        """Reading goes on while nothing waits, though nothing more could be begun."""
        self.ask(*range(100))
        assert self.reading()
        self.ask(100)
        assert not self.reading()

    def test_room_at_once(self) -> None:
        """What is answered without asking anybody takes no room."""
        self.ask(*range(100))
        transfer = query(500, rdtype="AXFR")
        self.send(transfer, wish(100))
        assert self.replied() == []
        self.upstream.answer(0)
        self.pass_turns()
        assert self.replied() == [0, 500]
        assert self.upstream.numbers[-1] == 100

    def test_choked(self) -> None:
        """While the client does not read, no query is begun and nothing is read."""
        self.ask(1, 2)
        self.protocol.pauseProducing()
        assert not self.reading()
        self.ask(3)
        self.upstream.answer(0)
        assert self.upstream.numbers == [1, 2]
        assert self.replied() == [1]
        self.protocol.resumeProducing()
        assert self.upstream.numbers == [1, 2, 3]
        assert self.reading()

    def test_unread(self) -> None:
        """So many octets are kept for one that does not read; with more it is cut off.

        Twisted says at every write anew that the buffer is full.
        """
        self.patch(clients, "GRACE", 0)
        self.connect(self.upstream, lenient=True)
        self.ask(*range(9))
        self.protocol.pauseProducing()
        for place in range(4):
            self.upstream.answer(place, size=LARGE)
            self.protocol.pauseProducing()
        assert not self.transport.disconnected
        assert self.replied() == [0, 1, 2, 3]
        self.upstream.answer(4, size=LARGE)
        assert self.transport.disconnected
        assert self.replied() == []

    def test_slow_but_sure(self) -> None:
        """One that reads after all, however late, is not cut off."""
        self.ask(*range(40))
        for place in range(40):
            self.protocol.pauseProducing()
            self.upstream.answer(place, size=LARGE)
            self.protocol.resumeProducing()
        assert not self.transport.disconnecting
        assert len(self.replied()) == 40


class GoodbyeTests(StreamTests):
    def test_half_closed(self) -> None:
        """A client that closes its side gets its answers, then we close ours."""
        self.ask(1, 2)
        self.protocol.readConnectionLost()
        self.upstream.answer(1)
        assert not self.transport.disconnecting
        self.upstream.answer(0)
        assert self.replied() == [2, 1]
        assert self.transport.disconnecting
        assert not self.transport.disconnected

    def test_half_closed_with_more(self) -> None:
        """What waits when a client closes its side is begun and answered, too."""
        self.ask(*range(150))
        self.protocol.readConnectionLost()
        self.upstream.answer(*range(100))
        self.pass_turns()
        assert self.upstream.numbers == list(range(150))
        assert not self.transport.disconnecting
        self.upstream.answer(*range(100, 150))
        assert self.replied() == list(range(150))
        assert self.transport.disconnecting

    def test_half_closed_and_choked(self) -> None:
        """What waits for a client to read is begun when it does."""
        self.ask(1)
        self.protocol.pauseProducing()
        self.ask(2)
        self.protocol.readConnectionLost()
        self.upstream.answer(0)
        assert not self.transport.disconnecting
        self.protocol.resumeProducing()
        self.upstream.answer(1)
        assert self.replied() == [1, 2]
        assert self.transport.disconnecting

    def test_nothing_asked(self) -> None:
        """To one that asked nothing, and never will, nothing is owed."""
        self.protocol.readConnectionLost()
        assert self.transport.disconnecting

    def test_own_side(self) -> None:
        """The end of our own side changes nothing."""
        self.ask(1)
        self.protocol.writeConnectionLost()
        assert not self.transport.disconnecting

    def test_gone(self) -> None:
        """An answer for one who is gone is dropped, and what waits is not begun."""
        self.ask(*range(101))
        self.protocol.stopProducing()
        self.protocol.connectionLost()
        assert self.successResultOf(self.protocol.lost) is None
        self.upstream.answer(0)
        assert self.replied() == []
        assert len(self.upstream.asked) == 100
        assert len(self.factory.streams) == 0

    def test_going(self) -> None:
        """When the connection is going, nothing new is begun for it."""
        self.ask(*range(101))
        self.protocol.stopProducing()
        self.upstream.answer(0)
        assert len(self.upstream.asked) == 100

    def test_no_timer_left(self) -> None:
        """Nothing is left to happen when a connection is gone, whenever that is."""
        self.protocol.connectionLost()
        assert self.clock.getDelayedCalls() == []
        for before in (4, 10, 15):
            self.connect(self.upstream, lenient=True)
            self.clock.advance(before)
            self.protocol.connectionLost()
            assert self.clock.getDelayedCalls() == [], before

    def test_never_connected(self) -> None:
        """A connection that ends before it begins leaves nothing behind."""
        factory = make_factory(self.upstream, Clock())
        protocol = factory.buildProtocol(None)
        factory.connectionMade(protocol)
        protocol.connectionLost()
        assert self.successResultOf(protocol.lost) is None


class FinishTests(StreamTests):
    def test_idle(self) -> None:
        """A client that waits for nothing is said goodbye to at once."""
        self.protocol.finish()
        assert self.transport.disconnecting

    def test_owed(self) -> None:
        """One that waits gets all its replies first."""
        self.ask(1, 2)
        self.protocol.finish()
        self.upstream.answer(1)
        assert not self.transport.disconnecting
        self.upstream.answer(0)
        assert self.transport.disconnecting
        assert self.replied() == [2, 1]

    def test_no_more(self) -> None:
        """What it asks later is read, lest the connection be reset, and dropped."""
        self.ask(1)
        self.protocol.finish()
        assert self.reading()
        self.ask(2)
        assert self.upstream.numbers == [1]
        self.upstream.answer(0)
        assert self.replied() == [1]
        assert self.transport.disconnecting

    def test_backlog(self) -> None:
        """What has come before, and had no room yet, still gets a reply."""
        self.connect(self.upstream, Limits(under_way=1))
        self.ask(1, 2)
        assert not self.reading()
        self.protocol.finish()
        assert self.reading()
        self.upstream.answer(0)
        self.clock.advance(0)
        self.upstream.answer(1)
        assert self.replied() == [1, 2]
        assert self.transport.disconnecting

    def test_half_closed(self) -> None:
        """Where the client has closed its side there is nothing to add."""
        self.ask(1)
        self.protocol.readConnectionLost()
        self.protocol.finish()
        self.upstream.answer(0)
        assert self.replied() == [1]
        assert self.transport.disconnecting


class TimeTests(StreamTests):
    def test_waits_for_its_turn(self) -> None:
        """Nor who has asked what could not be begun yet."""
        self.connect(self.upstream, Limits(queries=2, under_way=5, idle=10))
        other = self.protocol
        self.connect_beside()
        self.send(wish(1))
        other.dataReceived(framed(wish(2)))
        self.pass_time(30)
        assert self.upstream.numbers == [1]
        self.upstream.answer(0)
        self.pass_turns()
        assert self.upstream.numbers == [1, 2]

    def pass_time(self, seconds: float) -> None:
        """Let time pass as it does, and not in one jump."""
        self.clock.pump([0.5] * int(seconds * 2))

    def test_first_query(self) -> None:
        """Who asks nothing soon is sent away (RFC 7766 section 6.2.3)."""
        self.pass_time(4.5)
        assert not self.transport.disconnecting
        self.pass_time(0.5)
        assert self.transport.disconnecting
        assert not self.transport.disconnected

    def test_octet_by_octet(self) -> None:
        """A first query must be there in time as a whole."""
        for octet in framed(wish(1))[:9]:
            self.pass_time(0.5)
            self.protocol.dataReceived(bytes((octet,)))
        assert not self.transport.disconnecting
        self.pass_time(0.5)
        assert self.transport.disconnecting

    def test_idle(self) -> None:
        """Between two queries there is more time, counted from the last reply."""
        self.ask(1)
        self.pass_time(4)
        self.upstream.answer(0)
        self.pass_time(9.5)
        assert not self.transport.disconnecting
        self.pass_time(1)
        assert self.transport.disconnecting

    def test_next_query(self) -> None:
        """Each query starts the time anew."""
        for number in range(4):
            self.ask(number)
            self.upstream.answer(number)
            self.pass_time(9.5)
            assert not self.transport.disconnecting

    def test_part_of_a_query(self) -> None:
        """Octets that never become a query do not put off the end."""
        self.ask(1)
        self.upstream.answer(0)
        for octet in framed(wish(2))[:19]:
            self.pass_time(0.5)
            self.protocol.dataReceived(bytes((octet,)))
        assert not self.transport.disconnecting
        self.pass_time(1)
        assert self.transport.disconnecting

    def test_owed(self) -> None:
        """Nobody is sent away who is owed an answer."""
        self.ask(1)
        self.pass_time(30)
        assert not self.transport.disconnecting
        self.upstream.answer(0)
        assert self.replied() == [1]
        self.pass_time(11)
        assert self.transport.disconnecting

    def test_silent_goodbye(self) -> None:
        """Who does not read what is left after our goodbye is cut off soon."""
        self.pass_time(5)
        assert not self.transport.disconnected
        self.pass_time(1)
        assert self.transport.disconnected
        assert self.clock.getDelayedCalls() == []

    def test_choked(self) -> None:
        """Who never reads is cut off when it was idle for too long."""
        self.ask(1)
        self.protocol.pauseProducing()
        self.upstream.answer(0)
        self.pass_time(9.5)
        assert not self.transport.disconnecting
        self.pass_time(1)
        assert self.transport.disconnected


class TcpTests(TestCase):
    """What only a real transport does: half-close, and back-pressure."""

    timeout = 5

    def setUp(self) -> None:
        self.clock = Clock()
        self.upstream = Held()

    async def connect(self) -> TcpClient:
        """Connect a client over buffers as small as the system will have them."""
        factory = make_factory(self.upstream, self.clock, limits=LIMITS)
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        client: TcpClient = await endpoint.connect(Factory.forProtocol(TcpClient))
        self.addCleanup(self.hang_up, client)
        while not factory.streams:
            await deferLater(reactor, 0.001)
        (self.server,) = factory.streams
        self.server.transport.socket.setsockopt(SOL_SOCKET, SO_SNDBUF, SMALL_BUFFER)
        return client

    def hang_up(self, client: TcpClient) -> Deferred[None]:
        client.transport.abortConnection()
        return self.server.lost

    async def asked(self, count: int) -> None:
        """Wait until so many queries have come through."""
        while len(self.upstream.asked) < count:
            self.clock.advance(0)
            await deferLater(reactor, 0.001)

    async def settled(self) -> None:
        """Wait until the buffers in between are as full as they get."""
        await deferLater(reactor, 0.05)

    async def test_conversation(self) -> None:
        """Queries go in, answers come out, in any order."""
        client = await self.connect()
        client.ask(wish(1), wish(2))
        await self.asked(2)
        self.upstream.answer(1, 0)
        assert numbers(await client.told(2)) == [2, 1]

    async def test_half_close(self) -> None:
        """A client that shuts down its side gets all answers, and then the end."""
        client = await self.connect()
        client.ask(wish(1), wish(2))
        client.transport.loseWriteConnection()
        await self.asked(2)
        await self.settled()
        self.upstream.answer(1)
        assert numbers(await client.told(1)) == [2]
        assert not client.gone.called
        self.upstream.answer(0)
        assert await client.gone
        assert numbers(client.replies) == [2, 1]
        await self.server.lost

    async def test_half_close_unread(self) -> None:
        """The end comes to one who shuts down its side and reads late, too."""
        client = await self.connect()
        client.ask(*map(wish, range(4)))
        client.transport.loseWriteConnection()
        await self.asked(4)
        client.transport.pauseProducing()
        self.upstream.answer(*range(4), size=LARGE)
        await self.settled()
        client.transport.resumeProducing()
        assert numbers(await client.told(4)) == [0, 1, 2, 3]
        assert await client.gone

    async def test_back_pressure(self) -> None:
        """A client that stops reading is asked for nothing more until it reads on."""
        client = await self.connect()
        client.ask(*map(wish, range(4)))
        await self.asked(4)
        client.transport.pauseProducing()
        self.upstream.answer(*range(4), size=LARGE)
        client.ask(wish(4))
        await self.settled()
        assert len(self.upstream.asked) == 4
        client.transport.resumeProducing()
        await self.asked(5)
        self.upstream.answer(4)
        assert numbers(await client.told(5)) == [0, 1, 2, 3, 4]

    async def test_unread(self) -> None:
        """A client that does not read is cut off before it costs much memory."""
        self.patch(clients, "GRACE", 0)
        client = await self.connect()
        client.ask(*map(wish, range(60)))
        await self.asked(60)
        client.transport.pauseProducing()
        self.upstream.answer(*range(60), size=LARGE)
        await self.server.lost
        client.transport.resumeProducing()
        assert not await client.gone
        assert len(client.replies) * LARGE < 2 * LIMITS.unread

    async def test_never_reads(self) -> None:
        """A client that never reads is cut off when it was idle for too long."""
        client = await self.connect()
        client.ask(*map(wish, range(4)))
        await self.asked(4)
        client.transport.pauseProducing()
        self.upstream.answer(*range(4), size=LARGE)
        await self.settled()
        self.clock.pump([1] * 11)
        await self.server.lost
        client.transport.resumeProducing()
        assert not await client.gone

    async def test_client_aborts(self) -> None:
        """When a client vanishes, its answers are dropped and nothing is left."""
        client = await self.connect()
        client.ask(wish(1), wish(2))
        await self.asked(2)
        client.transport.abortConnection()
        await self.server.lost
        self.upstream.answer(0, 1)
        assert self.clock.getDelayedCalls() == []


class GateTests(StreamTests):
    """Clients that may not ask, or not so often."""

    def come(self, gate: Gate | None, host: str = "192.0.2.1") -> None:
        """Connect a client from an address."""
        self.transport = TcpTransport()
        self.factory = make_factory(self.upstream, self.clock, gate=gate)
        address = IPv4Address("TCP", host, 5353)
        self.protocol = self.factory.buildProtocol(address)
        self.protocol.makeConnection(self.transport)

    def limited(self, qps: int = 1) -> Gate | None:
        limit = RateLimit(qps=qps, burst=2)
        return create_gate(Access(("192.0.2.0/24",)), limit, b"seed")

    def test_refused(self) -> None:
        """Who may not ask is refused, query by query."""
        self.come(create_gate(Access(("10.0.0.0/8",)), RateLimit(), b"seed"))
        self.ask(1, 2)
        assert self.upstream.numbers == []
        replies = self.transport.take()
        assert numbers(replies) == [1, 2]
        assert {reply[3] & 0xF for reply in replies} == {5}

    def test_dropped(self) -> None:
        """Or hung up on, if it is so configured."""
        self.come(create_gate(Access(("10.0.0.0/8",), "drop"), RateLimit(), b"seed"))
        self.ask(1)
        assert self.transport.take() == []
        assert self.transport.disconnecting

    def test_waits(self) -> None:
        """Who asks too often waits, is not read meanwhile, and loses nothing."""
        self.come(self.limited())
        self.ask(1, 2, 3, 4)
        assert self.upstream.numbers == [1, 2]
        assert not self.reading()
        self.clock.pump([1.0] * 2)
        assert self.upstream.numbers == [1, 2, 3, 4]
        assert self.reading()

    def test_last_words(self) -> None:
        """What waits is answered, though the client has closed its side."""
        self.come(self.limited())
        self.ask(1, 2, 3)
        self.protocol.readConnectionLost()
        self.upstream.answer(0, 1)
        assert not self.transport.disconnecting
        self.clock.pump([1.0] * 2)
        self.upstream.answer(2)
        assert self.replied() == [1, 2, 3]
        assert self.transport.disconnecting

    def test_gone(self) -> None:
        """A client that is gone leaves no timer behind."""
        before = self.clock.getDelayedCalls()
        self.come(self.limited())
        self.ask(1, 2, 3)
        self.protocol.connectionLost()
        assert self.clock.getDelayedCalls() == before
        assert self.upstream.numbers == [1, 2]
