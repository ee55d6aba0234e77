"""DNS over UDP, towards the clients."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import FakeDatagramTransport
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.journal.note import UDP
from dotproxy.server.datagrams import Client
from tests.clients import Held, Zone, numbers, query
from tests.messages import EXAMPLE, message, queries, quick, spoiled
from tests.test_factory import make_factory, now

ALICE = Client(("192.0.2.1", 5000), [])
BOB = Client(("2001:db8::1", 6000, 0, 0), [])


class Wire(FakeDatagramTransport):
    """A port that keeps what it is given to send; a place is who stands there."""

    def __init__(self) -> None:
        super().__init__()
        self.datagrams = self
        self.sent: list[tuple[bytes, Client]] = []

    def client(self, place: Client) -> Client:
        return place

    def reply(self, place: Client, message: bytes) -> None:
        self.sent.append((message, place))

    def send(self, reply: bytes, client: Client) -> None:
        self.sent.append((reply, client))


class DatagramProtocolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.upstream = Held()
        self.wire = Wire()
        self.factory = make_factory(self.upstream, Clock())
        self.protocol = self.factory.datagram_protocol()
        self.protocol.makeConnection(self.wire)

    def sent(self) -> list[tuple[int, Client]]:
        """Return the ID of each reply so far, and to whom it went."""
        return [(numbers([reply])[0], to) for reply, to in self.wire.sent]

    def test_at_once(self) -> None:
        """What is known here is answered at once, to the one who asked."""
        self.protocol.datagramReceived(query(1, rdtype="AXFR"), ALICE)
        assert self.sent() == [(1, ALICE)]

    def test_silence(self) -> None:
        """What is no query gets no reply."""
        for octets in (b"", query(1)[:11], message(0x8100, [EXAMPLE])):
            self.protocol.datagramReceived(octets, ALICE)
        assert self.sent() == []

    def test_later(self) -> None:
        """Replies go out as answers come, each to its asker."""
        self.protocol.datagramReceived(query(1), ALICE)
        self.protocol.datagramReceived(query(1, "ns.lab.example"), BOB)
        self.protocol.datagramReceived(query(2, "mx.lab.example"), ALICE)
        self.upstream.answer(1)
        assert self.sent() == [(1, BOB)]
        self.upstream.answer(2, 0)
        assert self.sent() == [(1, BOB), (2, ALICE), (1, ALICE)]

    def test_waiting(self) -> None:
        """It knows how many wait for a reply, also when the port is closed."""
        self.protocol.datagramReceived(query(1, rdtype="AXFR"), ALICE)
        assert self.protocol.waiting == 0
        self.protocol.datagramReceived(query(1), ALICE)
        self.protocol.datagramReceived(query(2), BOB)
        assert self.protocol.waiting == 2
        self.protocol.doStop()
        self.upstream.answer(0)
        assert self.protocol.waiting == 0

    def test_known(self) -> None:
        """What the cache has it can tell, and asks nobody for what it has not."""
        self.assertIsNone(self.protocol.known(query(1)))
        self.assertEqual(self.upstream.asked, [])
        factory = make_factory(Zone(), Clock())
        protocol = factory.datagram_protocol()
        reply = now(factory.respond(query(1), UDP))
        self.assertEqual(protocol.known(query(1)), reply)

    def test_waited(self) -> None:
        """What had to wait for its turn is answered like any other."""
        self.protocol.answer_late(query(1, rdtype="AXFR"), ALICE)
        self.protocol.answer_late(query(2), BOB)
        self.protocol.answer_late(b"", BOB)
        self.upstream.answer(0)
        assert self.sent() == [(1, ALICE), (2, BOB)]

    def test_size(self) -> None:
        """A reply fits into a datagram, and TC says what is missing."""
        self.protocol.datagramReceived(query(1), ALICE)
        self.upstream.answer(0, size=600)
        ((reply, _),) = self.wire.sent
        assert len(reply) <= 512
        assert reply[2] & 0x02

    @quick
    @given(st.binary(max_size=60) | spoiled(queries()) | queries(), st.booleans())
    def test_anything(self, octets: bytes, late: bool) -> None:
        """Whatever comes, there is no fault; a reply is one, under the query's ID."""
        self.wire.sent.clear()
        take = self.protocol.answer_late if late else self.protocol.datagramReceived
        take(octets, ALICE)
        for reply, _ in self.wire.sent:
            assert reply[:2] == octets[:2]
            assert reply[2] & 0x80
            assert not octets[2] & 0x80

    def test_closed(self) -> None:
        """An answer that comes after the port was closed is dropped."""
        self.protocol.datagramReceived(query(1), ALICE)
        self.protocol.doStop()
        self.upstream.answer(0)
        assert self.successResultOf(self.upstream.waiting[0]) is None
        assert self.sent() == []

    def test_ready(self) -> None:
        """What it answers at once is ready from then on, for its port to send."""
        assert self.protocol.ready is self.factory.ready[UDP]
        self.protocol.datagramReceived(query(1, rdtype="AXFR"), ALICE)
        ((reply, _),) = self.wire.sent
        wish = query(2, rdtype="AXFR")
        assert self.protocol.ready.find(wish) == wish[:2] + reply[2:]
