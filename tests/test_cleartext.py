"""One server in a private network, asked in clear."""

import errno
from random import Random

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.upstream.asked import MOST_WAITING
from dotproxy.upstream.cleartext import MOST_PORTS, Cleartext
from dotproxy.upstream.health import PAUSE_WHILE_DARK
from dotproxy.upstream.inquiry import PATIENCE, RETRY_AFTER, Way
from dotproxy.upstream.interface import NETWORK_ERROR, UNREACHABLE, UpstreamError
from dotproxy.upstream.quiet_udp import QuietUDP
from dotproxy.upstream.ticker import TICK
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import parse_query
from tests.connections import Waiting, a_query
from tests.resolvers import Network, Resolver, reply

ONE, TWO = ("10.0.0.1", 53), ("10.0.0.2", 5353)


class CleartextTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.network = Network()
        self.server = self.server_of(2)
        self.answers: list[Deferred[Answer]] = []

    def tearDown(self) -> None:
        """When it is stopped, no port is open and no timer is left."""
        self.server.stop()
        for answering in self.answers:
            answering.addErrback(lambda _: None)
        assert self.network.open == []
        assert self.network.getDelayedCalls() == []

    def server_of(self, most: int) -> Cleartext:
        return Cleartext((ONE, TWO), most, Way(self.network, Random(7), self.network))

    def ask(self, *names: str, patience: float = 60.0) -> list[Deferred[Answer]]:
        deadline = self.network.seconds() + patience
        several = [Waiting(a_query(name, deadline)) for name in names]
        for waiting in several:
            waiting.asked = self.server.ask(waiting.asked.query, waiting)
        self.answers += (waiting.answer for waiting in several)
        return [waiting.answer for waiting in several]

    def names(self) -> list[str]:
        """Return the names that are under way, which have one label each."""
        queries = (parse_query(port.sent) for port in self.network.open)
        return [query.question[1:-5].decode() for query in queries]

    def pass_time(self, seconds: float) -> None:
        self.network.pump([TICK] * round(seconds / TICK))

    def error(self, answering: Deferred[Answer]) -> tuple[str, int]:
        error = self.failureResultOf(answering, UpstreamError).value
        return str(error), error.code


class AskTests(CleartextTests):
    def test_answer(self) -> None:
        """The answer comes back, and nothing is left to look after."""
        (answering,) = self.ask("a")
        assert self.names() == ["a"]
        self.network.open[0].answer()
        assert self.successResultOf(answering).rcode == 0
        self.pass_time(2 * TICK)
        assert self.network.getDelayedCalls() == []
        assert self.server.queries_in_clear == 1

    def test_name(self) -> None:
        """Its name shows where queries go, and that they go in clear."""
        assert self.server.name == "udp://10.0.0.1:53"
        assert repr(self.server) == (
            "<Cleartext udp://10.0.0.1:53 up, 0 under way, 0 wait>"
        )

    def test_failure(self) -> None:
        """A failure says who failed, and how."""
        (answering,) = self.ask("a")
        self.network.open[0].refuse()
        self.network.open[0].refuse()
        both = "10.0.0.1: Connection refused; 10.0.0.2: Connection refused"
        expected = f"udp://10.0.0.1:53: {both}"
        assert self.error(answering) == (expected, NETWORK_ERROR)

    def test_preferred(self) -> None:
        """The address that answered last is asked first."""
        self.ask("a")
        self.network.open[0].refuse()
        assert self.network.open[0].resolver == TWO
        self.network.open[0].answer()
        self.ask("b")
        assert self.network.open[0].resolver == TWO
        self.network.open[0].answer()
        assert self.server.queries_in_clear == 3

    def test_forgotten(self) -> None:
        """Who waits no longer hears nothing; the answer still shows that it is up."""
        (answering,) = self.ask("a")
        answering.cancel()
        self.failureResultOf(answering)
        self.network.advance(0.25)
        self.network.open[0].answer()
        assert self.server.health.usual == 0.25


class CountTests(CleartextTests):
    def test_counts(self) -> None:
        """What came, is under way, waits, and had no answer in time is counted."""
        self.ask("a", "b", "c", patience=3.0)
        counts = self.server.queries, self.server.in_flight, self.server.waiting
        assert counts == (3, 2, 1)
        self.pass_time(3.5)
        assert self.server.timed_out == 3
        assert (self.server.in_flight, self.server.waiting) == (0, 0)


class BoundTests(CleartextTests):
    """How many queries are under way."""

    def test_most(self) -> None:
        """Only so many queries are under way; an answer makes room, in turn."""
        answers = self.ask(*"abcd")
        assert self.names() == ["a", "b"]
        self.network.open[0].answer()
        assert self.names() == ["b", "c"]
        self.network.open[1].answer()
        assert self.names() == ["b", "d"]
        self.successResultOf(answers[0])
        self.successResultOf(answers[2])

    def test_failure_makes_room(self) -> None:
        """So does a failure."""
        self.ask(*"abc")[0].addErrback(lambda _: None)
        self.network.open[0].refuse()
        self.network.open[1].refuse()
        assert self.names() == ["b", "c"]

    def test_unwanted(self) -> None:
        """What nobody waits for any more is not sent."""
        answers = self.ask(*"abcd")
        answers[2].cancel()
        self.failureResultOf(answers[2])
        self.network.open[0].answer()
        assert self.names() == ["b", "d"]

    def test_ports(self) -> None:
        """However many are allowed, the ports of the process are spared."""
        self.server = self.server_of(100_000)
        self.ask(*["a"] * (MOST_PORTS + 1))
        assert len(self.network.open) == MOST_PORTS == 256
        for answering in self.network.open[:2]:
            answering.answer()
        assert len(self.network.open) == MOST_PORTS - 1

    def test_too_many(self) -> None:
        """Only so many may wait; one more fails at once."""
        waiting = self.ask(*["a"] * (2 + MOST_WAITING))
        (refused,) = self.ask("b")
        expected = "udp://10.0.0.1:53: too many queries wait"
        assert self.error(refused) == (expected, NETWORK_ERROR)
        for each in waiting:
            self.assertNoResult(each)

    def test_all_fail_at_once(self) -> None:
        """Those who wait while the network goes fail one after the other."""
        waiting = self.ask(*["a"] * (2 + MOST_WAITING))
        self.network.fault = OSError(errno.ENETUNREACH, "Network is unreachable")
        self.network.open[0].refuse()
        for each in [waiting[0], *waiting[2:]]:
            assert "Network is unreachable" in self.error(each)[0]
        self.assertNoResult(waiting[1])


class TimeTests(CleartextTests):
    def test_next_address(self) -> None:
        """Where the first address is late the second is asked."""
        self.ask("a")
        self.pass_time(RETRY_AFTER + TICK)
        assert [port.resolver for port in self.network.open] == [TWO]

    def test_in_vain(self) -> None:
        """When both were late it fails."""
        (answering,) = self.ask("a")
        self.pass_time(RETRY_AFTER + PATIENCE + 2 * TICK)
        assert self.error(answering)[1] == UNREACHABLE
        assert self.server.health.down

    def test_deadline(self) -> None:
        """A query fails at its deadline, under way or waiting."""
        answers = self.ask(*"abc", patience=0.5)
        self.pass_time(0.45)
        for each in answers:
            self.assertNoResult(each)
        self.pass_time(0.1)
        for each in answers:
            expected = "udp://10.0.0.1:53: no answer in time"
            assert self.error(each) == (expected, UNREACHABLE)
        assert not self.server.health.down, "half a second says nothing"

    def test_silent_till_deadline(self) -> None:
        """A server that was silent for longer than that is down."""
        (answering,) = self.ask("a", patience=RETRY_AFTER + 0.5)
        self.pass_time(RETRY_AFTER + 0.5 + TICK)
        self.error(answering)
        assert self.server.health.down

    def test_one_ends_another(self) -> None:
        """Who stops the server at the end of one query disturbs nothing."""
        first, second = self.ask("a", "b", patience=0.5)
        first.addErrback(lambda _: self.server.stop())
        self.pass_time(0.6)
        self.successResultOf(first)
        assert self.error(second)[0] == "udp://10.0.0.1:53: stopped"

    def test_waits_on(self) -> None:
        """What waits is looked after for as long as it waits."""
        self.ask(*"abc", patience=9)
        self.pass_time(0.5)
        assert repr(self.server).endswith("2 under way, 1 wait>")


class HealthTests(CleartextTests):
    def go_down(self) -> None:
        (answering,) = self.ask("a")
        self.network.open[0].refuse()
        self.network.open[0].refuse()
        self.failureResultOf(answering)

    def test_down_and_up(self) -> None:
        """It is down when it fails, and up when it answers; the log says so once."""
        with capturedLogs() as events:
            self.go_down()
            self.go_down()
            assert self.server.health.down
            assert not self.server.hopeful
            self.ask("b")
            self.network.open[0].answer()
            assert not self.server.health.down
        both = "10.0.0.1: Connection refused; 10.0.0.2: Connection refused"
        assert [formatEvent(event) for event in events] == [
            f"udp://10.0.0.1:53 is down: {both}",
            "udp://10.0.0.1:53 answers again",
        ]

    def test_tried(self) -> None:
        """While it is down, whoever asks puts off the next who may."""
        self.go_down()
        self.network.advance(1)
        assert self.server.health.due(self.network.seconds(), PAUSE_WHILE_DARK)
        self.ask("b")
        assert not self.server.health.due(self.network.seconds(), PAUSE_WHILE_DARK)

    def test_one_hard_name(self) -> None:
        """One name that brings no answer says little, while others bring theirs."""
        (hard,) = self.ask("a")
        self.network.advance(0.5)
        self.ask("b")
        self.network.open[1].answer()
        self.pass_time(RETRY_AFTER + PATIENCE)
        self.error(hard)
        assert not self.server.health.down


class StopTests(CleartextTests):
    def test_drain(self) -> None:
        """Nothing more is asked; what is under way may still be answered."""
        (answer,) = self.ask("a")
        assert not self.server.quiet
        self.server.drain()
        (refused,) = self.ask("b")
        assert self.error(refused) == ("udp://10.0.0.1:53: stopped", NETWORK_ERROR)
        assert not answer.called
        self.server.stop()
        assert self.server.quiet
        assert self.error(answer) == ("udp://10.0.0.1:53: stopped", NETWORK_ERROR)

    def test_drain_what_waits(self) -> None:
        """What waits for its turn has none any more."""
        answers = self.ask(*"abcd")
        self.server.drain()
        assert [each.called for each in answers] == [False, False, True, True]
        for each in answers[2:]:
            self.error(each)
        self.server.stop()
        for each in answers[:2]:
            self.error(each)

    def test_stop(self) -> None:
        """What is under way or waits fails, and so does all that comes."""
        answers = self.ask(*"abc")
        self.server.stop()
        answers += self.ask("d")
        for each in answers:
            expected = "udp://10.0.0.1:53: stopped"
            assert self.error(each) == (expected, NETWORK_ERROR)


class LoopbackTests(TestCase):
    async def test_real(self) -> None:
        """It works over real ports, and leaves nothing behind."""
        resolver = Resolver(lambda query: [reply(query)])
        port = reactor.listenUDP(0, resolver, "127.0.0.1")
        self.addCleanup(port.stopListening)
        at = ("127.0.0.1", port.getHost().port)
        server = Cleartext((at,), 8, Way(reactor, Random(7), QuietUDP(reactor)))
        self.addCleanup(server.stop)
        several = [Waiting(a_query(name, reactor.seconds() + 5)) for name in "abc"]
        for waiting in several:
            server.ask(waiting.asked.query, waiting)
        for waiting in several:
            assert (await waiting.answer).rcode == 0
