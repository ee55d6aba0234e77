"""DNS over UDP, towards the clients."""

import errno

from twisted.internet.error import MessageLengthError
from twisted.internet.task import Clock
from twisted.internet.testing import FakeDatagramTransport
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.server.datagram import Address
from tests.clients import Held, numbers, query
from tests.messages import EXAMPLE, message
from tests.test_factory import make_factory

ALICE, BOB = ("192.0.2.1", 5000), ("2001:db8::1", 6000)


class Wire(FakeDatagramTransport):
    """A transport that refuses to write while it has a reason to."""

    fault: Exception | None = None

    def write(self, packet: bytes, addr: Address | None = None) -> None:
        if self.fault is not None:
            raise self.fault
        super().write(packet, addr)


class DatagramProtocolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.upstream = Held()
        self.wire = Wire()
        factory = make_factory(self.upstream, Clock())
        self.protocol = factory.datagram_protocol()
        self.protocol.makeConnection(self.wire)

    def sent(self) -> list[tuple[int, Address]]:
        """Return the ID of each reply so far, and to whom it went."""
        return [(numbers([reply])[0], to) for reply, to in self.wire.written]

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
        self.protocol.datagramReceived(query(1), BOB)
        self.protocol.datagramReceived(query(2), ALICE)
        self.upstream.answer(1)
        assert self.sent() == [(1, BOB)]
        self.upstream.answer(2, 0)
        assert self.sent() == [(1, BOB), (2, ALICE), (1, ALICE)]

    def test_size(self) -> None:
        """A reply fits into a datagram, and TC says what is missing."""
        self.protocol.datagramReceived(query(1), ALICE)
        self.upstream.answer(0, size=600)
        reply, _ = self.wire.written[0]
        assert len(reply) <= 512
        assert reply[2] & 0x02

    def test_closed(self) -> None:
        """An answer that comes after the port was closed is dropped."""
        self.protocol.datagramReceived(query(1), ALICE)
        self.protocol.doStop()
        self.upstream.answer(0)
        assert self.successResultOf(self.upstream.waiting[0]) is None
        assert self.sent() == []
        assert self.protocol.unsent == 0

    def test_unsent(self) -> None:
        """A reply that the system refuses is counted and dropped; others go on."""
        faults = (
            OSError(errno.EPERM, "Operation not permitted"),
            OSError(errno.ENETUNREACH, "Network is unreachable"),
            BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
            MessageLengthError("message too long"),
        )
        for count, self.wire.fault in enumerate(faults):
            self.protocol.datagramReceived(query(1, rdtype="AXFR"), ALICE)
            assert self.protocol.unsent == 2 * count + 1
            self.protocol.datagramReceived(query(1), ALICE)
            self.upstream.answer(-1)
            assert self.protocol.unsent == 2 * count + 2
        self.wire.fault = None
        self.protocol.datagramReceived(query(2, rdtype="AXFR"), BOB)
        assert self.sent() == [(2, BOB)]
        assert self.protocol.unsent == 2 * len(faults)
