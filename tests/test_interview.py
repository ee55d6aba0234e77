"""Questions over one connection, to a server that does as the test tells it."""

from itertools import chain, repeat
from random import Random
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.cli.check.findings import Answers
from dotproxy.cli.check.interview import BURSTS, ROUND_TRIPS, Interview, Names, Terms
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.framing import frame
from tests.connections import Peer

NAMES = Names("known.example", "signed.example", "bogus.example")

TERMS = Terms(timeout=2.0, idle=10.0, names=NAMES)

ROUND_TRIP = 0.125
"""Seconds until the server answers."""

Message = dns.message.Message


def plainly(query: Message) -> Message | None:
    """Answer without records, and say as little as the query asks for."""
    return dns.message.make_response(query)


class Server:
    """Answer what has come, each query as `say` has it; None is silence."""

    def __init__(self, peer: Peer, say: Any = plainly) -> None:
        self.peer = peer
        self.say = say
        self.most = 1000
        """So many queries of a turn it answers, and no more."""
        self.asked: list[Message] = []
        self.most_at_once = 0

    def turn(self) -> None:
        """Answer all queries that came since the last turn, in their order."""
        queries = [dns.message.from_wire(wire) for wire in self.peer.queries]
        fresh = queries[len(self.asked) :]
        self.most_at_once = max(self.most_at_once, len(fresh))
        self.asked = queries
        for query in fresh[: self.most]:
            response = self.say(query)
            if response is not None and not self.peer.gone:
                wire = response if isinstance(response, bytes) else response.to_wire()
                self.peer.connection.dataReceived(frame(wire))

    def names_asked(self) -> list[str]:
        """The names that were asked for, each once, in their order."""
        texts = (query.question[0].name.to_text() for query in self.asked)
        return list(dict.fromkeys(texts))


def name_of(query: Message) -> str:
    return query.question[0].name.to_text()


class InterviewTests(SynchronousTestCase):
    """What is common to these tests; the tests themselves stand below."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.peer = Peer(self.clock).greet()
        self.server = Server(self.peer)
        self.interview = self.begin(TERMS)
        self.steps: list[str] = []

    def begin(self, terms: Terms) -> Interview:
        return Interview(self.peer.connection, self.clock, terms, Random(1))

    def tearDown(self) -> None:
        """However it ends, no timer is left once the server has hung up."""
        self.interview.leave()
        self.peer.hang_up()
        self.clock.advance(0)
        assert self.clock.getDelayedCalls() == []

    def start(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.interview.run(self.steps.append))

    def answers(self, *delays: float) -> Answers:
        """Let the interview come to its end, the server taking its time."""
        running = self.start()
        for delay in chain(delays, repeat(ROUND_TRIP, 100)):
            if running.called:
                break
            self.server.turn()
            self.clock.advance(delay)
        self.successResultOf(running)
        return self.interview.answers


class AnswersTests(InterviewTests):
    """What is learned from the answers, and from there being none."""

    def test_round_trips(self) -> None:
        """The RTT is the median time of some questions, one after the other."""
        delays = [0.25, 0.5, 1.0, 0.25, 0.75]
        assert len(delays) == ROUND_TRIPS
        assert self.answers(*delays).rtt_ms == 500.0

    def test_bare(self) -> None:
        """Of a server that says nothing of itself, nothing is told."""

        def bare(query: Message) -> Message:
            response = dns.message.make_response(query)
            response.use_edns(False)
            return response

        self.server.say = bare
        found = self.answers()
        assert (found.rcode, found.edns_size) == ("NOERROR", None)
        assert (found.padded_to, found.keepalive_s) == (None, None)

    def test_edns(self) -> None:
        """Size, padding and keepalive are those of the OPT that came."""

        def padded(query: Message) -> Message:
            response = dns.message.make_response(query)
            keepalive = dns.edns.GenericOption(11, b"\0\x7d")
            response.use_edns(payload=1400, options=[keepalive], pad=468)
            return response

        self.server.say = padded
        found = self.answers()
        assert (found.edns_size, found.padded_to) == (1400, 468)
        assert found.keepalive_s == 12.5

    def test_as_the_proxy(self) -> None:
        """Queries go out as the proxy sends them: padded, with AD, without DO."""
        self.answers()
        for wire, query in zip(self.peer.queries, self.server.asked, strict=True):
            assert len(wire) % 128 == 0
            assert query.flags & dns.flags.AD
            assert not query.ednsflags & dns.flags.DO

    def test_failing(self) -> None:
        """An error is an answer, too, whatever its number."""
        for rcode, name in ((2, "SERVFAIL"), (3841, "3841")):

            def failing(query: Message, rcode: int = rcode) -> Message:
                response = dns.message.make_response(query)
                response.set_rcode(dns.rcode.Rcode.make(rcode))
                return response

            self.server.say = failing
            self.interview = self.begin(TERMS)
            assert self.answers().rcode == name

    def test_silence(self) -> None:
        """If the first question is not answered in time, there is no more to ask."""
        running = self.start()
        self.clock.advance(2.0)
        failure = self.failureResultOf(running, UpstreamError)
        assert str(failure.value) == "no answer in 2 s"
        assert len(self.peer.queries) == 1

    def test_cancelled(self) -> None:
        """Whoever gives up is not kept waiting, wherever things stand."""
        for turns in range(12):
            running = self.start()
            for _ in range(turns):
                self.server.turn()
            running.cancel()
            self.failureResultOf(running, CancelledError)

    def test_in_order(self) -> None:
        """A server that answers in order was not seen to do otherwise."""
        assert self.answers().out_of_order is False

    def test_out_of_order(self) -> None:
        """A quick answer that overtakes a slow one shows that order is no matter."""

        def slow(query: Message) -> Message | None:
            unheard_of = name_of(query).endswith(".known.example.")
            return None if unheard_of else plainly(query)

        self.server.say = slow
        assert self.answers().out_of_order is True
        assert self.interview.oddities == []

    def test_flight(self) -> None:
        """Ever more are asked at once, but never more than 32."""
        assert self.answers().in_flight == 32
        assert self.server.most_at_once == max(BURSTS) == 32

    def test_weak_server(self) -> None:
        """The most that were all answered count; and no more are tried then."""

        self.server.most = 8
        found = self.answers()
        assert found.in_flight == 8
        assert self.interview.oddities == [
            "queries in flight: of 16 at once 8 were answered"
        ]
        assert self.server.most_at_once == 16

    def test_hung_up(self) -> None:
        """What a server is no longer there for is not examined, and told once."""

        def once(query: Message) -> Message | None:
            if len(self.server.asked) > 1:
                self.peer.hang_up()
                return None
            return plainly(query)

        self.server.say = once
        found = self.answers()
        assert (found.rcode, found.rtt_ms) == ("NOERROR", None)
        assert self.interview.oddities == [
            "round trips: the server closed the connection",
            "the server hung up before: DNSSEC",
        ]

    def test_enough(self) -> None:
        """A server that ends the connection by a keepalive of 0 has its way."""

        def enough(query: Message) -> Message:
            response = dns.message.make_response(query)
            seconds = b"\0\0" if len(self.server.asked) == 3 else b"\0\x64"
            keepalive = dns.edns.GenericOption(11, seconds)
            response.use_edns(options=[keepalive])
            return response

        self.server.say = enough
        assert self.answers().keepalive_s == 10.0
        assert self.interview.oddities == [
            "round trips: the server takes no more queries",
            "the server hung up before: DNSSEC",
        ]
        assert len(self.server.asked) == 3
        assert self.interview.answers.padded_to is None

    def test_unreadable(self) -> None:
        """An answer that cannot be read is none, and the reason is told."""
        self.server.say = lambda query: (
            query.to_wire()[:2]
            + b"\x81\x80"
            + b"\0\1\0\1\0\0\0\0"
            + query.to_wire()[12:-11]
        )
        running = self.start()
        self.server.turn()
        failure = self.failureResultOf(running, UpstreamError)
        assert str(failure.value).startswith("the answer cannot be read")

    def test_steps(self) -> None:
        """Each step is announced."""
        self.answers()
        assert self.steps == [
            "ask", "round trips", "DNSSEC", "order of answers", "queries in flight",
        ]  # fmt: skip


class ValidationTests(InterviewTests):
    """Whether the server validates: it says so, and refuses what is forged."""

    def authentic(self, *names: str, bogus: int = 2) -> Any:
        """Say that the answers on these names are authentic."""

        def say(query: Message) -> Message:
            response = dns.message.make_response(query)
            if name_of(query) in names:
                response.flags |= dns.flags.AD
            if name_of(query) == "bogus.example.":
                response.set_rcode(dns.rcode.Rcode(bogus))
            return response

        return say

    def test_says_nothing(self) -> None:
        """A server that never sets AD does not say that it validates."""
        found = self.answers()
        assert (found.authenticates, found.refuses_bogus) == (False, None)
        assert "bogus.example." not in self.server.names_asked()

    def test_validates(self) -> None:
        """One that sets AD where all is signed is tried with what is forged."""
        self.server.say = self.authentic("signed.example.")
        found = self.answers()
        assert (found.authenticates, found.refuses_bogus) == (True, True)

    def test_pretends(self) -> None:
        """One that hands out what is forged does not validate at all."""
        self.server.say = self.authentic("known.example.", bogus=0)
        found = self.answers()
        assert (found.authenticates, found.refuses_bogus) == (True, False)
        assert "signed.example." not in self.server.names_asked()

    def test_no_such_name(self) -> None:
        """Where the forged name is not known, nothing follows from it."""
        self.server.say = self.authentic("known.example.", bogus=3)
        assert self.answers().refuses_bogus is None


class IdleTests(InterviewTests):
    """How long the server keeps a connection that is not used."""

    def idle(self) -> Deferred[None]:
        self.answers()
        return Deferred.fromCoroutine(self.interview.idle())

    def test_closed(self) -> None:
        """It is told when the server hung up, counted from the last answer."""
        idling = self.idle()
        last_used = self.peer.connection.last_used
        self.clock.advance(7.5)
        self.assertNoResult(idling)
        self.peer.hang_up()
        self.successResultOf(idling)
        found = self.interview.answers
        assert found.idle_closed_s == round(self.clock.seconds() - last_used, 1)
        assert found.idle_waited_s == found.idle_closed_s

    def test_kept(self) -> None:
        """Nobody waits for longer than the terms allow."""
        idling = self.idle()
        self.clock.advance(9.9)
        self.assertNoResult(idling)
        self.clock.advance(0.1)
        self.successResultOf(idling)
        found = self.interview.answers
        assert found.idle_closed_s is None
        assert found.idle_waited_s is not None

    def test_gone_before(self) -> None:
        """Where the server has hung up before, there is nothing to wait for."""
        self.answers()
        self.peer.hang_up()
        idling = Deferred.fromCoroutine(self.interview.idle())
        self.successResultOf(idling)
        assert self.interview.answers.idle_waited_s is None
