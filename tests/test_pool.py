"""The connections to one upstream: how many, for how long, and who hears of what."""

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream.addresses import Addresses, AddressSource
from dotproxy.upstream.asked import Asked
from dotproxy.upstream.connection import GRACE, SILENCE_BORNE, Connection, Ending
from dotproxy.upstream.dial import STAGGER
from dotproxy.upstream.idle import RELAXATION, SHARE
from dotproxy.upstream.interface import NETWORK_ERROR, UNREACHABLE, UpstreamError
from dotproxy.upstream.pool import Limits, Pool
from dotproxy.upstream.proof import Proof
from dotproxy.upstream.tls import Unverified
from dotproxy.wire.edns import KEEPALIVE, option
from dotproxy.wire.query import Query
from tests.connections import Network, Peer, Waiting, a_query, answer_to

HERE, THERE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "192.0.2.3"

LIMITS = Limits(max_in_flight=2, max_connections=2)


class Hearer:
    """An owner that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def connected(self, connection: Connection) -> None:
        self.heard.append(("connected", connection))

    def unreachable(self, reason: str) -> None:
        self.heard.append(("unreachable", reason))

    def answered(self, connection: Connection, seconds: float) -> None:
        self.heard.append(("answered", connection, seconds))

    def failed(self, asked: Asked, error: UpstreamError) -> None:
        self.heard.append(("failed", asked, str(error), error.code))

    def lost(self, queries: list[Asked], reason: str) -> None:
        self.heard.append(("lost", queries, reason))

    def silent(self, queries: list[Asked], reason: str) -> None:
        self.heard.append(("silent", queries, reason))


class Unknown:
    """Addresses that somebody else must find first."""

    def __init__(self, finding: Deferred[list[str]]) -> None:
        self._finding = finding

    def resolve(self) -> Deferred[list[str]]:
        return self._finding

    def worked(self, address: str) -> None:
        pass

    def failed(self, address: str) -> None:
        pass

    def came_back(self, question: bytes) -> bool:
        return question == b"own"


class Scene:
    """A pool, the network that it calls out to, and the owner that hears of it."""

    def __init__(
        self, limits: Limits = LIMITS, addresses: AddressSource | None = None
    ) -> None:
        self.clock = Clock()
        self.network = Network(self.clock)
        self.pool = Pool(
            addresses or Addresses([HERE]), self.network.attempt, self.clock, limits
        )
        self.owner = Hearer()
        self.pool.owner = self.owner

    def connect(self, doubt: str = "", proof: Proof | None = None) -> Peer:
        """Make one more connection, and forget what the owner heard of it."""
        self.pool.dial()
        peer = self.network.calls[-1].take(doubt, proof)
        self.heard()
        return peer

    def ask(self, query: Query | None = None) -> Waiting:
        """Send a query over a connection that has room."""
        waiting = Waiting(query or a_query(deadline=60.0))
        assert self.pool.ask(waiting.asked)
        return waiting

    def idle_until(self, seconds: float) -> None:
        """Let time pass, looking after the connections then."""
        self.clock.advance(seconds - self.clock.seconds())
        self.pool.look(self.clock.seconds())

    def heard(self) -> list[tuple[object, ...]]:
        """Return what the owner heard since the last time."""
        heard, self.owner.heard = self.owner.heard, []
        return heard


class DialTests(SynchronousTestCase):
    """How connections are made."""

    def test_on_demand(self) -> None:
        """No connection is made before one is wanted."""
        scene = Scene()
        assert not scene.pool.hopeful
        assert scene.pool.look(0.0) is False
        assert scene.network.calls == []
        scene.pool.dial()
        assert [call.address for call in scene.network.calls] == [HERE]

    def test_one_at_a_time(self) -> None:
        """While one is being made, no other is."""
        scene = Scene()
        for _ in range(3):
            scene.pool.dial()
        assert len(scene.network.calls) == 1
        assert scene.pool.hopeful
        assert not scene.pool.connections
        peer = scene.network.calls[0].take()
        assert scene.heard() == [("connected", peer.connection)]
        assert scene.pool.connections == (peer.connection,)
        assert scene.pool.opened == 1
        scene.pool.dial()
        assert len(scene.network.calls) == 2

    def test_enough(self) -> None:
        """There are never more than the limit; those that drain do not count."""
        scene = Scene()
        first, second = scene.connect(), scene.connect()
        scene.pool.dial()
        assert len(scene.network.calls) == 2
        first.connection.drain()
        third = scene.connect()
        assert scene.pool.connections == (
            first.connection,
            second.connection,
            third.connection,
        )
        scene.pool.dial()
        assert len(scene.network.calls) == 3

    def test_refused(self) -> None:
        """The owner hears that none could be made, where, and why."""
        scene = Scene()
        scene.pool.dial()
        scene.network.calls[0].refuse("refused")
        assert scene.heard() == [("unreachable", f"{HERE}: refused")]
        assert not scene.pool.hopeful
        assert scene.clock.getDelayedCalls() == []
        scene.pool.dial()
        assert len(scene.network.calls) == 2

    def test_no_answer(self) -> None:
        """A call that is not taken is given up in time."""
        scene = Scene(Limits(connect_timeout=2.0))
        scene.pool.dial()
        scene.clock.advance(1.9)
        assert scene.heard() == []
        scene.clock.advance(0.1)
        assert scene.heard() == [("unreachable", f"{HERE}: no connection in time")]
        assert scene.network.calls[0].cancelled

    def test_address_that_worked(self) -> None:
        """The address that worked is the first to be tried the next time."""
        scene = Scene(addresses=Addresses([HERE, THERE]))
        scene.pool.dial()
        scene.clock.advance(STAGGER)
        assert [call.address for call in scene.network.calls] == [HERE, THERE]
        scene.network.calls[1].take()
        scene.pool.dial()
        assert scene.network.calls[2].address == THERE

    def test_address_that_failed(self) -> None:
        """An address that failed is the last to be tried the next time."""
        scene = Scene(addresses=Addresses([HERE, THERE, ELSEWHERE]))
        scene.pool.dial()
        scene.network.calls[0].refuse()
        scene.network.calls[1].take()
        scene.pool.dial()
        for call in (2, 3, 4):
            scene.network.calls[call].refuse()
        addresses = [call.address for call in scene.network.calls]
        assert addresses == [HERE, THERE, THERE, ELSEWHERE, HERE]

    def test_all_addresses_failed(self) -> None:
        """If no address works, the owner hears of each."""
        scene = Scene(addresses=Addresses([HERE, THERE]))
        scene.pool.dial()
        scene.network.calls[0].refuse("refused")
        scene.network.calls[1].refuse("no route")
        reason = f"{HERE}: refused; {THERE}: no route"
        assert scene.heard() == [("unreachable", reason)]

    def test_no_address(self) -> None:
        """If no address can be found, there is nobody to call."""
        scene = Scene(addresses=Unknown(fail(UpstreamError("no such name"))))
        scene.pool.dial()
        assert scene.heard() == [("unreachable", "no such name")]
        assert not scene.pool.hopeful
        assert scene.network.calls == []

    def test_address_later(self) -> None:
        """The address may take its time."""
        finding: Deferred[list[str]] = Deferred()
        scene = Scene(addresses=Unknown(finding))
        scene.pool.dial()
        scene.pool.dial()
        assert scene.pool.hopeful
        finding.callback([THERE])
        assert [call.address for call in scene.network.calls] == [THERE]

    def test_own_question(self) -> None:
        """Whether a question is what the addresses wait for, their source knows."""
        scene = Scene(addresses=Unknown(Deferred()))
        assert scene.pool.awaits(b"own")
        assert not scene.pool.awaits(b"another")

    def test_bug(self) -> None:
        """A bug in the owner is logged, and does not keep others from being called."""
        scene = Scene()

        def connected(connection: Connection) -> None:
            raise RuntimeError("a bug")

        self.patch(scene.owner, "connected", connected)
        scene.connect()
        assert len(self.flushLoggedErrors(RuntimeError)) == 1
        scene.pool.dial()
        assert len(scene.network.calls) == 2


class AskTests(SynchronousTestCase):
    """Which connection gets a query."""

    def test_none(self) -> None:
        """Without a connection that is ready, nobody can be asked."""
        scene = Scene()
        asked = Waiting(a_query()).asked
        assert scene.pool.ask(asked) is False
        scene.pool.dial()
        assert scene.pool.ask(asked) is False

    def test_room(self) -> None:
        """A connection takes queries up to the limit, then the next one does."""
        scene = Scene()
        first, second = scene.connect(), scene.connect()
        for _ in range(4):
            scene.ask()
        assert (len(first.queries), len(second.queries)) == (2, 2)
        assert scene.pool.ask(Waiting(a_query()).asked) is False
        second.answer(second.queries[0])
        scene.ask()
        assert (len(first.queries), len(second.queries)) == (2, 3)

    def test_draining(self) -> None:
        """A connection that drains gets no more queries, though it has room."""
        scene = Scene()
        first = scene.connect()
        scene.ask()
        first.connection.drain()
        assert scene.pool.ask(Waiting(a_query()).asked) is False
        assert not scene.pool.hopeful
        assert len(first.queries) == 1

    def test_over(self) -> None:
        """A query may be meant for one connection: it goes there, or nowhere."""
        scene = Scene()
        first, second = scene.connect(), scene.connect()
        for sent in (True, True, False):
            asked = Waiting(a_query()).asked
            assert scene.pool.ask_over(second.connection, asked) is sent
        assert (len(first.queries), len(second.queries)) == (0, 2)
        first.connection.drain()
        assert scene.pool.ask_over(first.connection, Waiting(a_query()).asked) is False

    def test_padding(self) -> None:
        """Queries are padded to the configured block."""
        for padding, size in ((128, 128), (468, 468)):
            scene = Scene(Limits(padding=padding))
            peer = scene.connect()
            scene.ask()
            assert len(peer.queries[0]) == size

    def test_answer(self) -> None:
        """The owner hears of each answer, and how long it took."""
        scene = Scene()
        peer = scene.connect()
        waiting = scene.ask()
        scene.clock.advance(0.25)
        peer.answer(*peer.queries)
        assert scene.heard() == [("answered", peer.connection, 0.25)]
        assert self.successResultOf(waiting.answer).rcode == 0

    def test_answer_that_cannot_be_read(self) -> None:
        """The owner hears of a query that failed, and why; it may have more hope."""
        scene = Scene()
        peer = scene.connect()
        waiting = scene.ask()
        peer.say(answer_to(peer.queries[0]) + b"more")
        reason = "the answer cannot be read: octets behind the last record"
        assert scene.heard() == [("failed", waiting.asked, reason, NETWORK_ERROR)]
        self.assertNoResult(waiting.answer)


class SilenceTests(SynchronousTestCase):
    """Connections that owe an answer."""

    def test_suspected(self) -> None:
        """The owner hears of it in time, and once; no query goes there any more."""
        scene = Scene()
        peer = scene.connect()
        queries = [scene.ask().asked, scene.ask().asked]
        scene.idle_until(SILENCE_BORNE - 0.1)
        assert scene.heard() == []
        scene.idle_until(SILENCE_BORNE)
        assert scene.heard() == [("silent", queries, "no answer for 1.5 s")]
        assert scene.pool.suspected == 1
        assert not scene.pool.hopeful
        scene.idle_until(SILENCE_BORNE + 1)
        assert scene.heard() == []
        assert not peer.left_politely
        assert not peer.aborted

    def test_not_put_off(self) -> None:
        """Later queries do not put it off."""
        scene = Scene(Limits())
        scene.connect()
        for tenth in range(15):
            scene.idle_until(tenth / 10)
            scene.ask()
        assert scene.pool.suspected == 0
        scene.idle_until(SILENCE_BORNE)
        assert scene.pool.suspected == 1

    def test_impatient_clients(self) -> None:
        """It is noticed, too, if each query by itself waits for less than that."""
        scene = Scene()
        scene.connect()
        for second in range(10):
            scene.idle_until(float(second))
            if not scene.pool.hopeful:
                break
            scene.ask(a_query(deadline=second + 1.0))
        assert scene.pool.suspected == 1

    def test_answers_after_all(self) -> None:
        """What it owed is still taken; then it is closed."""
        scene = Scene()
        peer = scene.connect()
        waiting = scene.ask()
        scene.idle_until(SILENCE_BORNE)
        peer.answer(*peer.queries)
        assert self.successResultOf(waiting.answer).rcode == 0
        assert peer.left_politely

    def test_never_answers(self) -> None:
        """It is closed when nobody can hope for an answer any more."""
        scene = Scene()
        peer = scene.connect()
        waiting = scene.ask(a_query(deadline=5.0))
        scene.idle_until(SILENCE_BORNE)
        scene.idle_until(4.9)
        assert not peer.left_politely
        scene.heard()
        assert scene.pool.look(5.0) is True
        failed = ("failed", waiting.asked, "no answer in time", UNREACHABLE)
        assert scene.heard() == [failed]
        assert peer.left_politely
        scene.clock.advance(GRACE)
        scene.clock.advance(0)
        assert scene.pool.connections == ()
        assert scene.pool.look(7.0) is False


class IdleTests(SynchronousTestCase):
    """How long a connection without a query is kept."""

    def test_configured(self) -> None:
        """It is kept for the configured time from when it was last used."""
        scene = Scene()
        peer = scene.connect()
        scene.idle_until(3.0)
        scene.ask()
        peer.answer(*peer.queries)
        scene.idle_until(10.9)
        assert not peer.left_politely
        assert scene.pool.hopeful
        scene.idle_until(11.0)
        assert peer.left_politely
        assert not scene.pool.hopeful
        peer.hang_up()
        assert scene.heard()[1:] == [("lost", [], "")]
        assert scene.pool.closed_by_peer == 0

    def test_never_used(self) -> None:
        """One that was never used is kept as long from when it was made."""
        scene = Scene()
        scene.clock.advance(100)
        peer = scene.connect()
        scene.idle_until(107.9)
        assert not peer.left_politely
        scene.idle_until(108.0)
        assert peer.left_politely

    def test_busy(self) -> None:
        """One that owes an answer is not idle."""
        scene = Scene(Limits(idle_timeout=0.5))
        peer = scene.connect()
        scene.ask()
        scene.idle_until(1.0)
        assert not peer.left_politely
        assert scene.pool.hopeful

    def test_learned(self) -> None:
        """When the server closes first, the next one is closed before that."""
        scene = Scene()
        first = scene.connect()
        scene.clock.advance(5)
        first.hang_up()
        assert scene.pool.closed_by_peer == 1
        assert scene.heard() == [("lost", [], "")]
        second = scene.connect()
        scene.idle_until(5 + 5 * SHARE - 0.1)
        assert not second.left_politely
        scene.idle_until(5 + 5 * SHARE)
        assert second.left_politely

    def test_forgotten(self) -> None:
        """A limit that was kept grows again, so that one odd close is forgotten."""
        scene = Scene()
        first = scene.connect()
        scene.clock.advance(5)
        first.hang_up()
        scene.connect()
        scene.idle_until(9.0)
        third = scene.connect()
        scene.idle_until(9 + 4 * RELAXATION - 0.1)
        assert not third.left_politely
        scene.idle_until(9 + 4 * RELAXATION)
        assert third.left_politely

    def test_keepalive(self) -> None:
        """What the server says wins over our guess, be it shorter or longer."""
        for tenths, limit in ((20, 2 * SHARE), (300, 30 * SHARE)):
            scene = Scene()
            peer = scene.connect()
            scene.ask()
            told = option(KEEPALIVE, tenths.to_bytes(2, "big"))
            peer.say(answer_to(peer.queries[0], options=told))
            scene.idle_until(limit - 0.1)
            assert not peer.left_politely
            scene.idle_until(limit)
            assert peer.left_politely


class LostTests(SynchronousTestCase):
    """Connections that are gone."""

    def test_before_the_first_answer(self) -> None:
        """That nothing ever came speaks against the server; the oldest comes first."""
        scene = Scene()
        peer = scene.connect()
        queries = [scene.ask().asked, scene.ask().asked]
        peer.hang_up()
        reason = "connection lost before the first answer"
        assert scene.heard() == [("lost", queries, reason)]
        assert scene.pool.connections == ()
        assert scene.pool.closed_by_peer == 1

    def test_after_an_answer(self) -> None:
        """A server that has answered may hang up; that says nothing against it."""
        scene = Scene()
        peer = scene.connect()
        scene.ask()
        peer.answer(*peer.queries)
        unanswered = scene.ask()
        peer.hang_up()
        assert scene.heard()[1:] == [("lost", [unanswered.asked], "")]

    def test_suspect(self) -> None:
        """What speaks against the server is not said again when a suspect is lost."""
        scene = Scene()
        peer = scene.connect()
        waiting = scene.ask()
        scene.idle_until(SILENCE_BORNE)
        scene.heard()
        peer.hang_up()
        assert scene.heard() == [("lost", [waiting.asked], "")]

    def test_not_idle(self) -> None:
        """A connection that was lost at work teaches nothing about idle ones."""
        scene = Scene()
        first = scene.connect()
        scene.ask()
        scene.clock.advance(5)
        first.hang_up()
        second = scene.connect()
        scene.idle_until(12.9)
        assert not second.left_politely
        scene.idle_until(13.0)
        assert second.left_politely

    def test_given_up(self) -> None:
        """A connection that we give up is not counted as closed by the peer."""
        scene = Scene()
        peer = scene.connect()
        waiting = scene.ask()
        peer.connection.abort()
        scene.clock.advance(0)
        reason = "connection lost before the first answer"
        assert scene.heard() == [("lost", [waiting.asked], reason)]
        assert scene.pool.closed_by_peer == 0

    def test_others_stay(self) -> None:
        """The loss of one connection leaves the others alone."""
        scene = Scene()
        first, second = scene.connect(), scene.connect()
        first.hang_up()
        assert scene.pool.connections == (second.connection,)
        scene.ask()
        assert len(second.queries) == 1


class CountTests(SynchronousTestCase):
    """What is counted, for whoever looks."""

    def test_endings(self) -> None:
        """Connections that ended count by their reason, the last with its time."""
        scene = Scene()
        scene.connect().hang_up()
        peer = scene.connect()
        scene.ask()
        scene.idle_until(SILENCE_BORNE)
        scene.clock.advance(1.0)
        peer.hang_up()
        assert scene.pool.closed == {Ending.PEER: 1, Ending.SILENT: 1}
        assert scene.pool.last_closed == (Ending.SILENT, SILENCE_BORNE + 1.0)

    def test_idle(self) -> None:
        """One that idles ends for that, though the peer says goodbye, too."""
        scene = Scene()
        peer = scene.connect()
        scene.idle_until(8.0)
        peer.hang_up()
        assert scene.pool.closed == {Ending.IDLE: 1}

    def test_slept(self) -> None:
        """After a sleep that is the reason."""
        scene = Scene()
        peer = scene.connect()
        scene.pool.suspect_all()
        scene.pool.suspect_all()
        peer.hang_up()
        assert scene.pool.closed == {Ending.SLEPT: 1}

    def test_messages(self) -> None:
        """What comes too late, or answers nothing, counts on when the line is gone."""
        scene = Scene()
        peer = scene.connect()
        scene.ask(a_query(deadline=1.0))
        scene.clock.advance(1.0)
        peer.connection.expire(1.0)
        peer.answer(*peer.queries, *peer.queries)
        assert (scene.pool.late, scene.pool.faulty) == (1, 1)
        peer.hang_up()
        assert (scene.pool.late, scene.pool.faulty) == (1, 1)

    def test_handshakes(self) -> None:
        """How long it took to connect is counted, and how long the chain holds."""
        scene = Scene()
        scene.pool.dial()
        scene.clock.advance(0.2)
        scene.network.calls[-1].take()
        assert len(scene.pool.handshakes) == 1
        self.assertAlmostEqual(scene.pool.handshakes.sum, 0.2)

    def test_in_vain(self) -> None:
        """Nobody, somebody else, and a call that was given up are three things."""
        scene = Scene()
        for reason, counts in (
            (UpstreamError("refused"), (0, 1)),
            (Unverified("expired"), (1, 1)),
        ):
            scene.pool.dial()
            scene.network.calls[-1].fail(reason)
            assert (scene.pool.refused, scene.pool.unreached) == counts
        scene.pool.dial()
        scene.pool.stop()
        assert (scene.pool.refused, scene.pool.unreached) == (1, 1)


class NoticeTests(SynchronousTestCase):
    """What the log hears about peers that pass."""

    def logged(
        self, scene: Scene, doubt: str, proof: Proof | None = None
    ) -> list[str | None]:
        """Return what is logged when a connection is made, which then is lost."""
        with capturedLogs() as events:
            scene.connect(doubt, proof).hang_up()
        return [formatEvent(event) for event in events]

    def test_once(self) -> None:
        """The doubt is logged once, and again when it is another one, or is back."""
        scene = Scene()
        expired = f"{HERE} is not authenticated: expired"
        self_signed = f"{HERE} is not authenticated: self-signed"
        for doubt, logged in (
            ("expired", [expired]),
            ("expired", []),
            ("self-signed", [self_signed]),
            ("self-signed", []),
            ("", []),
            ("self-signed", [self_signed]),
        ):
            assert self.logged(scene, doubt) == logged

    def test_proof(self) -> None:
        """What is odd about a peer that is believed is said once; all of it is kept."""
        scene = Scene()
        proof = Proof(0.0, ("key",), 86_400.0, 0.0)
        soon = f"{HERE} has a certificate that expires 1970-01-02"
        assert self.logged(scene, "", proof) == [soon]
        assert self.logged(scene, "", proof) == []
        assert scene.pool.warnings.proof is proof


class DrainTests(SynchronousTestCase):
    def test_drain(self) -> None:
        """What is unused is hung up politely, what owes an answer after that came."""
        scene = Scene()
        busy, idle = scene.connect(), scene.connect()
        scene.ask()
        scene.pool.drain()
        assert (busy.left_politely, idle.left_politely) == (False, True)
        busy.answer(*busy.queries)
        assert busy.left_politely
        assert (busy.aborted, idle.aborted) == (False, False)

    def test_while_dialling(self) -> None:
        """A call that is under way is given up."""
        scene = Scene()
        scene.pool.dial()
        scene.pool.drain()
        assert scene.network.calls[0].cancelled
        assert scene.clock.getDelayedCalls() == []


class SleepTests(SynchronousTestCase):
    def test_suspect_all(self) -> None:
        """All connections drain; the owner hears what they owe, and blames nobody."""
        scene = Scene()
        first, second = scene.connect(), scene.connect()
        waiting = scene.ask()
        scene.pool.suspect_all()
        assert scene.heard() == [("silent", [waiting.asked], ""), ("silent", [], "")]
        assert not first.left_politely, "it may still answer"
        assert second.left_politely
        assert not scene.pool.hopeful
        assert scene.pool.suspected == 0
        scene.pool.suspect_all()
        assert scene.heard() == [], "those that drain are trusted with nothing more"


class StopTests(SynchronousTestCase):
    def test_stop(self) -> None:
        """All connections are lost in the next turn, those that drain too."""
        scene = Scene()
        first, second = scene.connect(), scene.connect()
        waiting = scene.ask()
        second.connection.drain()
        scene.pool.stop()
        assert first.aborted
        assert second.aborted
        scene.clock.advance(0)
        assert scene.pool.connections == ()
        assert [queries for _, queries, _ in scene.heard()] == [[waiting.asked], []]
        assert scene.clock.getDelayedCalls() == []

    def test_while_dialling(self) -> None:
        """A call that is under way is given up."""
        scene = Scene()
        scene.pool.dial()
        scene.pool.stop()
        assert scene.network.calls[0].cancelled
        assert not scene.pool.hopeful
        assert scene.clock.getDelayedCalls() == []

    def test_while_resolving(self) -> None:
        """So is the search for an address."""
        finding: Deferred[list[str]] = Deferred()
        scene = Scene(addresses=Unknown(finding))
        scene.pool.dial()
        scene.pool.stop()
        assert finding.called
        assert not scene.pool.hopeful
        assert scene.network.calls == []
