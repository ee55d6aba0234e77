"""One connection: what is sent when, what comes back, and how it ends."""

import re
import time
from datetime import UTC, datetime
from random import Random
from unittest import mock

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.lab.certificates import Authority, Leaf, self_signed
from dotproxy.upstream.asked import Asked
from dotproxy.upstream.connection import (
    EXPIRED_BORNE,
    FAULTS_BORNE,
    GRACE,
    LAG_BORNE,
    SILENCE_BORNE,
    Ending,
    State,
)
from dotproxy.upstream.interface import NETWORK_ERROR, UNREACHABLE, UpstreamError
from dotproxy.upstream.proof import Proof
from dotproxy.upstream.tls import Authenticator, Trust, Unverified
from dotproxy.wire.edns import KEEPALIVE, option
from dotproxy.wire.framing import frame
from dotproxy.wire.query import Query, outgoing, parse_query
from tests.connections import (
    Line,
    Peer,
    Scripted,
    Server,
    Trusting,
    Waiting,
    a_query,
    answer_to,
    tls_records,
)
from tests.traces import follow

NOW = datetime.now(UTC)
ROOT = Authority.create("root", NOW)
ISSUED = self_signed(Leaf(), NOW)
ALONE = Trust(pins=frozenset(ISSUED.pins))


class Patience:
    """Randomness that runs out, where a loop would go on for ever."""

    def __init__(self, draws: int) -> None:
        self._random = Random(1)
        self._draws = draws

    def getrandbits(self, bits: int) -> int:
        self._draws -= 1
        assert self._draws, "this looks for a free ID in vain"
        return self._random.getrandbits(bits)


def a_line(*early: Query) -> Line:
    """Return a connection by real TLS; the handshake is done, and all is heard."""
    identity = Authenticator(ALONE, time.time).expect("192.0.2.1")
    return Line(identity, Server(ISSUED), *early).run()


def a_peer(random: object = None) -> Peer:
    """Return a peer without TLS, whose connection is ready at the time 0."""
    return Peer(Clock(), random=random).greet()


def ask(peer: Peer, *queries: Query) -> list[Waiting]:
    """Ask over the connection of this peer."""
    several = [Waiting(query) for query in queries]
    for waiting in several:
        peer.connection.ask(waiting.asked, 128)
    return several


def failures(peer: Peer) -> list[tuple[Asked, UpstreamError]]:
    """Return what the owner hears of queries that get no answer, as it comes."""
    heard: list[tuple[Asked, UpstreamError]] = []
    peer.connection.on_failed = lambda asked, error: heard.append((asked, error))
    return heard


def losses(peer: Peer) -> list[str]:
    """Return how often the owner hears that the connection is gone, as it comes."""
    heard: list[str] = []
    peer.connection.on_lost = lambda: heard.append("lost")
    return heard


def keepalive(tenths: int) -> bytes:
    """Write the option that says how long a connection may idle (RFC 7828)."""
    return option(KEEPALIVE, tenths.to_bytes(2, "big"))


class AskTests(SynchronousTestCase):
    """What goes out."""

    def test_query(self) -> None:
        """A query leaves under an ID of our own, with its question, and padded."""
        peer, query = a_peer(Scripted(0xABCD)), a_query("www.example.com")
        ask(peer, query)
        (heard,) = peer.queries
        assert heard == outgoing(query, 0xABCD, 128)
        assert len(heard) == 128

    def test_record_of_its_own(self) -> None:
        """Each query leaves in a TLS record of its own, those of one turn together.

        Real servers answer only the first query of a record that holds several.
        """
        line, names = a_line(), ("a.example", "b.example", "a.much.longer.example")
        for turn in (3, 2):
            for name in names[:turn]:
                line.connection.ask(Waiting(a_query(name)).asked, 128)
            lengths = tls_records(line.sent())
            assert len(lengths) == turn
            assert len(set(lengths)) == 1, "the length tells nothing of the question"
            assert lengths[0] > 2 + 128
        assert len(line.connection.pending) == 5

    def test_last_used(self) -> None:
        """Each query is a use of the connection."""
        peer = a_peer()
        peer.clock.advance(3)
        ask(peer, a_query())
        assert peer.connection.last_used == 3

    def test_no_delay(self) -> None:
        """Small messages are not held back to be sent with others."""
        assert Peer(Clock()).no_delay


class HandshakeTests(SynchronousTestCase):
    """Before the connection is ready."""

    def test_ready(self) -> None:
        """When the peer is verified, the connection is ready, and not before."""
        peer = Peer(Clock())
        self.assertIs(peer.connection.state, State.HANDSHAKE)
        self.assertNoResult(peer.connection.ready)
        peer.clock.advance(2)
        peer.greet()
        assert self.successResultOf(peer.connection.ready) is peer.connection
        self.assertIs(peer.connection.state, State.READY)
        assert peer.connection.last_used == 2

    def test_waits_for_verification(self) -> None:
        """Queries that wait for a connection go out after its verification."""
        line = a_line(a_query("a.example"), a_query("b.example"))
        assert [parse_query(it).question[1:2] for it in line.listener.queries] == [
            b"a",
            b"b",
        ]

    def test_doubt(self) -> None:
        """What is wrong with a peer that may pass is kept."""
        peer = Peer(Clock(), Trusting(doubt="self-signed")).greet()
        assert self.successResultOf(peer.connection.ready).doubt == "self-signed"
        assert a_peer().connection.doubt == ""

    def test_proof(self) -> None:
        """So is what it showed."""
        proof = Proof(0.0, ("key",), 2.0, 1.0)
        peer = Peer(Clock(), Trusting(proof=proof)).greet()
        assert self.successResultOf(peer.connection.ready).proof is proof
        assert a_peer().connection.proof is None

    def test_refused(self) -> None:
        """A peer that is not verified gets no query; we hang up, and say why."""
        peer = Peer(Clock(), Trusting(refusal="not you")).greet()
        failure = self.failureResultOf(peer.connection.ready, Unverified)
        assert str(failure.value) == "not you"
        assert peer.aborted
        peer.clock.advance(0)
        self.assertIs(peer.connection.state, State.CLOSED)
        assert peer.heard == b""

    def test_refused_but_talkative(self) -> None:
        """Nothing that a refused peer says is looked at."""
        peer = Peer(Clock(), Trusting(refusal="not you")).greet()
        self.failureResultOf(peer.connection.ready, Unverified)
        peer.say(*[b"nonsense"] * 100)
        assert peer.connection.pending.faulty == 0
        peer.clock.advance(0)
        assert peer.clock.getDelayedCalls() == []

    def test_openssl_complains(self) -> None:
        """What OpenSSL had against the certificate is said in our words."""
        complaint = "certificate expired: subject CN=a"
        peer = Peer(Clock(), Trusting(refusal=complaint))
        words = [("SSL routines", "", "certificate verify failed")]
        peer.connection.connectionLost(Failure(SSL.Error(words)))
        failure = self.failureResultOf(peer.connection.ready, Unverified)
        assert str(failure.value) == complaint

    def test_lost(self) -> None:
        """A connection that is lost on the way fails with what TCP has to say."""
        line = Line(Authenticator(ALONE, time.time).expect("192.0.2.1"), Server(ISSUED))
        line.cut(ConnectionLost())
        failure = self.failureResultOf(line.connection.ready, UpstreamError)
        assert str(failure.value).startswith("no TLS: Connection to the other side")
        assert failure.value.code == NETWORK_ERROR
        self.assertIs(line.connection.state, State.CLOSED)

    def test_lost_under_a_doubt(self) -> None:
        """What the profile would let pass is not why a connection was lost."""
        trust = Trust("dns.lab.example", roots=ROOT.pem, strict=False)
        identity = Authenticator(trust, time.time).expect("192.0.2.1")
        line = Line(identity, Server(ISSUED))
        line.step()
        line.deliver(line.coming()[:-1])
        noted = identity.verify(line.connection.transport.getHandle())
        assert noted.startswith("certificate self-signed: ")
        line.cut(ConnectionLost())
        failure = self.failureResultOf(line.connection.ready, UpstreamError)
        assert str(failure.value).startswith("no TLS: Connection to the other side")

    def test_no_tls(self) -> None:
        """A peer that speaks no TLS is told of in OpenSSL's words."""
        line = Line(Authenticator(ALONE, time.time).expect("192.0.2.1"), Server(ISSUED))
        line.deliver(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        line.run()
        failure = self.failureResultOf(line.connection.ready, UpstreamError)
        assert re.fullmatch(r"no TLS: [a-z, ]+", str(failure.value))

    def test_words_missing(self) -> None:
        """An error of OpenSSL without words is told as it is."""
        peer = Peer(Clock())
        peer.connection.connectionLost(Failure(SSL.SysCallError(104, "ECONNRESET")))
        failure = self.failureResultOf(peer.connection.ready, UpstreamError)
        assert str(failure.value) == "no TLS: (104, 'ECONNRESET')"

    def test_cancelled(self) -> None:
        """Who does not want to wait any longer hangs up."""
        peer = Peer(Clock())
        peer.connection.ready.cancel()
        self.failureResultOf(peer.connection.ready, CancelledError)
        assert peer.aborted
        peer.clock.advance(0)
        self.assertIs(peer.connection.state, State.CLOSED)
        assert peer.connection.closed_by_peer is False

    def test_refused_too_late(self) -> None:
        """Whoever has hung up already is not told of a refusal as well."""
        peer = Peer(Clock(), Trusting(refusal="not you"))
        peer.connection.ready.cancel()
        peer.greet()
        self.failureResultOf(peer.connection.ready, CancelledError)
        assert peer.heard == b""

    def test_owner_hears_nothing(self) -> None:
        """The loss of a connection that was never ready is nobody else's business."""
        peer = Peer(Clock())
        lost = losses(peer)
        peer.hang_up()
        self.failureResultOf(peer.connection.ready, UpstreamError)
        assert lost == []


class AnswerTests(SynchronousTestCase):
    """Which answer belongs to which query."""

    def answered(self, asked: Asked) -> bytes:
        """Return the answer that a query got."""
        body: bytes = self.successResultOf(asked.answer).body
        return body

    def test_answer(self) -> None:
        """The answer goes to the one who asked; the ID is the one of this hop."""
        peer = a_peer()
        (asked,) = ask(peer, a_query())
        peer.answer(*peer.queries)
        assert self.answered(asked) == answer_to(peer.queries[0])
        assert len(peer.connection.pending) == 0
        assert peer.connection.answers == 1

    def test_out_of_order(self) -> None:
        """Answers come in any order, and a slow one holds up nobody."""
        peer = a_peer()
        names = ("slow.example", "b.example", "c.example")
        slow, *others = ask(peer, *map(a_query, names))
        peer.answer(*peer.queries[:0:-1])
        for asked, query in zip(others, peer.queries[1:], strict=True):
            assert self.answered(asked) == answer_to(query)
        self.assertNoResult(slow.answer)
        peer.answer(peer.queries[0])
        assert self.answered(slow) == answer_to(peer.queries[0])

    def test_how_long(self) -> None:
        """The owner hears how long each answer took, from when it was asked."""
        peer = a_peer()
        times: list[float] = []
        peer.connection.on_answer = times.append
        ask(peer, a_query("a.example"))
        peer.clock.advance(1)
        ask(peer, a_query("b.example"))
        peer.clock.advance(2)
        peer.answer(*peer.queries)
        assert times == [3, 2]
        assert peer.connection.last_used == 3

    def test_how_long_beside_another(self) -> None:
        """Each connection measures from when the query was sent over it."""
        clock = Clock()
        slow, fast = Peer(clock).greet(), Peer(clock).greet()
        times: list[float] = []
        slow.connection.on_answer = fast.connection.on_answer = times.append
        (waiting,) = ask(slow, a_query())
        clock.advance(2)
        fast.connection.ask(waiting.asked, 128)
        clock.advance(1)
        slow.answer(*slow.queries)
        fast.answer(*fast.queries)
        assert times == [3, 1]

    def test_nobody_waits(self) -> None:
        """An answer that nobody waits for any more is an answer all the same."""
        peer = a_peer()
        (asked,) = ask(peer, a_query())
        asked.answer.cancel()
        self.failureResultOf(asked.answer, CancelledError)
        assert len(peer.connection.pending) == 1
        peer.answer(*peer.queries)
        assert peer.connection.answers == 1
        assert peer.connection.pending.faulty == 0


class FaultTests(SynchronousTestCase):
    """What the server should not say."""

    def test_ignored(self) -> None:
        """What answers nothing that was asked is counted and ignored."""
        peer = a_peer()
        (asked,) = ask(peer, a_query("www.example.com"))
        good = answer_to(peer.queries[0])
        for fault, bad in enumerate((b"", good.replace(b"\3www", b"\3ftp")), 1):
            peer.say(bad)
            assert peer.connection.pending.faulty == fault
            assert len(peer.connection.pending) == 1
            assert not asked.answer.called
        peer.say(good)
        assert self.successResultOf(asked.answer).body == good
        assert not peer.aborted

    def test_duplicate(self) -> None:
        """The first answer counts; the second one is a fault."""
        peer = a_peer()
        (asked,) = ask(peer, a_query())
        first = answer_to(peer.queries[0])
        peer.say(first, answer_to(peer.queries[0], rcode=3))
        assert self.successResultOf(asked.answer).body == first
        assert (peer.connection.answers, peer.connection.pending.faulty) == (1, 1)

    def test_malformed(self) -> None:
        """An answer that cannot be read fails its query at once, and is a fault."""
        peer = a_peer()
        failed = failures(peer)
        broken, fine = ask(peer, a_query("a.example"), a_query("b.example"))
        first, second = peer.queries
        peer.say(answer_to(first) + b"more", answer_to(second))
        ((asked, error),) = failed
        assert asked is broken.asked
        assert str(error) == "the answer cannot be read: octets behind the last record"
        assert error.code == NETWORK_ERROR
        assert self.successResultOf(fine.answer).body == answer_to(second)
        assert peer.connection.pending.faulty == 1
        assert (peer.connection.answers, peer.connection.last_used) == (1, 0)
        assert len(peer.connection.pending) == 0

    def test_given_up(self) -> None:
        """After so many faults, answers in between or not, we hang up."""
        peer = a_peer()
        for fault in range(1, FAULTS_BORNE + 1):
            assert not peer.aborted
            (asked,) = ask(peer, a_query())
            peer.answer(peer.queries[-1])
            self.successResultOf(asked.answer)
            peer.say(b"nonsense")
            assert peer.connection.pending.faulty == fault
        assert FAULTS_BORNE == 8
        assert peer.aborted
        assert not peer.connection.closed_by_peer

    def test_malformed_given_up(self) -> None:
        """Answers that cannot be read count among the faults."""
        peer = a_peer()
        failed = failures(peer)
        several = ask(peer, *[a_query()] * FAULTS_BORNE)
        for query in peer.queries:
            assert not peer.aborted
            peer.say(answer_to(query) + b"more")
        assert [asked for asked, _ in failed] == [waiting.asked for waiting in several]
        assert peer.aborted

    def test_nothing_after(self) -> None:
        """A connection that was given up takes no query and brings no answer."""
        peer = a_peer()
        (asked,) = ask(peer, a_query())
        peer.say(*[b"nonsense"] * FAULTS_BORNE, answer_to(peer.queries[0]))
        assert peer.aborted
        self.assertIs(peer.connection.state, State.CLOSING)
        assert peer.connection.pending.faulty == FAULTS_BORNE
        self.assertNoResult(asked.answer)


class StreamTests(SynchronousTestCase):
    """However the stream is cut, the messages are the same."""

    def test_record_of_many(self) -> None:
        """Several answers in one TLS record are all matched."""
        queries = [a_query(f"{letter}.example") for letter in "abc"]
        line = a_line(*queries)
        answers = map(answer_to, line.listener.queries)
        line.listener.transport.write(b"".join(map(frame, answers)))
        segment = line.coming()
        assert len(tls_records(segment)) == 1
        line.deliver(segment)
        assert line.connection.answers == 3
        assert len(line.connection.pending) == 0

    def test_record_by_record(self) -> None:
        """Several TLS records in one segment are taken in one turn."""
        line = a_line(*[a_query(f"{letter}.example") for letter in "abc"])
        line.answer(*line.listener.queries)
        segment = line.coming()
        assert len(tls_records(segment)) == 3
        received = mock.Mock(wraps=line.connection.dataReceived)
        self.patch(line.connection, "dataReceived", received)
        line.deliver(segment)
        assert line.connection.answers == 3
        assert received.call_count == 1

    def test_many_records_for_one(self) -> None:
        """One answer over several TLS records and segments is put together again."""
        line = a_line(a_query())
        (query,) = line.listener.queries
        octets = frame(answer_to(query))
        for at in range(0, len(octets), 9):
            line.listener.transport.write(octets[at : at + 9])
            line.clock.advance(0)
        stream = line.coming()
        assert len(tls_records(stream)) == -(-len(octets) // 9)
        for octet in stream[:-1]:
            line.deliver(bytes((octet,)))
        assert line.connection.answers == 0
        line.deliver(stream[-1:])
        assert line.connection.answers == 1
        assert line.connection.pending.faulty == 0

    def test_held_by_tls(self) -> None:
        """What TLS holds back is part of the stream, in its order."""
        peer = a_peer()
        first, second = ask(peer, a_query("a.example"), a_query("b.example"))
        stream = b"".join(frame(answer_to(query)) for query in peer.queries)
        peer.held = [stream[10:50], stream[50:]]
        peer.connection.dataReceived(stream[:10])
        assert self.successResultOf(first.answer).body == answer_to(peer.queries[0])
        assert self.successResultOf(second.answer).body == answer_to(peer.queries[1])

    def test_goodbye_behind_an_answer(self) -> None:
        """An answer counts, though close_notify comes in the same segment."""
        line = a_line(a_query())
        line.answer(*line.listener.queries)
        line.listener.transport.loseConnection()
        line.deliver(line.coming())
        assert line.connection.answers == 1
        line.run()
        self.assertIs(line.connection.state, State.CLOSED)
        assert line.connection.closed_by_peer

    def test_broken_behind_an_answer(self) -> None:
        """A TLS record that is broken ends the connection; what came before counts."""
        line = a_line(a_query(), a_query("never.example"))
        line.answer(line.listener.queries[0])
        good = line.coming()
        line.answer(line.listener.queries[1])
        broken = bytearray(line.coming())
        broken[-1] ^= 1
        line.deliver(good + bytes(broken))
        assert line.connection.answers == 1
        line.run()
        self.assertIs(line.connection.state, State.CLOSED)
        assert len(line.connection.pending) == 1


class LagTests(SynchronousTestCase):
    """How far the server is behind."""

    def test_clock(self) -> None:
        """It counts by our clock, from the youngest query that was answered."""
        peer = a_peer()
        peer.clock.advance(10)
        ask(peer, a_query("a.example"), a_query("b.example"))
        peer.clock.advance(2)
        assert peer.connection.pending.lag(12) == 2
        peer.clock.advance(1)
        ask(peer, a_query("c.example"))
        peer.answer(peer.queries[2])
        assert peer.connection.pending.lag(14) == 1

    def test_noise(self) -> None:
        """Octets that are no answer do not end it."""
        peer = a_peer()
        ask(peer, a_query("a.example"), a_query("b.example"))
        peer.clock.advance(2)
        peer.say(b"nonsense")
        peer.connection.dataReceived(b"\0")
        peer.connection.dataReceived(b"\xff" + answer_to(peer.queries[1]))
        assert peer.connection.pending.lag(2) == 2

    def test_silent(self) -> None:
        """A server that owes an answer and sends none is overdue after a while."""
        peer = a_peer()
        peer.clock.advance(100)
        ask(peer, a_query())
        assert not peer.connection.overdue(100 + SILENCE_BORNE - 0.1)
        assert peer.connection.overdue(100 + SILENCE_BORNE)

    def test_burst(self) -> None:
        """One that goes on answering a burst has more time for that."""
        peer = a_peer()
        ask(peer, *[a_query(f"n{number}.example") for number in range(9)])
        for place in range(3):
            peer.clock.advance(0.9)
            peer.answer(peer.queries[place])
        assert not peer.connection.overdue(LAG_BORNE - 0.1)
        assert peer.connection.overdue(LAG_BORNE)


class ExpireTests(SynchronousTestCase):
    """Queries whose time is over."""

    def test_deadline(self) -> None:
        """At its deadline a query fails, and the others go on."""
        peer = a_peer()
        failed = failures(peer)
        early, late = ask(peer, a_query(deadline=2.0), a_query(deadline=3.0))
        peer.connection.expire(1.9)
        assert failed == []
        peer.connection.expire(2.0)
        ((asked, error),) = failed
        assert asked is early.asked
        assert (str(error), error.code) == ("no answer in time", UNREACHABLE)
        assert UNREACHABLE == 22
        assert peer.connection.pending.unanswered() == [late.asked]
        self.assertIs(peer.connection.state, State.READY)

    def test_late_answer(self) -> None:
        """An answer after the deadline is counted and dropped."""
        peer = a_peer()
        (asked,) = ask(peer, a_query())
        peer.connection.expire(5.0)
        peer.answer(*peer.queries)
        connection = peer.connection
        assert (connection.pending.late, connection.pending.faulty) == (1, 0)
        assert connection.answers == 0
        self.assertNoResult(asked.answer)

    def test_quarantine(self) -> None:
        """The answer to a query that is over is not taken for that to another."""
        peer = a_peer(Scripted(7, 7, 8))
        ask(peer, a_query("a.example"))
        peer.connection.expire(5.0)
        (other,) = ask(peer, a_query("a.example", deadline=9.0))
        peer.answer(peer.queries[0])
        self.assertNoResult(other.answer)
        peer.answer(peer.queries[1])
        self.successResultOf(other.answer)

    def test_retired(self) -> None:
        """After so many that were never answered, the connection takes no more."""
        peer = a_peer()
        ask(peer, *[a_query(deadline=1.0)] * EXPIRED_BORNE)
        (owed,) = ask(peer, a_query(deadline=9.0))
        peer.connection.expire(1.0)
        self.assertIs(peer.connection.state, State.READY)
        ask(peer, a_query(deadline=2.0))
        peer.connection.expire(2.0)
        self.assertIs(peer.connection.state, State.DRAINING)
        assert EXPIRED_BORNE == 1024
        assert not peer.left_politely, "one is still owed"
        peer.answer(peer.queries[EXPIRED_BORNE])
        self.successResultOf(owed.answer)
        assert peer.left_politely

    def test_all_used_up(self) -> None:
        """A server that swallows query after query does not use up all IDs for ever."""
        peer, query = a_peer(Patience(2**20)), a_query()
        failed = failures(peer)
        for count in range(1, 2**16 + 2):
            if peer.connection.state is not State.READY:
                break
            query.deadline = peer.clock.seconds() + 5
            ask(peer, query)
            peer.clock.advance(5)
            peer.connection.expire(query.deadline)
            assert len(failed) == count
        assert peer.left_politely


class EndingTests(SynchronousTestCase):
    """Why a connection ended."""

    def test_others(self) -> None:
        """The peer says goodbye, or it breaks off."""
        peer = a_peer()
        assert peer.connection.ending is None
        peer.hang_up()
        self.assertIs(peer.connection.ending, Ending.PEER)
        peer = a_peer()
        peer.connection.connectionLost(Failure(ConnectionLost()))
        self.assertIs(peer.connection.ending, Ending.LOST)

    def test_first(self) -> None:
        """What was the reason at first stays it, whatever comes on top."""
        peer = a_peer()
        peer.connection.drain(Ending.IDLE)
        peer.connection.abort()
        peer.clock.advance(0)
        self.assertIs(peer.connection.ending, Ending.IDLE)

    def test_ours(self) -> None:
        """Who says nothing else stops it."""
        peer = a_peer()
        peer.connection.abort()
        self.assertIs(peer.connection.ending, Ending.STOPPED)


class DrainTests(SynchronousTestCase):
    """How a connection ends when we want it to."""

    def test_nothing_under_way(self) -> None:
        """Where nothing is owed, we say goodbye at once, and politely."""
        peer = a_peer()
        peer.connection.drain()
        self.assertIs(peer.connection.state, State.DRAINING)
        assert peer.connection.drained
        assert peer.left_politely
        assert not peer.aborted
        assert not peer.connection.closed_by_peer

    def test_owed(self) -> None:
        """What is owed is waited for; then we say goodbye."""
        peer = a_peer()
        first, second = ask(peer, a_query("a.example"), a_query("b.example"))
        peer.connection.drain()
        peer.answer(peer.queries[0])
        self.successResultOf(first.answer)
        assert not peer.left_politely
        peer.answer(peer.queries[1])
        self.successResultOf(second.answer)
        assert peer.left_politely

    def test_expired(self) -> None:
        """What is owed no more need not be waited for."""
        peer = a_peer()
        ask(peer, a_query())
        peer.connection.drain()
        peer.connection.expire(5.0)
        peer.connection.close_if_drained()
        assert peer.left_politely

    def test_grace(self) -> None:
        """A peer that does not say goodbye is cut off after a grace."""
        peer = a_peer()
        lost = losses(peer)
        peer.connection.drain()
        peer.connection.close_if_drained()
        peer.clock.advance(GRACE - 0.1)
        assert not peer.aborted
        peer.clock.advance(0.1)
        assert peer.aborted
        peer.clock.advance(0)
        assert lost == ["lost"]
        assert peer.clock.getDelayedCalls() == []

    def test_goodbye(self) -> None:
        """A peer that says goodbye is not cut off."""
        peer = a_peer()
        peer.connection.drain()
        peer.connection.close_if_drained()
        peer.hang_up()
        assert peer.clock.getDelayedCalls() == []
        assert not peer.aborted
        self.assertIs(peer.connection.state, State.CLOSED)

    def test_real_goodbye(self) -> None:
        """By real TLS, both sides end with close_notify."""
        line = a_line()
        line.connection.drain()
        line.run()
        assert line.listener.lost
        self.assertIs(line.connection.state, State.CLOSED)
        assert not line.connection.closed_by_peer
        assert line.clock.getDelayedCalls() == []

    def test_too_early_and_too_late(self) -> None:
        """Before it is ready and when it is gone, there is nothing to drain."""
        peer = Peer(Clock())
        peer.connection.drain()
        self.assertIs(peer.connection.state, State.HANDSHAKE)
        peer.greet()
        self.assertIs(peer.connection.state, State.READY)
        peer.hang_up()
        peer.connection.drain()
        peer.connection.abort()
        self.assertIs(peer.connection.state, State.CLOSED)
        assert not peer.connection.drained
        assert not peer.left_politely
        assert not peer.aborted

    def test_abort(self) -> None:
        """Hanging up at once waits for nobody; the owner finds what was under way."""
        peer = a_peer()
        lost = losses(peer)
        under_way = ask(peer, a_query("a.example"), a_query("b.example"))
        peer.connection.abort()
        assert peer.aborted
        assert lost == []
        self.assertIs(peer.connection.state, State.CLOSING)
        peer.connection.drain()
        self.assertIs(peer.connection.state, State.CLOSING)
        peer.clock.advance(0)
        assert lost == ["lost"]
        assert peer.connection.pending.unanswered() == [
            waiting.asked for waiting in under_way
        ]
        assert not peer.connection.closed_by_peer

    def test_closed_by_peer(self) -> None:
        """When the peer hangs up, that is known, and so is what it owed."""
        peer = a_peer()
        lost = losses(peer)
        oldest, younger = ask(peer, a_query("a.example"), a_query("b.example"))
        peer.hang_up()
        assert lost == ["lost"]
        assert peer.connection.closed_by_peer
        assert peer.connection.pending.unanswered() == [oldest.asked, younger.asked]
        self.assertNoResult(oldest.answer)

    def test_nobody_listens(self) -> None:
        """A connection without an owner ends as quietly."""
        peer = a_peer()
        asked, _ = ask(peer, a_query(), a_query())
        peer.answer(peer.queries[0])
        self.successResultOf(asked.answer)
        peer.connection.expire(5.0)
        peer.hang_up()
        self.assertIs(peer.connection.state, State.CLOSED)


class KeepaliveTests(SynchronousTestCase):
    """What the server says on idle connections (RFC 7828)."""

    def test_asked_for(self) -> None:
        """Each query asks for it, with an empty option."""
        peer = a_peer()
        ask(peer, a_query())
        opt = parse_query(peer.queries[0]).opt
        assert opt is not None
        assert (KEEPALIVE, b"") in opt.options

    def test_told(self) -> None:
        """The latest word counts, in seconds; no word leaves it as it was."""
        peer = a_peer()
        assert peer.connection.keepalive is None
        for options, seconds in (
            (b"", None),
            (keepalive(300), 30.0),
            (b"", 30.0),
            (keepalive(25), 2.5),
        ):
            ask(peer, a_query())
            peer.say(answer_to(peer.queries[-1], options=options))
            assert peer.connection.keepalive == seconds
        self.assertIs(peer.connection.state, State.READY)

    def test_zero(self) -> None:
        """A time of 0 says: no more queries, and hang up (RFC 7828 section 3.4)."""
        peer = a_peer()
        first, second = ask(peer, a_query("a.example"), a_query("b.example"))
        peer.say(answer_to(peer.queries[0], options=keepalive(0)))
        self.successResultOf(first.answer)
        self.assertIs(peer.connection.state, State.DRAINING)
        assert not peer.left_politely
        peer.answer(peer.queries[1])
        self.successResultOf(second.answer)
        assert peer.left_politely

    def test_zero_at_the_end(self) -> None:
        """With the last answer, a time of 0 ends the connection at once."""
        peer = a_peer()
        (asked,) = ask(peer, a_query())
        peer.say(answer_to(peer.queries[0], options=keepalive(0)))
        self.successResultOf(asked.answer)
        assert peer.left_politely


class ReprTests(SynchronousTestCase):
    def test_repr(self) -> None:
        """A connection says in one line where it is in its life, and how busy."""
        peer = Peer(Clock())
        assert repr(peer.connection) == "<Connection handshake, 0 under way>"
        peer.greet()
        ask(peer, a_query(), a_query())
        assert repr(peer.connection) == "<Connection ready, 2 under way>"
        peer.connection.drain()
        assert repr(peer.connection) == "<Connection draining, 2 under way>"
        peer.connection.abort()
        assert repr(peer.connection) == "<Connection closing, 2 under way>"
        peer.clock.advance(0)
        assert repr(peer.connection) == "<Connection closed, 2 under way>"


class TraceTests(SynchronousTestCase):
    def test_octets(self) -> None:
        """A trace has the very octets that leave and arrive, and whose they are."""
        line = a_line()
        transport, query = line.connection.transport, a_query()
        transport.getPeer = lambda: IPv4Address("TCP", "192.0.2.1", 853)  # type: ignore
        told = follow(query)
        line.connection.ask(Waiting(query).asked, 128)
        line.run()
        [sent] = line.listener.queries
        line.answer(sent)
        line.run()
        assert [step.rpartition(" ")[2] for step in told.steps] == [
            sent.hex(),
            answer_to(sent).hex(),
        ]
        assert told.steps[0].startswith(
            "sent: to 192.0.2.1 port 853, TLSv1.3, open for 0.0 s,"
            " with 0 more under way, 128 octets: "
        )
