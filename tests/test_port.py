"""The UDP port that clients reach."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.config.access import Access, RateLimit
from dotproxy.journal.journal import Journal
from dotproxy.journal.note import Note
from dotproxy.journal.privacy import Privacy
from dotproxy.local.gate import Gate, create_gate
from dotproxy.local.ready import Ready
from dotproxy.server import port as module
from dotproxy.server.datagrams import BATCH
from dotproxy.server.port import MOST_WAITING, ROUNDS, SHARE, Port, adopt
from dotproxy.server.sockets import bind
from dotproxy.wire.query import parse_query
from tests.clients import UdpClient, query
from tests.messages import queries, quick, spoiled
from tests.test_journal import Pile

LOOPBACK = "127.0.0.1"


def reply_to(message: bytes) -> bytes:
    """Return a reply of the size that it mostly has."""
    return message[:2] + b"\x81\x80" + message[4:] + b"one record"


class Front(DatagramProtocol):
    """A protocol that keeps what is handed on to it."""

    noisy = False

    def __init__(self) -> None:
        self.ready = Ready()
        self.gate: Gate | None = None
        self.journal: Journal | None = None
        self.received: list[tuple[bytes, Any]] = []
        self.late: list[tuple[bytes, Any]] = []
        self.cached: set[bytes] = set()
        self.fault: Exception | None = None
        self.clients: list[Any] = []

    def make_ready(self, *messages: bytes) -> None:
        """Have a reply to some queries ready, for this second."""
        for message in messages:
            self.ready.keep(parse_query(message), reply_to(message))

    def known(self, message: bytes) -> bytes | None:
        return reply_to(message) if message in self.cached else None

    def answer_late(self, datagram: bytes, client: Any) -> None:
        self.late.append((datagram, client))
        if self.fault is not None:
            raise self.fault

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.received.append((datagram, addr))
        self.clients.append(self.transport.datagrams.client(addr))
        if self.fault is not None:
            raise self.fault


class Turns:
    """Datagrams that come in batches, each from a client that is named for its place.

    `sent` has the replies that left, and to whom; those of a batch leave together.
    """

    def __init__(self, *batches: list[bytes]) -> None:
        self.sent: list[tuple[bytes, str]] = []
        self.reads = 0
        self.forged: set[int] = set()
        self._batches: Iterator[list[bytes]] = iter(batches)
        self._staged: list[tuple[bytes, str]] = []

    def receive(self) -> list[bytes]:
        self.reads += 1
        return next(self._batches, [])

    def client(self, place: int) -> str:
        return f"client {place}"

    def source(self, place: int) -> str:
        return f"192.0.2.{place}"

    def answerable(self, place: int) -> bool:
        return place not in self.forged

    def reply(self, place: int, message: bytes) -> None:
        self._staged.append((message, self.client(place)))

    def flush(self) -> None:
        self.sent += self._staged
        self._staged.clear()

    def send(self, late: list[tuple[bytes, str]]) -> None:
        self.sent += late


class PortTests(SynchronousTestCase):
    """A port whose clock stands still, unless a test moves it."""

    def setUp(self) -> None:
        sockets = bind(LOOPBACK, 0)
        self.addCleanup(sockets.close)
        self.now = 7.5
        self.patch(module, "uptime", lambda: self.now)
        self.front = Front()
        self.front.ready.turn(self.now)
        self.reactor = MemoryReactorClock()
        self.port: Port = adopt(sockets.udp, cast(Any, self.front), self.reactor)
        self.addCleanup(self.port.socket.close)


class ReadTests(PortTests):
    """What becomes of what comes."""

    def read(self, *batches: list[bytes], forged: Iterable[int] = ()) -> Turns:
        """Let some batches come, and the reactor call once."""
        turns = Turns(*batches)
        turns.forged.update(forged)
        self.port.datagrams = cast(Any, turns)
        self.port.doRead()
        return turns

    def test_ready(self) -> None:
        """What is ready goes out under the asker's ID and spelling; nobody is asked."""
        self.front.make_ready(query(1))
        wish = query(2, "WWW.Lab.example")
        turns = self.read([wish])
        assert turns.sent == [(reply_to(wish), "client 0")]
        assert self.front.received == []
        assert self.front.ready.hits == 1

    def test_handed_on(self) -> None:
        """All else is handed on as it came, with its place."""
        other = query(2, "mx.lab.example")
        odd = [b"", b"\0", query(1)[:11], query(1)[:12], query(1)[:20], b"\xff" * 40]
        self.front.make_ready(query(1))
        turns = self.read([other, *odd])
        assert turns.sent == []
        expected = [(it, at) for at, it in enumerate([other, *odd])]
        assert self.front.received == expected
        assert self.front.ready.hits == 0

    def test_mixed(self) -> None:
        """In one batch there may be of both; each finds its way."""
        self.front.make_ready(query(1))
        other = query(2, "mx.lab.example")
        turns = self.read([query(1), other, query(3)], [other, query(4)])
        assert turns.sent == [
            (reply_to(query(1)), "client 0"),
            (reply_to(query(3)), "client 2"),
            (reply_to(query(4)), "client 1"),
        ]
        assert self.front.received == [(other, 1), (other, 0)]

    def test_until_nothing_is_left(self) -> None:
        """It reads on until nothing is left."""
        turns = self.read([query(1)], [query(2)])
        assert turns.reads == 3
        assert len(self.front.received) == 2

    def test_others(self) -> None:
        """However many come, others have their turn after so many batches."""
        turns = self.read(*([query(1)] for _ in range(2 * ROUNDS)))
        assert turns.reads == ROUNDS
        self.port.doRead()
        assert len(self.front.received) == 2 * ROUNDS

    def test_forged(self) -> None:
        """What no reply may go to is dropped, and the rest of its batch is not."""
        self.read([query(1), query(2), query(3)], forged=[1])
        assert self.front.received == [(query(1), 0), (query(3), 2)]

    def test_more_than_there_is_time_for(self) -> None:
        """So many are handed on in a turn, the others in later ones, in their order."""
        wishes = [query(number) for number in range(3 * SHARE)]
        turns: list[Callable[[], None]] = []
        self.patch(self.reactor, "callLater", lambda _, turn: turns.append(turn))
        self.read(wishes[: 2 * SHARE], wishes[2 * SHARE :])
        assert [it for it, _ in self.front.received] == wishes[:SHARE]
        for turn in (1, 2):
            assert len(self.front.late) == (turn - 1) * SHARE
            turns.pop()()
        assert turns == []
        assert [it for it, _ in self.front.late] == wishes[SHARE:]
        assert self.front.late[0][1] == f"client {SHARE}"
        assert self.front.late[-1][1] == f"client {SHARE - 1}"

    def test_no_overtaking(self) -> None:
        """What comes while others wait is handed on after them."""
        wishes = [query(number) for number in range(2 * SHARE + 1)]
        self.read(wishes[:-1])
        self.read(wishes[-1:])
        self.reactor.pump([0, 0])
        assert [it for it, _ in self.front.late] == wishes[SHARE:]

    def test_ready_first(self) -> None:
        """What is ready goes out at once, however many others wait."""
        self.front.make_ready(query(1))
        other = [query(number, "mx.lab.example") for number in range(3 * SHARE)]
        turns = self.read(other, [query(1)], other, [query(2)])
        assert [reply for reply, _ in turns.sent] == list(
            map(reply_to, (query(1), query(2)))
        )

    def test_known_first(self) -> None:
        """So does what is known only, though it is not ready in this second yet."""
        hit = query(1)
        self.front.cached.add(hit)
        other = [query(number, "mx.lab.example") for number in range(3 * SHARE)]
        turns = self.read(other, [hit])
        assert turns.sent == [(reply_to(hit), "client 0")]
        assert hit not in [it for it, _ in self.front.received]

    def test_noted(self) -> None:
        """What the port answers by itself is noted, and what it hands on is not."""
        journal = Journal(self.reactor, Privacy((24, 56)), lambda: 7.0)
        pile = Pile()
        journal.enter(pile)
        self.front.journal = journal
        self.front.make_ready(query(1))
        cached = query(2, "ns.lab.example")
        self.front.cached.add(cached)
        other = [query(number, "mx.lab.example") for number in range(SHARE)]
        self.read([*other, query(1), cached])
        journal.flush()
        place = f"192.0.2.{SHARE}", f"192.0.2.{SHARE + 1}"
        assert pile.batches == [
            [
                Note(7.0, "udp", place[0], query(1), reply_to(query(1)), "ready"),
                Note(7.0, "udp", place[1], cached, reply_to(cached), "cache"),
            ]
        ]

    def test_too_many(self) -> None:
        """When too many wait, the oldest is dropped and counted."""
        wishes = [query(number) for number in range(SHARE + MOST_WAITING + 3)]
        self.read(wishes)
        assert self.front.ready.dropped == 3
        self.reactor.pump([0] * (MOST_WAITING // SHARE + 1))
        assert [it for it, _ in self.front.late] == wishes[SHARE + 3 :]

    def test_closed_meanwhile(self) -> None:
        """What waits when the port is closed is dropped; nothing is left to happen."""
        self.read([query(number) for number in range(2 * SHARE)])
        self.port.connected = False
        self.reactor.advance(0)
        assert self.front.late == []
        assert self.reactor.getDelayedCalls() == []

    def test_late_fault(self) -> None:
        """A bug is logged in a later turn, too, and the others are answered."""
        self.read([query(number) for number in range(SHARE + 2)])
        self.front.fault = ZeroDivisionError("of all things")
        self.reactor.advance(0)
        assert len(self.front.late) == 2
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 2

    def test_second(self) -> None:
        """When the second turns, nothing of the last one is sent any more."""
        self.front.make_ready(query(1))
        self.now = 7.99
        assert len(self.read([query(1)]).sent) == 1
        self.now = 8.0
        assert self.read([query(1)]).sent == []
        assert len(self.front.received) == 1

    def test_made_ready_meanwhile(self) -> None:
        """What the first of a batch made ready serves those behind it."""
        wish = query(1)

        def answer(datagram: bytes, client: Any) -> None:
            self.front.make_ready(datagram)

        self.patch(self.front, "datagramReceived", answer)
        turns = self.read([wish, query(2)])
        assert turns.sent == [(reply_to(query(2)), "client 1")]

    def test_fault(self) -> None:
        """A bug that a message brings to light is logged; the port serves on."""
        self.front.make_ready(query(1))
        self.front.fault = ZeroDivisionError("of all things")
        other = query(2, "mx.lab.example")
        turns = self.read([query(1), other, query(3)])
        assert [client for _, client in turns.sent] == ["client 0", "client 2"]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_late(self) -> None:
        """Late replies of one turn leave together, when it is over."""
        turns = self.read()
        for turn in (1, 2):
            self.port.send(b"one", cast(Any, "alice"))
            self.port.send(b"two", cast(Any, "bob"))
            assert len(turns.sent) == 2 * (turn - 1)
            self.reactor.advance(0)
            assert turns.sent == turn * [(b"one", "alice"), (b"two", "bob")]
        assert self.reactor.getDelayedCalls() == []

    def test_drain(self) -> None:
        """What has come is still read and answered; after that nothing is."""
        self.front.make_ready(query(1))
        turns = Turns([query(2)])
        self.port.datagrams = cast(Any, turns)
        assert self.port in self.reactor.getReaders()
        self.port.drain()
        assert turns.sent == [(reply_to(query(2)), "client 0")]
        assert self.port not in self.reactor.getReaders()

    def test_sends(self) -> None:
        """A reply that is late leaves even so, and it is known until when."""
        turns = self.read()
        self.port.drain()
        assert not self.port.busy
        self.port.send(b"late", cast(Any, "Alice"))
        assert self.port.busy
        self.reactor.advance(0)
        assert not self.port.busy
        assert turns.sent == [(b"late", "Alice")]

    def test_too_late(self) -> None:
        """A reply that comes when the port is closed is dropped."""
        turns = self.read()
        self.port.send(b"one", cast(Any, "alice"))
        self.port.connected = False
        self.reactor.advance(0)
        assert turns.sent == []

    @quick
    @given(st.lists(queries(), max_size=3), st.data())
    def test_find(self, known: list[bytes], draw: Any) -> None:
        """It finds what `Ready.find` finds, for whatever comes."""
        self.front.ready.clear()
        self.front.make_ready(*known)
        some = st.sampled_from([query(1), *known])
        message = draw.draw(some | spoiled(some) | some.map(bytes.upper))
        found = self.front.ready.find(message)
        turns = self.read([message])
        assert [reply for reply, _ in turns.sent] == ([found] if found else [])


class RealTests(TestCase):
    """A real socket, under the real reactor; the second does not turn."""

    timeout = 5

    def serve(self) -> None:
        self.patch(module, "uptime", lambda: 7.5)
        sockets = bind(LOOPBACK, 0)
        self.where = sockets.udp.getsockname()
        self.front = Front()
        self.front.ready.turn(7.5)
        self.port = adopt(sockets.udp, cast(Any, self.front), reactor)
        self.addCleanup(self.stop)
        sockets.close()

    async def stop(self) -> None:
        if self.port.connected:
            await self.port.stopListening()

    def udp(self) -> UdpClient:
        client = UdpClient()
        listening = reactor.listenUDP(0, client, interface=LOOPBACK)
        self.addCleanup(listening.stopListening)
        return client

    async def converse(self) -> None:
        """Ask what is ready, and what is not."""
        self.serve()
        client = self.udp()
        self.front.make_ready(query(1))
        assert await client.ask(query(2), self.where) == reply_to(query(2))
        hope = client.ask(query(3, "mx.lab.example"), self.where)
        while not self.front.received:
            await deferLater(reactor, 0.001)
        ((datagram, _),) = self.front.received
        assert datagram == query(3, "mx.lab.example")
        self.port.send(b"in the end", self.front.clients[0])
        assert await hope == b"in the end"

    async def test_batches(self) -> None:
        """It serves with many datagrams in a call, where the system can."""
        await self.converse()

    async def test_single(self) -> None:
        """And with a call for each, where it cannot."""
        self.patch(module, "can_batch", lambda _: False)
        await self.converse()

    async def test_many(self) -> None:
        """What comes at once is handed on to the last."""
        self.serve()
        client = self.udp()
        messages = [query(number) for number in range(3 * BATCH)]
        for message in messages:
            client.transport.write(message, self.where)
        while len(self.front.received) + len(self.front.late) < len(messages):
            await deferLater(reactor, 0.001)
        handed_on = self.front.received + self.front.late
        assert [datagram for datagram, _ in handed_on] == messages

    async def test_stop(self) -> None:
        """Who stops gives the address back."""
        self.serve()
        await self.stop()
        assert self.front.transport is None
        bind(*self.where).close()


class GateTests(PortTests):
    """Who may not ask, or not so often; the client at a place has its number."""

    def serve(self, gate: Gate | None, *messages: bytes) -> Turns:
        """Read these messages in one batch; return what left."""
        turns = Turns(list(messages))
        self.port.datagrams = cast(Any, turns)
        self.front.gate = gate
        self.front.make_ready(messages[0])
        self.port.doRead()
        return turns

    def test_denied(self) -> None:
        """Who may not ask is refused, also where the reply is ready."""
        gate = create_gate(Access(("192.0.2.1",)), RateLimit(), b"seed")
        turns = self.serve(gate, *[query(7)] * 3)
        assert [(to, reply[3] & 0xF) for reply, to in turns.sent] == [
            ("client 0", 5),
            ("client 1", 0),
            ("client 2", 5),
        ]
        assert self.front.received == []

    def test_dropped(self) -> None:
        """Or hears nothing, if it is so configured."""
        gate = create_gate(Access(("192.0.2.1",), "drop"), RateLimit(), b"seed")
        turns = self.serve(gate, *[query(7)] * 3)
        assert [to for _, to in turns.sent] == ["client 1"]

    def test_too_often(self) -> None:
        """Who asks too often gets some replies that say: ask over TCP."""
        limit = RateLimit(qps=1, burst=2, ipv4_prefix=24, slip=2)
        gate = create_gate(Access(("192.0.2.0/24",)), limit, b"seed")
        turns = self.serve(gate, *[query(7)] * 6)
        assert [(to, bool(reply[2] & 2)) for reply, to in turns.sent] == [
            ("client 0", False),
            ("client 1", False),
            ("client 3", True),
            ("client 5", True),
        ]

    def test_forged(self) -> None:
        """A reply that may not go there does not: not even a refusal."""
        turns = Turns([query(7)])
        turns.forged = {0}
        self.port.datagrams = cast(Any, turns)
        self.front.gate = create_gate(Access(("10.0.0.1",)), RateLimit(), b"seed")
        self.port.doRead()
        assert turns.sent == []

    def test_none(self) -> None:
        """Without a gate all are let in, and handed on if need be."""
        turns = self.serve(None, query(7), query(8, name="other.example"))
        assert [to for _, to in turns.sent] == ["client 0"]
        assert len(self.front.received) == 1
