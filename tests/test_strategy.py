"""Which upstreams are asked, in which order, and when the next."""

from collections.abc import Sequence
from random import Random
from typing import Any, cast

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from dotproxy.config.model import STRATEGIES
from dotproxy.upstream.asked import Server
from dotproxy.upstream.interface import (
    NETWORK_ERROR,
    UNREACHABLE,
    IUpstream,
    UpstreamError,
)
from dotproxy.upstream.strategy import EXPLORATION, Order, Strategy, order_by
from dotproxy.upstream.ticker import TICK
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query
from tests.fakes import FakeServer, counts, make_answer, make_query
from tests.traces import follow

PATIENCE = 5.0
"""Seconds until the deadline of the queries in these tests."""


class Scripted(Random):
    """Draws that are written down; a sample is the same in reverse."""

    def __init__(self, *draws: float) -> None:
        super().__init__()
        self._draws = iter(draws)

    def random(self) -> float:
        return next(self._draws)

    def sample(self, population: Sequence[Any], k: int, **_: Any) -> list[Any]:
        return list(population)[::-1][:k]


class OrderTests(SynchronousTestCase):
    """Orders, seen as the names of the upstreams."""

    def setUp(self) -> None:
        self.upstreams = [FakeServer(name, Clock()) for name in "abc"]

    def names(self, order: Order, query: Query | None = None) -> str:
        upstreams = cast(list[Server], self.upstreams)
        return "".join(each.name for each in order(upstreams, query or make_query()))

    def test_all_that_can_be_configured(self) -> None:
        """Every strategy that can be configured has an order of all upstreams."""
        for strategy in STRATEGIES:
            order = order_by(strategy, Random(1))
            assert sorted(self.names(order)) == ["a", "b", "c"]

    def test_unknown(self) -> None:
        """There is no order by any other name."""
        with pytest.raises(KeyError):
            order_by("slowest", Random(1))

    def test_given_list(self) -> None:
        """No order changes the list that it was given."""
        for strategy in STRATEGIES:
            order_by(strategy, Random(1))(cast(Any, self.upstreams), make_query())
            assert [each.name for each in self.upstreams] == ["a", "b", "c"]

    def test_failover(self) -> None:
        """Failover keeps to the order given, however fast they are."""
        self.upstreams[2].health.answered(0.001)
        order = order_by("failover", Random(1))
        assert {self.names(order) for _ in range(9)} == {"abc"}

    def test_race(self) -> None:
        """So does a race, in which the order hardly matters."""
        assert self.names(order_by("race", Random(1))) == "abc"

    def test_round_robin(self) -> None:
        """In round-robin each comes first in turn, and the others follow in theirs."""
        order = order_by("round-robin", Random(1))
        assert [self.names(order) for _ in range(4)] == ["abc", "bca", "cab", "abc"]

    def test_two_round_robins(self) -> None:
        """Two groups do not share their turns."""
        first, second = (order_by("round-robin", Random(1)) for _ in range(2))
        assert (self.names(first), self.names(second)) == ("abc", "abc")

    def test_random(self) -> None:
        """At random, all orders come, each as often as any other."""
        order = order_by("random", Random(1))
        seen = [self.names(order) for _ in range(600)]
        orders = ("abc", "acb", "bac", "bca", "cab", "cba")
        assert set(seen) == set(orders)
        assert all(70 <= seen.count(each) <= 130 for each in orders)

    def test_fastest(self) -> None:
        """The one that usually answers soonest comes first, the slowest last."""
        for upstream, seconds in zip(self.upstreams, (0.3, 0.1, 0.2), strict=True):
            upstream.health.answered(seconds)
        assert self.names(order_by("fastest", Scripted(0.5))) == "bca"

    def test_never_measured(self) -> None:
        """One that was never measured comes before those that were."""
        self.upstreams[0].health.answered(0.001)
        self.upstreams[2].health.answered(0.0001)
        assert self.names(order_by("fastest", Scripted(0.5))) == "bca"

    def test_exploration(self) -> None:
        """One query in 64 goes to anybody, to see whether it got faster."""
        order = order_by("fastest", Scripted(EXPLORATION, EXPLORATION - 1e-9, 0.9))
        assert [self.names(order) for _ in range(3)] == ["abc", "cba", "abc"]
        assert EXPLORATION == 1 / 64

    def test_split(self) -> None:
        """A name always has the same order, however spelled, whatever the type."""
        order = order_by("split", Random(1))
        for name in ("example.com", "www.example.com", "example.net"):
            first = self.names(order, make_query(name))
            assert self.names(order, make_query(name.upper())) == first
            assert self.names(order, make_query(name, "HTTPS")) == first

    def test_split_is_stable(self) -> None:
        """That holds over restarts, so nobody gets to see all names in time."""
        orders = [order_by("split", Random(seed)) for seed in (1, 2)]
        queries = [make_query(f"{number}.example") for number in range(20)]
        one, other = ([self.names(order, it) for it in queries] for order in orders)
        assert one == other
        assert one[:4] == ["bca", "abc", "cab", "abc"]

    def test_split_evenly(self) -> None:
        """Of many names each upstream gets its share, and only that."""
        order = order_by("split", Random(1))
        queries = [make_query(f"{number}.example") for number in range(300)]
        first = [self.names(order, query)[0] for query in queries]
        assert all(70 <= first.count(name) <= 130 for name in "abc")


class StrategyTests(SynchronousTestCase):
    def setUp(self) -> None:
        """Begin at 100 s, with three upstreams that are up."""
        self.clock = Clock()
        self.clock.advance(100)
        self.upstreams = [
            FakeServer(name, self.clock) for name in ("one", "two", "three")
        ]
        self.one, self.two, self.three = self.upstreams
        self.strategy = self.strategy_of("failover")

    def tearDown(self) -> None:
        """When nothing is under way any more, no timer is left."""
        for upstream in self.upstreams:
            for asked in upstream.asked:
                asked.settle(make_answer(make_query()))
        self.clock.advance(1)
        assert self.clock.getDelayedCalls() == []

    def strategy_of(self, name: str) -> Strategy:
        order = order_by(name, Random(1))
        upstreams = cast(list[Server], self.upstreams)
        return Strategy(upstreams, order, self.clock, race=name == "race")

    def ask(
        self, name: str = "example.com", patience: float = PATIENCE
    ) -> Deferred[Answer]:
        query = make_query(name)
        query.deadline = self.clock.seconds() + patience
        return self.strategy.exchange(query)

    def pass_time(self, seconds: float) -> None:
        """Let time pass in steps of 10 ms."""
        self.clock.pump([0.01] * round(seconds * 100))

    def error(self, answering: Deferred[Answer]) -> tuple[str, int]:
        error = self.failureResultOf(answering, UpstreamError).value
        return str(error), error.code


class AskTests(StrategyTests):
    def test_interface(self) -> None:
        """A group can be asked as if it were one upstream."""
        assert verifyObject(IUpstream, self.strategy)

    def test_one(self) -> None:
        """While all is well one upstream is asked, and nobody else."""
        answering = self.ask()
        answer = self.one.answer()
        assert self.successResultOf(answering) is answer
        self.pass_time(2)
        assert counts(self.upstreams) == [1, 0, 0]

    def test_turns(self) -> None:
        """The order is asked anew for each query."""
        self.strategy = self.strategy_of("round-robin")
        for _ in range(4):
            self.ask()
        assert counts(self.upstreams) == [2, 1, 1]

    def test_order_goes_on(self) -> None:
        """Where the first fails, the next in the order is asked."""
        self.strategy = self.strategy_of("round-robin")
        self.ask()
        self.ask()
        self.two.fail()
        assert counts(self.upstreams) == [1, 1, 1]

    def test_race(self) -> None:
        """In a race all are asked at once; the first wins, the others are let go."""
        self.strategy = self.strategy_of("race")
        answering = self.ask()
        assert counts(self.upstreams) == [1, 1, 1]
        answer = self.two.answer()
        assert self.successResultOf(answering) is answer
        assert len(self.one.forgotten) == len(self.three.forgotten) == 1

    def test_at_once(self) -> None:
        """An answer on the spot leaves nothing to look after."""
        self.one.at_once = make_answer(make_query())
        assert self.successResultOf(self.ask()) is self.one.at_once
        assert self.clock.getDelayedCalls() == []

    def test_failed_at_once(self) -> None:
        """Nor does a failure of all of them on the spot."""
        for upstream in self.upstreams:
            upstream.at_once = UpstreamError(f"{upstream.name}: stopped")
        expected = "one: stopped; two: stopped; three: stopped"
        assert self.error(self.ask()) == (expected, NETWORK_ERROR)
        assert self.clock.getDelayedCalls() == []


class LateTests(StrategyTests):
    def test_next_is_asked_too(self) -> None:
        """When one is late by its own measure, the next is asked too."""
        self.one.health.answered(0.1)
        assert self.one.health.patience == pytest.approx(0.3)
        answering = self.ask()
        self.pass_time(0.29)
        assert counts(self.upstreams) == [1, 0, 0]
        self.pass_time(0.07)
        assert counts(self.upstreams) == [1, 1, 0]
        answer = self.two.answer()
        assert self.successResultOf(answering) is answer
        assert len(self.one.forgotten) == 1

    def test_hedges(self) -> None:
        """It is counted how often that was done, and not where nobody was left."""
        strategy = self.strategy_of("failover")
        query = make_query()
        query.deadline = self.clock.seconds() + 5
        strategy.exchange(query)
        self.pass_time(4.9)
        assert (counts(self.upstreams), strategy.hedges) == ([1, 1, 1], 2)

    def test_late_one_answers(self) -> None:
        """The first good answer wins, be it the late one's."""
        answering = self.ask()
        self.pass_time(1.1)
        assert counts(self.upstreams) == [1, 1, 0]
        answer = self.one.answer()
        assert self.successResultOf(answering) is answer
        assert len(self.two.forgotten) == 1

    def test_each_in_turn(self) -> None:
        """One after the other is asked, each once, until none is left."""
        self.ask()
        seen = []
        for _ in range(4):
            self.pass_time(1.1)
            seen.append(counts(self.upstreams))
        assert seen == [[1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 1]]

    def test_each_query_by_itself(self) -> None:
        """Of two queries, only the one that is late is asked again."""
        self.ask("first.example")
        self.pass_time(0.5)
        self.ask("second.example")
        self.pass_time(0.6)
        assert [asked.query.question for asked in self.two.asked] == [
            make_query("first.example").question
        ]

    def test_answered(self) -> None:
        """A query that is answered is looked after no more."""
        answering = self.ask()
        self.one.answer()
        self.successResultOf(answering)
        self.pass_time(0.1)
        assert self.clock.getDelayedCalls() == []


class DeadlineTests(StrategyTests):
    def test_no_answer(self) -> None:
        """At the deadline it fails: nobody answered (RFC 8914 section 4.23)."""
        answering = self.ask(patience=2.5)
        self.pass_time(2.49)
        self.assertNoResult(answering)
        self.pass_time(0.06)
        assert self.error(answering) == ("no answer in time", UNREACHABLE)
        assert [len(each.forgotten) for each in self.upstreams] == [1, 1, 1]

    def test_to_the_tick(self) -> None:
        """It fails at the deadline, where the clock strikes it, and not after it."""
        answering = self.ask(patience=TICK)
        self.clock.advance(TICK)
        assert self.error(answering) == ("no answer in time", UNREACHABLE)

    def test_refused(self) -> None:
        """Where all could not be reached it fails at once, with another code."""
        answering = self.ask()
        for upstream in self.upstreams:
            upstream.fail("refused")
        expected = "one: refused; two: refused; three: refused"
        assert self.error(answering) == (expected, NETWORK_ERROR)
        assert NETWORK_ERROR == 23

    def test_nobody_asked_after(self) -> None:
        """Nobody is asked after the deadline, late or failed as the others may be."""
        answering = self.ask(patience=0.5)
        self.pass_time(0.49)
        self.clock.advance(2)
        self.error(answering)
        assert counts(self.upstreams) == [1, 0, 0]

    def test_deadline_has_passed(self) -> None:
        """A query that comes after its deadline is not asked, and fails."""
        answering = self.ask(patience=0)
        self.pass_time(0.06)
        assert self.error(answering)[0] == "no answer in time"
        assert counts(self.upstreams) == [0, 0, 0]

    def test_one_ends_another(self) -> None:
        """Who gives up another query at the end of one disturbs nobody else's."""
        first, second, third = (self.ask(patience=0.5) for _ in range(3))
        given_up: list[Failure] = []
        first.addErrback(lambda _: second.cancel())
        second.addErrback(given_up.append)
        self.pass_time(0.6)
        assert given_up[0].check(CancelledError)
        assert self.error(third) == ("no answer in time", UNREACHABLE)


class CancelTests(StrategyTests):
    def test_let_go(self) -> None:
        """Who cancels is failed at once, and all that were asked are let go."""
        answering = self.ask()
        self.pass_time(1.1)
        answering.cancel()
        self.failureResultOf(answering, CancelledError)
        assert [len(each.forgotten) for each in self.upstreams] == [1, 1, 0]
        self.pass_time(3)
        assert counts(self.upstreams) == [1, 1, 0]


class DownTests(StrategyTests):
    """Some upstreams are down, and others serve."""

    def down(self, upstream: FakeServer, times: int = 1) -> None:
        """Let an upstream fail so often, and so be tried again only later."""
        for _ in range(times):
            upstream.go_down()

    def test_not_asked_first(self) -> None:
        """One that is down is not asked, whatever the order."""
        for name in ("failover", "fastest", "round-robin", "random", "split"):
            self.strategy = self.strategy_of(name)
            self.down(self.one, 20)
            before = len(self.one.asked)
            for number in range(10):
                self.ask(f"{number}.example")
            assert len(self.one.asked) == before

    def test_not_raced(self) -> None:
        """Nor does it take part in a race."""
        self.strategy = self.strategy_of("race")
        self.down(self.two)
        self.ask()
        assert counts(self.upstreams) == [1, 0, 1]

    def test_asked_last(self) -> None:
        """It is asked after those that are up, if it may be tried again."""
        self.down(self.one, 4)
        self.pass_time(0.6)
        self.ask()
        self.two.fail()
        assert counts(self.upstreams) == [0, 1, 1]
        self.three.fail()
        assert counts(self.upstreams) == [1, 1, 1]

    def test_not_asked_at_all(self) -> None:
        """It is not asked even then if it was tried just now."""
        self.down(self.one)
        answering = self.ask()
        self.two.fail()
        self.three.fail()
        assert self.error(answering)[0] == "two: refused; three: refused"
        assert counts(self.upstreams) == [0, 1, 1]

    def test_connection_at_hand(self) -> None:
        """It is asked even then if a connection is at hand, or on its way."""
        self.down(self.one)
        self.one.hopeful = True
        self.ask()
        self.two.fail()
        self.three.fail()
        assert counts(self.upstreams) == [1, 1, 1]

    def test_probe(self) -> None:
        """When it may be tried again, one query is lent to it, and asked beside."""
        self.down(self.one)
        self.pass_time(0.11)
        answering = self.ask()
        assert counts(self.upstreams) == [1, 1, 0]
        self.ask()
        assert counts(self.upstreams) == [1, 2, 0]
        answer = self.one.answer()
        assert self.successResultOf(answering) is answer

    def test_probe_in_a_race(self) -> None:
        """That holds in a race, too."""
        self.strategy = self.strategy_of("race")
        self.down(self.two)
        self.pass_time(0.11)
        self.ask()
        self.ask()
        assert counts(self.upstreams) == [2, 1, 2]

    def test_one_probe_per_query(self) -> None:
        """A query is lent to one of those that are down, not to all."""
        self.down(self.one)
        self.down(self.two)
        self.pass_time(0.11)
        self.ask()
        assert counts(self.upstreams) == [1, 0, 1]
        self.ask()
        assert counts(self.upstreams) == [1, 1, 2]

    def test_probe_does_not_delay(self) -> None:
        """Who is late is seen by the one that serves, and not by the probe."""
        self.two.health.answered(0.05)
        self.down(self.one)
        self.pass_time(0.11)
        self.ask()
        self.pass_time(0.25)
        assert counts(self.upstreams) == [1, 1, 1]

    def test_probe_fails_at_once(self) -> None:
        """A probe that fails on the spot sends the query to nobody else."""
        self.down(self.one)
        self.pass_time(0.11)
        self.one.at_once = UpstreamError("one: too many queries wait")
        self.ask()
        assert counts(self.upstreams) == [1, 1, 0]

    def test_how_often(self) -> None:
        """Probes come after 0.1, 0.2, 0.4 s and so on, at most 5 s apart."""
        self.down(self.one)
        times: list[float] = []
        before = self.clock.seconds()
        for _ in range(2200):
            self.pass_time(0.01)
            answering = self.ask()
            if len(self.one.asked) > len(times):
                times.append(self.clock.seconds())
                self.one.go_down()
            self.two.answer()
            self.successResultOf(answering)
        waits = [t - s for s, t in zip([before, *times], times, strict=False)]
        expected = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
        assert waits == pytest.approx(expected, abs=0.021)

    def test_back(self) -> None:
        """Once it answered it is asked first again."""
        self.down(self.one, 3)
        self.one.come_up()
        self.ask()
        assert counts(self.upstreams) == [1, 0, 0]


class DarkTests(StrategyTests):
    """All upstreams are down."""

    def setUp(self) -> None:
        super().setUp()
        for upstream, reason in zip(
            self.upstreams, ("refused", "no route", "no TLS"), strict=True
        ):
            upstream.go_down(reason)

    def test_nothing_due(self) -> None:
        """While none may be tried again it fails at once, with every reason."""
        expected = "one: refused; two: no route; three: no TLS"
        assert self.error(self.ask()) == (expected, NETWORK_ERROR)
        assert counts(self.upstreams) == [0, 0, 0]
        assert self.clock.getDelayedCalls() == []

    def test_due(self) -> None:
        """When they may be tried again all are, at once, and the first wins."""
        self.pass_time(0.11)
        answering = self.ask()
        assert counts(self.upstreams) == [1, 1, 1]
        answer = self.two.answer()
        assert self.successResultOf(answering) is answer

    def test_some_due(self) -> None:
        """Those that may not be tried again are left alone."""
        self.one.go_down()
        self.pass_time(0.11)
        self.ask()
        assert counts(self.upstreams) == [0, 1, 1]

    def test_connection_at_hand(self) -> None:
        """One with a connection at hand, or on its way, is asked by every query."""
        self.two.hopeful = True
        self.ask()
        self.ask()
        assert counts(self.upstreams) == [0, 2, 0]

    def test_all_fail(self) -> None:
        """When all fail again, so does the query, with every reason."""
        self.pass_time(0.11)
        answering = self.ask()
        for upstream in self.upstreams:
            upstream.fail("still refused")
        expected = "one: still refused; two: still refused; three: still refused"
        assert self.error(answering) == (expected, NETWORK_ERROR)

    def test_how_often(self) -> None:
        """Each is tried after 0.1, 0.2, 0.4 s, and then every 0.5 s."""
        times: list[float] = []
        before = self.clock.seconds()
        for _ in range(300):
            self.pass_time(0.01)
            answering = self.ask()
            if len(self.one.asked) > len(times):
                times.append(self.clock.seconds())
                for upstream in self.upstreams:
                    upstream.go_down()
                    upstream.fail()
            self.error(answering)
        waits = [t - s for s, t in zip([before, *times], times, strict=False)]
        assert waits == pytest.approx([0.1, 0.2, 0.4] + [0.5] * 4, abs=0.021)

    def test_light(self) -> None:
        """As soon as one answered, it serves, and the others get probes only."""
        self.three.come_up()
        self.ask()
        assert counts(self.upstreams) == [0, 0, 1]
        self.pass_time(0.11)
        self.ask()
        assert counts(self.upstreams) == [1, 0, 2]


class DrainTests(StrategyTests):
    def drained(self) -> list[bool]:
        return [each.drained for each in self.upstreams]

    def test_idle(self) -> None:
        """Where nothing is under way, all hang up at once."""
        self.successResultOf(self.strategy.drain())
        assert self.drained() == [True] * 3
        assert self.clock.getDelayedCalls() == []

    def test_under_way(self) -> None:
        """What is under way may still ask the next; only then do they hang up."""
        answering = self.ask()
        draining = self.strategy.drain()
        self.one.fail()
        self.pass_time(TICK)
        assert self.drained() == [False] * 3
        answer = self.two.answer()
        assert self.successResultOf(answering) is answer
        self.pass_time(TICK)
        self.successResultOf(draining)
        assert self.drained() == [True] * 3
        assert self.clock.getDelayedCalls() == []

    def test_deadline(self) -> None:
        """What nobody answers holds it up until its deadline."""
        answering = self.ask()
        draining = self.strategy.drain()
        self.pass_time(PATIENCE - TICK)
        assert self.drained() == [False] * 3
        self.pass_time(3 * TICK)
        self.error(answering)
        self.successResultOf(draining)
        assert self.clock.getDelayedCalls() == []

    def test_goodbye(self) -> None:
        """It takes until the last connection is gone."""
        self.two.quiet = False
        draining = self.strategy.drain()
        self.pass_time(TICK)
        self.assertNoResult(draining)
        self.two.quiet = True
        self.pass_time(TICK)
        self.successResultOf(draining)

    def test_stop(self) -> None:
        """Who is in a hurry after all cancels and stops; nothing is left to happen."""
        answering = self.ask()
        draining = self.strategy.drain()
        draining.cancel()
        self.strategy.stop()
        self.failureResultOf(draining, CancelledError)
        self.error(answering)
        assert self.clock.getDelayedCalls() == []


class StopTests(StrategyTests):
    def test_stop(self) -> None:
        """Stopping stops every upstream, fails what is under way, and ticks no more."""
        answering = self.ask()
        self.strategy.stop()
        assert [each.stopped for each in self.upstreams] == [True] * 3
        assert "one: stopped" in self.error(answering)[0]
        assert "one: stopped" in self.error(self.ask())[0]
        assert self.clock.getDelayedCalls() == []

    def test_idle(self) -> None:
        """Stopping where nothing is under way is harmless."""
        self.strategy.stop()
        assert [each.stopped for each in self.upstreams] == [True] * 3


class TraceTests(SynchronousTestCase):
    def test_order(self) -> None:
        """A trace has the strategy, and who is asked in which order."""
        clock = Clock()
        servers = cast(list[Server], [FakeServer(name, clock) for name in "ab"])
        strategy = Strategy(servers, order_by("failover", Random(1)), clock)
        strategy.name = "failover"
        query = make_query()
        query.deadline = PATIENCE
        told = follow(query)
        strategy.exchange(query)
        assert told.steps[0] == "strategy: failover: a (up), then b (up)"
