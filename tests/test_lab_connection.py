"""One client of the lab: who is answered when, and how a connection ends."""

from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.lab.connection import CLOSE_GRACE, Counts, LabConnection
from dotproxy.lab.faults import parse_faults
from dotproxy.lab.zone import Reply
from dotproxy.wire.framing import frame

IDLE = 10.0


def scripted(query: bytes) -> Reply | None:
    """Answer "<name> <seconds>" with the name after the seconds, others not at all."""
    name, _, delay = query.partition(b" ")
    return Reply(name, float(delay)) if delay else None


class LabConnectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.transport = StringTransport()
        self.connection = LabConnection(self.clock, scripted, IDLE, Counts())
        Protocol.makeConnection(self.connection, self.transport)

    def tearDown(self) -> None:
        """Nothing is left to happen once the connection is gone."""
        if not self.connection.lost.called:
            self.connection.connectionLost()
        assert self.clock.getDelayedCalls() == []
        assert self.successResultOf(self.connection.lost) is None

    def ask(self, *queries: bytes) -> None:
        self.connection.dataReceived(b"".join(map(frame, queries)))

    def written(self) -> bytes:
        written: bytes = self.transport.value()
        self.transport.clear()
        return written

    def test_at_once(self) -> None:
        """Without a delay the answer is written at once, behind its length."""
        self.ask(b"one 0")
        assert self.written() == b"\0\3one"

    def test_segments(self) -> None:
        """A query is answered when its last octet has come."""
        for octet in b"\0\5one ":
            self.connection.dataReceived(bytes((octet,)))
        assert self.written() == b""
        self.connection.dataReceived(b"0")
        assert self.written() == b"\0\3one"

    def test_out_of_order(self) -> None:
        """A slow answer does not hold up the next one."""
        self.ask(b"slow 2", b"slower 3", b"fast 0", b"quick 1")
        assert self.written() == b"\0\4fast"
        self.clock.advance(1)
        assert self.written() == b"\0\5quick"
        self.clock.advance(1)
        assert self.written() == b"\0\4slow"
        self.clock.advance(1)
        assert self.written() == b"\0\6slower"

    def test_no_answer(self) -> None:
        """A query that gets no answer does not disturb the next one."""
        self.ask(b"nonsense", b"", b"one 0")
        assert self.written() == b"\0\3one"

    def test_idle(self) -> None:
        """A connection is closed after the idle time, not before."""
        self.clock.advance(IDLE - 1)
        assert not self.transport.disconnecting
        self.clock.advance(1)
        assert self.transport.disconnecting
        assert not self.transport.disconnected

    def test_busy(self) -> None:
        """Each query starts the idle time anew, answered or not."""
        for query in (b"one 0", b"nonsense"):
            self.clock.advance(IDLE - 1)
            self.ask(query)
        self.clock.advance(IDLE - 1)
        assert not self.transport.disconnecting
        self.clock.advance(1)
        assert self.transport.disconnecting

    def test_owed(self) -> None:
        """The idle time starts after the last answer that is owed."""
        self.ask(b"late 25", b"later 30")
        self.clock.advance(25)
        self.clock.advance(5)
        assert self.written() == b"\0\4late\0\5later"
        self.clock.advance(IDLE - 1)
        assert not self.transport.disconnecting
        self.clock.advance(1)
        assert self.transport.disconnecting

    def test_silent_goodbye(self) -> None:
        """A client that does not close after us is cut off."""
        self.clock.advance(IDLE)
        self.clock.advance(CLOSE_GRACE / 2)
        assert not self.transport.disconnected
        self.clock.advance(CLOSE_GRACE / 2)
        assert self.transport.disconnected

    def test_too_late(self) -> None:
        """A query that crosses our goodbye is neither answered nor delays the end."""
        self.clock.advance(IDLE)
        self.ask(b"one 0", b"two 1")
        self.clock.advance(CLOSE_GRACE)
        assert self.written() == b""
        assert self.transport.disconnected

    def test_lost(self) -> None:
        """When the client is gone, answers that are held back are forgotten."""
        self.ask(b"slow 2", b"slower 3")
        self.connection.connectionLost()
        self.clock.advance(3)
        assert self.written() == b""

    def test_drop(self) -> None:
        """Dropping hangs up at once, and fires when the connection is gone."""
        gone = self.connection.drop()
        assert self.transport.disconnected
        assert not gone.called


class FaultTests(SynchronousTestCase):
    """What faults do to a connection, by a clock that obeys."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.transport = StringTransport()
        self.counts = Counts()
        self.connection = LabConnection(self.clock, scripted, IDLE, self.counts)

    def tearDown(self) -> None:
        """Nothing is left to happen once the connection is gone."""
        self.connection.connectionLost()
        assert self.clock.getDelayedCalls() == []

    def begin(self, *faults: str) -> None:
        self.connection.set_faults(parse_faults(*faults))
        Protocol.makeConnection(self.connection, self.transport)

    def ask(self, *queries: bytes) -> None:
        self.connection.dataReceived(b"".join(map(frame, queries)))

    def written(self) -> bytes:
        written: bytes = self.transport.value()
        self.transport.clear()
        return written

    def test_trickle(self) -> None:
        """Octets come one by one, and the next answer behind the last of them."""
        self.begin("trickle=1")
        self.ask(b"a 0", b"b 0")
        assert self.written() == b""
        for octet in b"\0\1a\0\1b":
            self.clock.advance(1)
            assert self.written() == bytes((octet,))
        assert self.counts.answers == 2
        self.clock.advance(1)
        assert self.written() == b""

    def test_trickle_whole(self) -> None:
        """What does not trickle waits until an answer before it has."""
        self.begin("trickle=1")
        self.ask(b"a 0")
        self.connection.set_faults(())
        self.ask(b"b 0")
        self.clock.pump([1] * 3)
        assert self.written() == b"\0\1a\0\1b"

    def test_out_of_order(self) -> None:
        """Answers that are there in time turn around; later ones do by themselves."""
        self.begin("out-of-order=1")
        self.ask(b"a 0", b"late 1.5")
        self.clock.advance(0.5)
        self.ask(b"b 0")
        self.clock.advance(0.5)
        assert self.written() == b"\0\1b\0\1a"
        self.clock.advance(0.5)
        self.ask(b"c 0")
        self.clock.advance(1)
        assert self.written() == b"\0\1c\0\4late"

    def test_close_after(self) -> None:
        """An end that is due takes with it what is held, gathered or under way."""
        self.begin("close-after=1", "trickle=1")
        self.ask(b"a 0", b"b 0", b"slow 2.5")
        self.clock.pump([1] * 3)
        assert self.transport.disconnecting
        self.clock.advance(CLOSE_GRACE)
        assert self.written() == b"\0\1a"
        assert self.transport.disconnected
        assert self.counts.answers == 1

    def test_turned_on(self) -> None:
        """A connection that has had more answers than it may ends at once."""
        self.begin()
        self.ask(b"a 0", b"b 0")
        self.connection.set_faults(parse_faults("close-after=3"))
        assert not self.transport.disconnecting
        self.connection.set_faults(parse_faults("close-after=1"))
        assert self.transport.disconnecting

    def test_over(self) -> None:
        """A connection that is ending does not end again, whatever is turned on."""
        self.begin("close-after=0")
        self.clock.advance(CLOSE_GRACE / 2)
        self.connection.set_faults(parse_faults("close-after=0"))
        self.clock.advance(CLOSE_GRACE / 2)
        assert self.transport.disconnected

    def test_reset(self) -> None:
        """A reset is at once, and half an answer is none."""
        self.begin("half-answer")
        self.ask(b"abcd 0", b"b 0")
        assert self.written() == b"\0\4a"
        assert self.transport.disconnected
        assert (self.counts.queries, self.counts.answers) == (2, 0)

    def test_swallow_after(self) -> None:
        """Answers that are promised count, though they are late."""
        self.begin("swallow-after=1")
        self.ask(b"a 2", b"b 1")
        self.clock.advance(2)
        assert self.written() == b"\0\1a"

    def test_idle_close(self) -> None:
        """The idle time is that of the fault, and starts anew when it is turned on."""
        self.begin()
        self.clock.advance(IDLE - 1)
        self.connection.set_faults(parse_faults("idle-close=3"))
        self.clock.advance(2)
        assert not self.transport.disconnecting
        self.clock.advance(1)
        assert self.transport.disconnecting

    def test_stall(self) -> None:
        """A connection that stalls is not idle; what came is read when it is over."""
        self.begin("stall")
        self.ask(b"a 0")
        self.clock.advance(2 * IDLE)
        assert (self.written(), self.counts.queries) == (b"", 0)
        self.connection.set_faults(())
        assert self.written() == b"\0\1a"
        self.clock.advance(IDLE)
        assert self.transport.disconnecting

    def test_stalled_handshake(self) -> None:
        """What stalled before it began never begins, but is idle once that is over."""
        self.begin("stall-handshake")
        self.ask(b"a 0")
        self.clock.advance(2 * IDLE)
        self.connection.set_faults(parse_faults("close-after=0"))
        assert (self.written(), self.counts.queries) == (b"", 0)
        self.clock.advance(IDLE)
        assert self.transport.disconnecting
