"""One upstream, whatever becomes of the connections to it."""

from unittest import mock

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream import connection
from dotproxy.upstream.addresses import Addresses, AddressSource
from dotproxy.upstream.asked import MOST_WAITING
from dotproxy.upstream.connection import SILENCE_BORNE
from dotproxy.upstream.dot import MOST_REPLAYS, DoT
from dotproxy.upstream.health import PAUSE_WHILE_SERVED
from dotproxy.upstream.interface import (
    NETWORK_ERROR,
    UNREACHABLE,
    UpstreamError,
)
from dotproxy.upstream.pool import Limits, Pool
from dotproxy.upstream.ticker import OVERSLEPT, TICK
from dotproxy.wire.answer import Answer
from dotproxy.wire.edns import KEEPALIVE, option
from dotproxy.wire.query import parse_query
from tests.connections import Call, Network, Peer, Waiting, a_query, answer_to
from tests.traces import Told, follow

HERE = "192.0.2.1"

LOST_EARLY = "connection lost before the first answer"


class Lost:
    """Addresses that are never found, because we are asked for them ourselves."""

    def __init__(self, name: str) -> None:
        self._question = a_query(name).question

    def resolve(self) -> Deferred[list[str]]:
        return Deferred()

    def worked(self, address: str) -> None:
        pass

    def failed(self, address: str) -> None:
        pass

    def came_back(self, question: bytes) -> bool:
        return question == self._question


class Scene:
    """An upstream that is called "lab", and the network that it calls out to."""

    def __init__(
        self,
        in_flight: int = 2,
        connections: int = 2,
        addresses: AddressSource | None = None,
    ) -> None:
        self.clock = Clock()
        self.network = Network(self.clock)
        limits = Limits(max_in_flight=in_flight, max_connections=connections)
        source = addresses or Addresses([HERE])
        pool = Pool(source, self.network.attempt, self.clock, limits)
        self.dot = DoT("lab", pool, self.clock)

    @property
    def calls(self) -> list[Call]:
        """The calls that the upstream has made."""
        return self.network.calls

    def ask(self, *names: str, deadline: float = 60.0) -> list[Deferred[Answer]]:
        """Ask for each of these names."""
        several = [Waiting(a_query(name, deadline)) for name in names]
        for waiting in several:
            waiting.asked = self.dot.ask(waiting.asked.query, waiting)
        return [waiting.answer for waiting in several]

    def proven(self) -> Peer:
        """Connect, and answer one query."""
        self.ask("first")
        peer = self.calls[-1].take()
        peer.answer(*peer.queries)
        return peer

    def wait(self, seconds: float) -> None:
        """Let time pass, tick by tick."""
        self.clock.pump([TICK] * round(seconds / TICK))


def names(peer: Peer) -> list[str]:
    """Return the names that a peer was asked for, which have one label each."""
    return [parse_query(it).question[1:-5].decode() for it in peer.queries]


class DemandTests(SynchronousTestCase):
    """When a connection is made, and who gets which query."""

    def test_on_demand(self) -> None:
        """The first query makes a connection; those that come meanwhile wait for it."""
        scene = Scene(in_flight=256)
        assert scene.calls == []
        answers = scene.ask("a", "b", "c")
        assert len(scene.calls) == 1
        peer = scene.calls[0].take()
        assert names(peer) == ["a", "b", "c"]
        for query, answer in zip(peer.queries, answers, strict=True):
            self.assertNoResult(answer)
            peer.answer(query)
            assert self.successResultOf(answer).body == answer_to(query)

    def test_hopeful(self) -> None:
        """There is hope while a connection is made, and once it is there."""
        scene = Scene()
        assert not scene.dot.hopeful
        scene.ask("a")
        assert scene.dot.hopeful
        scene.calls[0].take()
        assert scene.dot.hopeful

    def test_kept(self) -> None:
        """A connection that is there is used at once."""
        scene = Scene()
        peer = scene.proven()
        (answer,) = scene.ask("a")
        assert names(peer) == ["first", "a"]
        peer.answer(peer.queries[1])
        self.successResultOf(answer)
        assert len(scene.calls) == 1

    def test_idle(self) -> None:
        """A connection that idles is closed, and nothing more happens."""
        scene = Scene()
        peer = scene.proven()
        scene.wait(7.9)
        assert not peer.left_politely
        scene.wait(0.2)
        assert peer.left_politely
        peer.hang_up()
        scene.wait(0.2)
        assert scene.clock.getDelayedCalls() == []

    def test_room(self) -> None:
        """Where there is no room, more connections are made, one at a time."""
        scene = Scene(in_flight=2, connections=2)
        answers = scene.ask(*"abcdef")
        first = scene.calls[0].take()
        assert names(first) == ["a", "b"]
        assert len(scene.calls) == 2
        second = scene.calls[1].take()
        assert names(second) == ["c", "d"]
        assert len(scene.calls) == 2, "that is all that may be made"
        second.answer(second.queries[0])
        assert names(second) == ["c", "d", "e"], "an answer makes room"
        first.answer(*first.queries)
        assert names(first) == ["a", "b", "f"]
        first.answer(first.queries[2])
        second.answer(*second.queries[1:])
        for answer in answers:
            self.successResultOf(answer)

    def test_too_many(self) -> None:
        """Only so many queries may wait; one more fails at once."""
        scene = Scene()
        waiting = scene.ask(*["a"] * MOST_WAITING)
        assert MOST_WAITING == 4096
        (refused,) = scene.ask("b")
        failure = self.failureResultOf(refused, UpstreamError)
        assert str(failure.value) == "lab: too many queries wait"
        for answer in waiting:
            self.assertNoResult(answer)
        scene.calls[0].refuse()
        for answer in waiting:
            self.failureResultOf(answer, UpstreamError)
        scene.ask("c")
        assert len(scene.calls) == 2

    def test_repr(self) -> None:
        """An upstream says in one line how it is."""
        scene = Scene()
        assert repr(scene.dot) == "<DoT lab up, 0 wait, []>"
        (answer,) = scene.ask("a")
        assert repr(scene.dot) == "<DoT lab up, 1 wait, []>"
        scene.calls[0].refuse()
        self.failureResultOf(answer, UpstreamError)
        scene.ask("b")
        scene.calls[1].take()
        assert repr(scene.dot) == (
            "<DoT lab down, 0 wait, [<Connection ready, 1 under way>]>"
        )


class CountTests(SynchronousTestCase):
    def test_counts(self) -> None:
        """What came, is under way and waits is counted."""
        scene = Scene(in_flight=2)
        scene.proven()
        scene.ask("a", "b", "c")
        counts = scene.dot.queries, scene.dot.in_flight, scene.dot.waiting
        assert counts == (4, 2, 1)
        assert scene.dot.now == scene.clock.seconds()

    def test_not_in_time(self) -> None:
        """What had no answer in time is counted once, sent or not."""
        scene = Scene()
        for answer in scene.ask("a", "b", deadline=0.5):
            answer.addErrback(lambda _: None)
        scene.wait(0.6)
        assert scene.dot.timed_out == 2
        scene.calls[-1].take()
        (answer,) = scene.ask("c", deadline=1.0)
        answer.addErrback(lambda _: None)
        scene.wait(0.6)
        assert scene.dot.timed_out == 3


class WaitTests(SynchronousTestCase):
    """Queries that wait for a connection."""

    def test_unreachable(self) -> None:
        """If none can be made they fail at once, and say why."""
        scene = Scene()
        answers = scene.ask("a", "b")
        scene.calls[0].refuse("refused")
        for answer in answers:
            failure = self.failureResultOf(answer, UpstreamError)
            assert str(failure.value) == f"lab: {HERE}: refused"
            assert failure.value.code == NETWORK_ERROR
        assert scene.dot.health.down
        assert scene.dot.health.reason == f"{HERE}: refused"
        scene.wait(TICK)
        assert scene.clock.getDelayedCalls() == []

    def test_no_further_connection(self) -> None:
        """If only a further one fails, the upstream is not down."""
        scene = Scene()
        *_, third = scene.ask("a", "b", "c")
        scene.calls[0].take()
        scene.calls[1].refuse("refused")
        failure = self.failureResultOf(third, UpstreamError)
        assert str(failure.value) == f"lab: {HERE}: refused"
        assert not scene.dot.health.down

    def test_deadline(self) -> None:
        """At its deadline a query waits no longer."""
        scene = Scene()
        (early,) = scene.ask("a", deadline=1.0)
        (late,) = scene.ask("b")
        scene.clock.advance(0.95)
        self.assertNoResult(early)
        scene.clock.advance(TICK)
        assert scene.clock.seconds() == 1.0
        failure = self.failureResultOf(early, UpstreamError)
        assert str(failure.value) == "lab: no connection in time"
        assert failure.value.code == UNREACHABLE == 22
        self.assertNoResult(late)
        assert repr(scene.dot) == "<DoT lab up, 1 wait, []>"
        assert names(scene.calls[0].take()) == ["b"]

    def test_abandoned(self) -> None:
        """A query that nobody waits for any more is not sent."""
        scene = Scene()
        first, second = scene.ask("a", "b")
        first.cancel()
        self.failureResultOf(first, CancelledError)
        peer = scene.calls[0].take()
        assert names(peer) == ["b"]
        peer.answer(*peer.queries)
        self.successResultOf(second)

    def test_own_address(self) -> None:
        """A query for what the connection waits for does not wait for itself."""
        scene = Scene(addresses=Lost("own"))
        own, other = scene.ask("own", "other")
        scene.wait(TICK)
        failure = self.failureResultOf(own, UpstreamError)
        assert str(failure.value) == "lab: its address is looked up by asking us"
        self.assertNoResult(other)
        assert not scene.dot.health.down

    def test_abandoned_for_room(self) -> None:
        """Nor does it take the room that an answer makes."""
        scene = Scene(in_flight=1, connections=1)
        *_, gone, waiting = scene.ask("a", "b", "c")
        peer = scene.calls[0].take()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        peer.answer(peer.queries[0])
        assert names(peer) == ["a", "c"]
        self.assertNoResult(waiting)

    def test_probe(self) -> None:
        """To an upstream that is down it is sent: an answer shows that it is back."""
        scene = Scene()
        (failed,) = scene.ask("a")
        scene.calls[0].refuse()
        self.failureResultOf(failed, UpstreamError)
        (probe,) = scene.ask("b")
        probe.cancel()
        self.failureResultOf(probe, CancelledError)
        peer = scene.calls[1].take()
        assert names(peer) == ["b"]
        assert scene.dot.health.down
        peer.answer(*peer.queries)
        assert not scene.dot.health.down


class LossTests(SynchronousTestCase):
    """Connections that are lost."""

    def test_idle(self) -> None:
        """If it idled nothing fails, and the next query makes a new one."""
        scene = Scene()
        with capturedLogs() as events:
            scene.proven().hang_up()
            scene.wait(1)
        assert events == []
        assert not scene.dot.health.down
        assert len(scene.calls) == 1
        (answer,) = scene.ask("a")
        peer = scene.calls[1].take()
        peer.answer(*peer.queries)
        self.successResultOf(answer)

    def test_replayed(self) -> None:
        """Queries under way are asked once more, on a new connection."""
        scene = Scene()
        first = scene.proven()
        answers = scene.ask("a", "b")
        first.hang_up()
        for answer in answers:
            self.assertNoResult(answer)
        assert len(scene.calls) == 2
        second = scene.calls[1].take()
        assert names(second) == ["a", "b"]
        assert scene.dot.replayed == 2
        second.answer(*second.queries)
        for answer in answers:
            self.successResultOf(answer)

    def test_once(self) -> None:
        """A query fails whose connection was lost before any answer, and the next.

        It may be the query that kills them.
        """
        scene = Scene()
        (answer,) = scene.ask("a")
        scene.calls[0].take().hang_up()
        scene.calls[1].take().hang_up()
        failure = self.failureResultOf(answer, UpstreamError)
        assert str(failure.value) == "lab: connection lost"
        assert failure.value.code == NETWORK_ERROR
        assert scene.dot.replayed == 1
        assert len(scene.calls) == 2

    def test_once_in_vain(self) -> None:
        """So it does if only the last of them was lost before any answer."""
        scene = Scene()
        first = scene.proven()
        (answer,) = scene.ask("a")
        first.hang_up()
        self.assertNoResult(answer)
        scene.calls[1].take().hang_up()
        failure = self.failureResultOf(answer, UpstreamError)
        assert str(failure.value) == "lab: connection lost"
        assert len(scene.calls) == 2

    def test_several_times(self) -> None:
        """It has five chances if each connection answered others before it was lost."""
        scene = Scene()
        (answer,) = scene.ask("a")
        for connections in range(1, MOST_REPLAYS + 2):
            self.assertNoResult(answer)
            assert len(scene.calls) == connections
            peer = scene.calls[-1].take()
            (other,) = scene.ask("b")
            peer.answer(peer.queries[1])
            self.successResultOf(other)
            peer.hang_up()
        failure = self.failureResultOf(answer, UpstreamError)
        assert str(failure.value) == "lab: connection lost"
        assert MOST_REPLAYS == scene.dot.replayed == 4
        assert len(scene.calls) == 5
        assert not scene.dot.health.down

    def test_fifty_at_a_time(self) -> None:
        """A server that hangs up after every 50 answers answers 200 under way."""
        scene = Scene(in_flight=256)
        labels = [f"n{number}" for number in range(200)]
        answers = scene.ask(*labels)
        answered = []
        for _ in range(4):
            peer = scene.calls[-1].take()
            answered += names(peer)[:50]
            peer.answer(*peer.queries[:50])
            peer.hang_up()
        assert answered == labels, "the oldest come first"
        for answer in answers:
            self.successResultOf(answer)
        assert len(scene.calls) == 4
        assert scene.dot.replayed == 150 + 100 + 50
        assert not scene.dot.health.down

    def test_first_in_line(self) -> None:
        """What is asked again goes before what never was, the oldest first."""
        scene = Scene(in_flight=2, connections=1)
        scene.ask(*"abcd")
        scene.calls[0].take().hang_up()
        peer = scene.calls[1].take()
        assert names(peer) == ["a", "b"]
        peer.answer(*peer.queries)
        assert names(peer) == ["a", "b", "c", "d"]

    def test_not_on_another(self) -> None:
        """A replay does not go to another connection of the same age."""
        scene = Scene()
        scene.ask("a", "b", "c")
        first, second = scene.calls[0].take(), scene.calls[1].take()
        assert names(second) == ["c"]
        second.answer(*second.queries)
        first.answer(first.queries[1])
        first.hang_up()
        assert len(scene.calls) == 3
        third = scene.calls[2].take()
        assert names(second) == ["c"]
        assert names(third) == ["a"]

    def test_by_another_answer(self) -> None:
        """But an answer shows that the other one lives: it takes a replay, too."""
        scene = Scene(in_flight=1)
        scene.ask("a", "b", "c")
        first, second = scene.calls[0].take(), scene.calls[1].take()
        first.hang_up()
        assert names(second) == ["b"]
        second.answer(*second.queries)
        assert names(second) == ["b", "a"]
        second.answer(second.queries[1])
        assert names(second) == ["b", "a", "c"]
        assert len(scene.calls) == 3

    def test_replay_without_room(self) -> None:
        """A replay that finds the new connection full gets the first room there."""
        scene = Scene(in_flight=1, connections=1)
        answers = scene.ask("a", "b")
        scene.calls[0].take().hang_up()
        peer = scene.calls[1].take()
        for _ in answers:
            peer.answer(peer.queries[-1])
        assert sorted(names(peer)) == ["a", "b"]
        for answer in answers:
            self.successResultOf(answer)

    def test_making_do(self) -> None:
        """If no new one can be made, one that is left has to do."""
        scene = Scene()
        scene.ask("a", "b", "c")
        first, second = scene.calls[0].take(), scene.calls[1].take()
        first.answer(first.queries[1])
        first.hang_up()
        scene.calls[2].refuse()
        assert names(second) == ["c", "a"]
        assert not scene.dot.health.down

    def test_abandoned_while_making_do(self) -> None:
        """But not for a query that nobody waits for any more."""
        scene = Scene()
        gone, *_ = scene.ask("a", "b", "c")
        first, second = scene.calls[0].take(), scene.calls[1].take()
        first.answer(first.queries[1])
        first.hang_up()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        scene.calls[2].refuse()
        assert names(second) == ["c"]

    def test_unreadable(self) -> None:
        """An answer that cannot be read fails its query, and loses no connection."""
        scene = Scene()
        broken, fine = scene.ask("a", "b")
        peer = scene.calls[0].take()
        peer.say(answer_to(peer.queries[0]) + b"more")
        failure = self.failureResultOf(broken, UpstreamError)
        reason = "the answer cannot be read: octets behind the last record"
        assert str(failure.value) == f"lab: {reason}"
        assert failure.value.code == NETWORK_ERROR
        peer.answer(peer.queries[1])
        self.successResultOf(fine)
        assert len(scene.calls) == 1

    def test_no_new_one(self) -> None:
        """If there is none at all, the query fails with the reason of the last try."""
        scene = Scene()
        (answer,) = scene.ask("a")
        scene.calls[0].take().hang_up()
        scene.calls[1].refuse("refused")
        failure = self.failureResultOf(answer, UpstreamError)
        assert str(failure.value) == f"lab: {HERE}: refused"

    def test_abandoned(self) -> None:
        """A query that nobody waits for any more is not asked again."""
        scene = Scene()
        (answer,) = scene.ask("a")
        peer = scene.calls[0].take()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        peer.hang_up()
        assert len(scene.calls) == 1
        assert scene.dot.replayed == 0

    def test_others_wait(self) -> None:
        """If others wait for room, the loss of a connection makes a new one."""
        scene = Scene(in_flight=1, connections=1)
        gone, _ = scene.ask("a", "b")
        peer = scene.calls[0].take()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        peer.hang_up()
        scene.wait(TICK)
        assert len(scene.calls) == 2
        assert names(scene.calls[1].take()) == ["b"]

    def test_others_wait_while_draining(self) -> None:
        """So does the server's word that it takes no more queries (RFC 7828 3.4)."""
        scene = Scene(in_flight=1, connections=1)
        scene.ask("a", "b")
        peer = scene.calls[0].take()
        peer.say(answer_to(peer.queries[0], options=option(KEEPALIVE, b"\0\0")))
        assert names(peer) == ["a"]
        scene.wait(TICK)
        assert len(scene.calls) == 2
        assert names(scene.calls[1].take()) == ["b"]

    def test_before_the_first_answer(self) -> None:
        """A connection that brought no answer at all speaks against the server."""
        scene = Scene()
        scene.ask("a")
        scene.calls[0].take().hang_up()
        assert scene.dot.health.down
        assert scene.dot.health.reason == LOST_EARLY

    def test_after_an_answer(self) -> None:
        """One that brought answers does not: servers hang up when they like."""
        scene = Scene()
        peer = scene.proven()
        scene.ask("a")
        peer.hang_up()
        assert not scene.dot.health.down


class SleepTests(SynchronousTestCase):
    """The machine was asleep: nobody knows which connections are still good."""

    def asleep(self, scene: Scene) -> None:
        """Let time pass in which nothing runs, not even the clock's own ticks."""
        scene.clock.rightNow += TICK + OVERSLEPT

    def test_query_first(self) -> None:
        """A query that comes first goes over a new connection, at once."""
        scene = Scene()
        peer = scene.proven()
        self.asleep(scene)
        scene.ask("a")
        assert names(peer) == ["first"]
        assert peer.left_politely
        assert names(scene.calls[1].take()) == ["a"]
        assert not scene.dot.health.down

    def test_tick_first(self) -> None:
        """What was under way is asked again on a new one; the old one may answer."""
        scene = Scene()
        peer = scene.proven()
        (answer,) = scene.ask("a")
        scene.clock.advance(TICK + OVERSLEPT)
        assert len(scene.calls) == 2
        assert names(scene.calls[1].take()) == ["a"]
        assert not scene.dot.health.down
        peer.answer(peer.queries[1])
        self.successResultOf(answer)

    def test_awake(self) -> None:
        """A clock that is a little late is no reason to doubt."""
        scene = Scene()
        peer = scene.proven()
        scene.clock.rightNow += OVERSLEPT
        scene.ask("a")
        assert names(peer) == ["first", "a"]

    def test_draining(self) -> None:
        """What drains already is left alone."""
        scene = Scene()
        peer = scene.proven()
        scene.ask("a")
        peer.connection.drain()
        self.asleep(scene)
        scene.ask("b")
        assert scene.dot.replayed == 0


class QuietTests(SynchronousTestCase):
    def test_quiet(self) -> None:
        """It is quiet while there is no connection."""
        scene = Scene()
        assert scene.dot.quiet
        peer = scene.proven()
        assert not scene.dot.quiet
        scene.dot.drain()
        peer.hang_up()
        assert scene.dot.quiet


class SilenceTests(SynchronousTestCase):
    """Connections that take queries and answer nothing."""

    def silent(self, scene: Scene) -> tuple[Peer, Deferred[Answer]]:
        """Return a peer that has fallen silent, and what it owes."""
        peer = scene.proven()
        (answer,) = scene.ask("a")
        scene.wait(SILENCE_BORNE - 2 * TICK)
        assert len(scene.calls) == 1
        scene.wait(3 * TICK)
        return peer, answer

    def test_suspected(self) -> None:
        """It gets no new query; a new connection is made, and the upstream is down."""
        scene = Scene()
        peer, _ = self.silent(scene)
        assert len(scene.calls) == 2
        assert scene.dot.health.down
        assert scene.dot.health.reason == "no answer for 1.5 s"
        scene.ask("b")
        assert names(peer) == ["first", "a"]
        assert not peer.aborted
        assert names(scene.calls[1].take()) == ["a", "b"]
        assert scene.dot.replayed == 1

    def test_new_one_answers(self) -> None:
        """If the new connection answers first, that answer counts."""
        scene = Scene()
        peer, answer = self.silent(scene)
        second = scene.calls[1].take()
        second.answer(*second.queries)
        assert self.successResultOf(answer).body == answer_to(second.queries[0])
        assert not scene.dot.health.down
        peer.answer(peer.queries[1])
        assert len(scene.calls) == 2

    def test_old_one_answers(self) -> None:
        """If the old one answers after all, that answer counts."""
        scene = Scene()
        peer, answer = self.silent(scene)
        second = scene.calls[1].take()
        peer.answer(peer.queries[1])
        assert self.successResultOf(answer).body == answer_to(peer.queries[1])
        assert not scene.dot.health.down
        second.answer(*second.queries)
        assert second.connection.pending.faulty == 0

    def test_old_one_answers_early(self) -> None:
        """If it does before there is a new one, the query is not sent again."""
        scene = Scene()
        peer, answer = self.silent(scene)
        peer.answer(peer.queries[1])
        self.successResultOf(answer)
        assert scene.calls[1].take().queries == []

    def test_old_one_lost(self) -> None:
        """The loss of the old one does not fail what is under way on the new one."""
        scene = Scene()
        peer, answer = self.silent(scene)
        second = scene.calls[1].take()
        peer.hang_up()
        self.assertNoResult(answer)
        assert len(scene.calls) == 2
        second.answer(*second.queries)
        self.successResultOf(answer)

    def test_old_one_lost_early(self) -> None:
        """Nor what waits for the new one."""
        scene = Scene()
        peer, answer = self.silent(scene)
        peer.hang_up()
        self.assertNoResult(answer)
        assert names(scene.calls[1].take()) == ["a"]

    def test_new_one_lost(self) -> None:
        """Nor does the loss of the new one, while the old one may still answer."""
        scene = Scene()
        peer, answer = self.silent(scene)
        scene.calls[1].take().hang_up()
        self.assertNoResult(answer)
        peer.answer(peer.queries[1])
        self.successResultOf(answer)

    def test_no_new_one(self) -> None:
        """Nor does it if no new one can be made."""
        scene = Scene()
        peer, answer = self.silent(scene)
        scene.calls[1].refuse()
        self.assertNoResult(answer)
        peer.answer(peer.queries[1])
        self.successResultOf(answer)

    def test_both_lost(self) -> None:
        """When both are lost, the query fails."""
        scene = Scene()
        peer, answer = self.silent(scene)
        second = scene.calls[1].take()
        peer.hang_up()
        second.hang_up()
        failure = self.failureResultOf(answer, UpstreamError)
        assert str(failure.value) == "lab: connection lost"
        assert len(scene.calls) == 2

    def test_both_silent(self) -> None:
        """A query is not asked a third time; its deadline ends it."""
        scene = Scene()
        scene.proven()
        (answer,) = scene.ask("a", deadline=5.0)
        scene.wait(SILENCE_BORNE + TICK)
        scene.calls[1].take()
        scene.wait(SILENCE_BORNE + TICK)
        assert scene.dot.pool.suspected == 2
        self.assertNoResult(answer)
        scene.wait(2)
        failure = self.failureResultOf(answer, UpstreamError)
        assert str(failure.value) == "lab: no answer in time"
        assert failure.value.code == UNREACHABLE
        assert scene.dot.replayed == 1
        assert len(scene.calls) == 2

    def test_deadline(self) -> None:
        """At its deadline a query fails that is under way and waits as well."""
        scene = Scene()
        scene.proven()
        (answer,) = scene.ask("a", deadline=3.0)
        scene.wait(3.0 - TICK)
        assert len(scene.calls) == 3, "it was called again"
        self.assertNoResult(answer)
        scene.wait(2 * TICK)
        failure = self.failureResultOf(answer, UpstreamError)
        assert failure.value.code == UNREACHABLE
        assert names(scene.calls[1].take()) == []

    def test_old_one_talks_nonsense(self) -> None:
        """An answer that cannot be read is none: the other one may still come."""
        scene = Scene()
        peer, answer = self.silent(scene)
        second = scene.calls[1].take()
        peer.say(answer_to(peer.queries[1]) + b"more")
        self.assertNoResult(answer)
        second.answer(*second.queries)
        self.successResultOf(answer)

    def test_old_one_lost_late(self) -> None:
        """The loss of a suspect does not count again, once the new one has answered."""
        scene = Scene()
        scene.ask("a")
        suspect = scene.calls[0].take()
        scene.wait(SILENCE_BORNE + TICK)
        second = scene.calls[1].take()
        second.answer(*second.queries)
        assert not scene.dot.health.down
        suspect.hang_up()
        assert not scene.dot.health.down

    def test_steady_load(self) -> None:
        """However many queries keep coming, none waits long for a dead connection."""
        scene = Scene(in_flight=256)
        dead = scene.proven()
        answers = []
        for _ in range(60):
            answers += scene.ask("a")
            scene.wait(TICK)
            for call in scene.calls[1:]:
                if not call.connecting.called:
                    alive = call.take()
            if len(scene.calls) > 1:
                alive.answer(*alive.queries[alive.connection.answers :])
        assert len(scene.calls) == 2
        assert len(dead.queries) == 1 + round(SILENCE_BORNE / TICK)
        for answer in answers:
            self.successResultOf(answer)


class HealthTests(SynchronousTestCase):
    """What is known of the upstream, and what is logged of it."""

    def test_log(self) -> None:
        """Each change is logged once: down and why, and that it answers again."""
        scene = Scene()
        with capturedLogs() as events:
            for reason in ("refused", "refused", "no route", "no route"):
                (answer,) = scene.ask("a")
                scene.calls[-1].refuse(reason)
                self.failureResultOf(answer, UpstreamError)
            peer = scene.proven()
            scene.ask("b")
            peer.answer(peer.queries[1])
            peer.hang_up()
            scene.ask("c")
            scene.calls[-1].take().hang_up()
        logged = [(event["log_level"].name, formatEvent(event)) for event in events]
        assert logged == [
            ("warn", f"lab is down: {HERE}: refused"),
            ("warn", f"lab is down: {HERE}: no route"),
            ("info", "lab answers again"),
            ("warn", f"lab is down: {LOST_EARLY}"),
        ]

    def test_time(self) -> None:
        """The time to answer is that of the server, without the wait to connect."""
        scene = Scene()
        scene.ask("a")
        scene.wait(1)
        peer = scene.calls[0].take()
        scene.clock.advance(0.2)
        peer.answer(*peer.queries)
        usual = scene.dot.health.usual
        assert usual is not None
        assert abs(usual - 0.2) < 1e-9

    def test_tried(self) -> None:
        """A query to an upstream that is down starts the pause before the next try."""
        scene = Scene()
        (answer,) = scene.ask("a")
        scene.calls[0].refuse()
        self.failureResultOf(answer, UpstreamError)
        scene.wait(10)
        now = scene.clock.seconds()
        assert scene.dot.health.due(now, PAUSE_WHILE_SERVED)
        scene.ask("b")
        assert not scene.dot.health.due(now, PAUSE_WHILE_SERVED)


class DrainTests(SynchronousTestCase):
    """The end, where nobody is in a hurry."""

    def test_under_way(self) -> None:
        """What is under way is answered, then the connection is closed politely."""
        scene = Scene()
        peer = scene.proven()
        (answer,) = scene.ask("a")
        scene.dot.drain()
        self.assertNoResult(answer)
        peer.answer(peer.queries[-1])
        self.successResultOf(answer)
        assert peer.left_politely
        assert not peer.aborted
        peer.hang_up()
        scene.wait(2 * TICK)
        assert scene.clock.getDelayedCalls() == []

    def test_never_answered(self) -> None:
        """What is not answered is waited for until its deadline, and no longer."""
        scene = Scene()
        peer = scene.proven()
        (answer,) = scene.ask("a")
        scene.dot.drain()
        scene.wait(59)
        assert not peer.left_politely
        scene.wait(1.1)
        self.failureResultOf(answer, UpstreamError)
        assert peer.left_politely
        scene.wait(1.1)
        assert peer.aborted
        assert scene.clock.getDelayedCalls() == []

    def test_afterwards(self) -> None:
        """Nobody is called for what waits, is lost or comes; nothing is logged."""
        scene = Scene(in_flight=1, connections=1)
        under_way, waiting = scene.ask("a", "b")
        peer = scene.calls[0].take()
        with capturedLogs() as events:
            scene.dot.drain()
            peer.hang_up()
            (late,) = scene.ask("c")
        for answer in (under_way, waiting, late):
            self.failureResultOf(answer, UpstreamError)
        scene.wait(2 * TICK)
        assert len(scene.calls) == 1
        assert [formatEvent(event) for event in events] == []
        assert scene.clock.getDelayedCalls() == []


class StopTests(SynchronousTestCase):
    """The end."""

    def test_under_way(self) -> None:
        """What is under way fails, and nothing is left to happen."""
        scene = Scene()
        peer = scene.proven()
        answers = scene.ask("a", "b", "c")
        scene.dot.stop()
        assert peer.aborted
        scene.clock.advance(0)
        for answer in answers:
            failure = self.failureResultOf(answer, UpstreamError)
            assert str(failure.value).startswith("lab: ")
        assert scene.clock.getDelayedCalls() == []
        assert scene.dot.replayed == 0

    def test_waiting(self) -> None:
        """What waits for room fails at once."""
        scene = Scene(in_flight=1, connections=1)
        *_, waiting = scene.ask("a", "b")
        scene.calls[0].take()
        scene.dot.stop()
        failure = self.failureResultOf(waiting, UpstreamError)
        assert str(failure.value) == "lab: stopped"

    def test_dialling(self) -> None:
        """What waits for a connection fails at once, and the call is given up."""
        scene = Scene()
        (waiting,) = scene.ask("a")
        scene.dot.stop()
        failure = self.failureResultOf(waiting, UpstreamError)
        assert scene.calls[0].cancelled
        assert scene.clock.getDelayedCalls() == []
        assert str(failure.value) == "lab: stopped"

    def test_nothing_sent(self) -> None:
        """What waits is not sent on the way out, though somebody has room for it."""
        scene = Scene()
        waiting, *_ = scene.ask("a", "b", "c")
        first, second = scene.calls[0].take(), scene.calls[1].take()
        first.answer(first.queries[1])
        first.hang_up()
        scene.dot.stop()
        assert names(second) == ["c"]
        failure = self.failureResultOf(waiting, UpstreamError)
        assert str(failure.value) == "lab: stopped"

    def test_afterwards(self) -> None:
        """Afterwards every query fails at once, and nobody is called."""
        scene = Scene()
        scene.dot.stop()
        (answer,) = scene.ask("a")
        failure = self.failureResultOf(answer, UpstreamError)
        assert str(failure.value) == "lab: stopped"
        assert scene.calls == []
        assert scene.clock.getDelayedCalls() == []

    def test_quiet(self) -> None:
        """To stop is no failure of the server, and not logged as one."""
        scene = Scene()
        (answer,) = scene.ask("a")
        scene.calls[0].take()
        with capturedLogs() as events:
            scene.dot.stop()
            scene.clock.advance(0)
        self.failureResultOf(answer, UpstreamError)
        assert [formatEvent(event) for event in events] == []


class TraceTests(SynchronousTestCase):
    """What is told of connections."""

    def setUp(self) -> None:
        """Leave out what leaves: the peers of these tests have no address."""
        patch = mock.patch.object(connection, "note_sent")
        patch.start()
        self.addCleanup(patch.stop)

    def ask(self, scene: Scene) -> Told:
        waiting = Waiting(a_query("a", 60.0))
        told = follow(waiting.asked.query)
        scene.dot.ask(waiting.asked.query, waiting)
        return told

    def test_wait(self) -> None:
        """A query that waits for a connection says so."""
        told = self.ask(Scene())
        assert told.steps == ["connection: none has room, so it waits for one"]

    def test_lost(self) -> None:
        """So does one whose connection is lost, and that it is asked again."""
        scene = Scene()
        peer = scene.proven()
        told = self.ask(scene)
        peer.hang_up()
        assert told.steps == [
            "connection: lost while it owed the answer",
            "retry: lab, once more",
            "connection: none has room, so it waits for one",
        ]

    def test_silent(self) -> None:
        """So does one whose connection is silent."""
        scene = Scene()
        scene.proven()
        told = self.ask(scene)
        scene.wait(SILENCE_BORNE + 0.2)
        assert told.steps[:2] == [
            f"connection: no answer for {SILENCE_BORNE} s",
            "retry: lab, once more",
        ]
