"""One query on its way through the upstreams of a group."""

from typing import Any, cast

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream.exchange import Exchange
from dotproxy.upstream.interface import NETWORK_ERROR, UNREACHABLE, UpstreamError
from dotproxy.wire.answer import Answer
from tests.fakes import (
    FORMERR,
    NOTIMP,
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    FakeServer,
    counts,
    make_answer,
    make_query,
)
from tests.traces import follow

DEADLINE = 105.0


class ExchangeTests(SynchronousTestCase):
    def setUp(self) -> None:
        """Begin at 100 s, with 5 s to go, and three upstreams."""
        self.clock = Clock()
        self.clock.advance(100)
        self.query = make_query()
        self.query.deadline = DEADLINE
        self.upstreams = [
            FakeServer(name, self.clock) for name in ("one", "two", "three")
        ]
        self.one, self.two, self.three = self.upstreams

    def tearDown(self) -> None:
        """An exchange has no timers of its own."""
        assert self.clock.getDelayedCalls() == []

    def begin(self, *upstreams: FakeServer) -> Exchange:
        """Ask the first of these upstreams, or of all three."""
        candidates = cast(Any, upstreams or self.upstreams)
        exchange = Exchange(self.query, candidates, self.clock)
        exchange.ask_next()
        return exchange

    def answer(self, exchange: Exchange) -> Answer:
        return self.successResultOf(exchange.result)

    def error(self, exchange: Exchange) -> tuple[str, int]:
        """Return the words and the code of its failure."""
        error = self.failureResultOf(exchange.result, UpstreamError).value
        return str(error), error.code


class OneByOneTests(ExchangeTests):
    def test_first(self) -> None:
        """One upstream is asked, and its answer is the result."""
        exchange = self.begin()
        assert self.one.asked[0].query is self.query
        self.assertNoResult(exchange.result)
        assert not exchange.settled
        answer = self.one.answer()
        assert self.answer(exchange) is answer
        assert exchange.settled
        assert counts(self.upstreams) == [1, 0, 0]

    def test_failed(self) -> None:
        """When one fails, the next is asked at once."""
        exchange = self.begin()
        self.one.fail()
        assert counts(self.upstreams) == [1, 1, 0]
        answer = self.two.answer()
        assert self.answer(exchange) is answer

    def test_failed_at_once(self) -> None:
        """That goes on until one does not fail on the spot."""
        self.one.at_once = self.two.at_once = UpstreamError("stopped")
        exchange = self.begin()
        assert counts(self.upstreams) == [1, 1, 1]
        assert exchange.asked == 3
        answer = self.three.answer()
        assert self.answer(exchange) is answer

    def test_answered_at_once(self) -> None:
        """An answer on the spot is as good as any."""
        self.one.at_once = make_answer(self.query)
        assert self.answer(self.begin()) is self.one.at_once

    def test_all_failed(self) -> None:
        """When all failed it ends at once, and says what each one said."""
        exchange = self.begin()
        for upstream in self.upstreams:
            upstream.fail("connection lost")
        expected = "one: connection lost; two: connection lost; three: connection lost"
        assert self.error(exchange) == (expected, NETWORK_ERROR)

    def test_none_left(self) -> None:
        """Where one fails and none is left, those under way may still answer."""
        exchange = self.begin(self.one, self.two)
        exchange.ask_next()
        self.two.fail()
        self.assertNoResult(exchange.result)
        answer = self.one.answer()
        assert self.answer(exchange) is answer


class ExcuseTests(ExchangeTests):
    def test_another_may_know(self) -> None:
        """An RCODE that speaks of the server leads to the next (RFC 1035 4.1.1)."""
        for rcode in (SERVFAIL, REFUSED, FORMERR, NOTIMP):
            exchange = self.begin()
            self.one.answer(rcode)
            self.assertNoResult(exchange.result)
            answer = self.two.answer()
            assert self.answer(exchange) is answer

    def test_no_such_name(self) -> None:
        """That there is no such name is an answer."""
        exchange = self.begin()
        answer = self.one.answer(NXDOMAIN)
        assert self.answer(exchange) is answer
        assert counts(self.upstreams) == [1, 0, 0]

    def test_all_say_so(self) -> None:
        """When all say that they cannot tell, the first word is the result."""
        exchange = self.begin()
        first = self.one.answer(REFUSED)
        self.two.answer(SERVFAIL)
        self.three.answer(NOTIMP)
        assert self.answer(exchange) is first

    def test_better_than_an_error(self) -> None:
        """The word of one counts for more than the failures of the others."""
        exchange = self.begin()
        self.one.fail()
        said = self.two.answer(SERVFAIL)
        self.three.fail()
        assert self.answer(exchange) is said

    def test_truncated(self) -> None:
        """An answer that was cut is not taken when another upstream has it whole."""
        exchange = self.begin()
        self.one.answer(truncated=True)
        self.assertNoResult(exchange.result)
        whole = self.two.answer()
        assert self.answer(exchange) is whole

    def test_truncated_and_nothing_else(self) -> None:
        """An answer that was cut is better than none."""
        exchange = self.begin(self.one)
        cut = self.one.answer(truncated=True)
        assert self.answer(exchange) is cut

    def test_truncated_beats_excuses(self) -> None:
        """An answer that was cut beats a SERVFAIL, before or after it."""
        for rcodes in ((SERVFAIL, 0, REFUSED), (0, SERVFAIL, REFUSED)):
            exchange = self.begin()
            said = [
                upstream.answer(rcode, truncated=not rcode)
                for upstream, rcode in zip(self.upstreams, rcodes, strict=True)
            ]
            assert self.answer(exchange) is said[rcodes.index(0)]


class LateTests(ExchangeTests):
    def test_patience(self) -> None:
        """An upstream is late by its own measure."""
        self.one.health.answered(0.1)
        exchange = self.begin()
        assert exchange.late_at == 100 + self.one.health.patience
        self.clock.advance(2)
        exchange.ask_next()
        assert exchange.late_at == 102 + self.two.health.patience == 103

    def test_nobody_is_late(self) -> None:
        """Before the first is asked, and when all were, nobody is late."""
        exchange = Exchange(self.query, cast(Any, [self.one]), self.clock)
        assert exchange.late_at == float("inf")
        assert exchange.ask_next()
        assert not exchange.ask_next()
        assert exchange.late_at == float("inf")

    def test_other_wins(self) -> None:
        """The one asked later wins if it answers first; the other is let go."""
        exchange = self.begin()
        exchange.ask_next()
        answer = self.two.answer()
        assert self.answer(exchange) is answer
        assert self.one.forgotten == [self.query]
        assert counts(self.upstreams) == [1, 1, 0]

    def test_late_one_wins(self) -> None:
        """The late one wins if it answers first after all; the other is let go."""
        exchange = self.begin()
        exchange.ask_next()
        answer = self.one.answer()
        assert self.answer(exchange) is answer
        assert self.two.forgotten == [self.query]

    def test_excuse_of_one(self) -> None:
        """The first good answer wins, not the first."""
        exchange = self.begin(self.one, self.two)
        exchange.ask_next()
        self.two.answer(SERVFAIL)
        self.assertNoResult(exchange.result)
        answer = self.one.answer()
        assert self.answer(exchange) is answer

    def test_no_need(self) -> None:
        """When the result is there, nobody else is asked."""
        exchange = self.begin()
        self.one.answer()
        self.answer(exchange)
        assert not exchange.ask_next()
        assert counts(self.upstreams) == [1, 0, 0]


class DeadlineTests(ExchangeTests):
    def test_too_late_to_ask(self) -> None:
        """Nobody is asked at the deadline or after it."""
        exchange = self.begin()
        self.clock.advance(5)
        assert not exchange.ask_next()
        assert exchange.late_at == float("inf")
        assert counts(self.upstreams) == [1, 0, 0]
        self.one.answer()
        self.answer(exchange)

    def test_failed_too_late(self) -> None:
        """One that fails after the deadline ends it, though others were left."""
        exchange = self.begin()
        self.clock.advance(5)
        self.one.fail()
        assert self.error(exchange) == ("one: refused", NETWORK_ERROR)
        assert counts(self.upstreams) == [1, 0, 0]

    def test_no_answer(self) -> None:
        """At the deadline it fails: nobody answered (RFC 8914 section 4.23)."""
        exchange = self.begin()
        exchange.ask_next()
        exchange.conclude()
        assert self.error(exchange) == ("no answer in time", UNREACHABLE)
        assert UNREACHABLE == 22
        assert self.one.forgotten == self.two.forgotten == [self.query]

    def test_no_answer_and_a_failure(self) -> None:
        """At the deadline it says what is known of those that failed."""
        exchange = self.begin()
        self.one.fail("refused")
        exchange.conclude()
        assert self.error(exchange) == ("one: refused", UNREACHABLE)

    def test_own_deadline(self) -> None:
        """It is the same where the upstream itself sees the deadline first."""
        exchange = self.begin()
        self.clock.advance(5)
        self.one.fail("no answer in time", UNREACHABLE)
        assert self.error(exchange) == ("one: no answer in time", UNREACHABLE)

    def test_second_best(self) -> None:
        """At the deadline there is the best that was said, and the rest is let go."""
        exchange = self.begin()
        said = self.one.answer(SERVFAIL)
        exchange.conclude()
        assert self.answer(exchange) is said
        assert self.two.forgotten == [self.query]

    def test_settled_before(self) -> None:
        """Where the result is there already, the deadline changes nothing."""
        exchange = self.begin()
        answer = self.one.answer()
        exchange.conclude()
        assert self.answer(exchange) is answer
        exchange = self.begin()
        exchange.result.cancel()
        exchange.conclude()
        self.failureResultOf(exchange.result, CancelledError)


class CancelTests(ExchangeTests):
    def test_lets_go(self) -> None:
        """Who cancels is failed at once, and all that were asked are let go."""
        exchange = self.begin(self.one, self.two)
        exchange.ask_next()
        exchange.result.cancel()
        assert exchange.settled
        assert self.one.forgotten == self.two.forgotten == [self.query]
        logged = self.flushLoggedErrors()
        self.failureResultOf(exchange.result, CancelledError)
        assert logged == []

    def test_asks_no_more(self) -> None:
        """When nobody waits any more, nobody more is asked."""
        exchange = self.begin()
        exchange.result.cancel()
        self.flushLoggedErrors()
        self.failureResultOf(exchange.result)
        assert counts(self.upstreams) == [1, 0, 0]


class TraceTests(ExchangeTests):
    """What is told of asking one after the other."""

    def test_reasons(self) -> None:
        """Each who is asked is named, and why; so is what came of it."""
        told = follow(self.query)
        exchange = self.begin()
        exchange.ask_next()
        self.clock.advance(1)
        exchange.ask_next()
        self.two.fail("refused")
        self.one.answer(SERVFAIL)
        self.three.answer(NXDOMAIN)
        assert told.steps == [
            "ask: one, which comes first",
            "ask: two, at the same time",
            "ask: three, since the one before is late",
            "answer: none, two: refused",
            "answer: SERVFAIL is no help",
        ]

    def test_no_help(self) -> None:
        """The next is asked since another did not help, be others under way or not."""
        told = follow(self.query)
        exchange = self.begin()
        exchange.ask_next()
        self.one.answer(REFUSED)
        assert told.steps[-2:] == [
            "answer: REFUSED is no help",
            "ask: three, since another did not help",
        ]

    def test_failed(self) -> None:
        """So it is after a failure."""
        told = follow(self.query)
        self.begin()
        self.one.fail("refused")
        assert told.steps[-2:] == [
            "answer: none, one: refused",
            "ask: two, since another did not help",
        ]

    def test_cut_short(self) -> None:
        """An answer that was cut short is no help, and that is told."""
        told = follow(self.query)
        self.begin(self.one)
        self.one.answer(truncated=True)
        assert told.steps[-1] == "answer: NOERROR, cut short, is no help"
