"""One exchange for all who ask the same."""

import dns.message
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from dotproxy.upstream.coalesce import ASK_ANEW, MOST_WAITING, Coalesce
from dotproxy.upstream.interface import IUpstream, UpstreamError
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query, parse_query
from tests.fakes import FakeUpstream, make_answer, make_query
from tests.traces import follow


class CoalesceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.upstream = FakeUpstream("one")
        self.learned: list[tuple[Query, Answer]] = []
        self.coalesce = Coalesce(self.upstream, self.learn)

    def learn(self, query: Query, answer: Answer) -> None:
        self.learned.append((query, answer))

    def asked(self) -> list[Query]:
        """Return what the upstream was asked."""
        return [query for query, _ in self.upstream.asked]


class SameTests(CoalesceTests):
    """What is one question, and what is not."""

    def test_interface(self) -> None:
        """It is an upstream itself."""
        verifyObject(IUpstream, self.coalesce)

    def test_alone(self) -> None:
        """Who asks alone gets the answer that the upstream gives."""
        query = make_query()
        asking = self.coalesce.exchange(query)
        self.assertNoResult(asking)
        answer = self.upstream.answer()
        assert self.successResultOf(asking) is answer
        assert self.asked() == [query]
        assert self.coalesce.joined == 0

    def test_same(self) -> None:
        """However they spell it, and with EDNS or without: who asks the same joins."""
        first = make_query("example.com")
        others = (make_query("eXaMpLe.CoM"), make_query(edns=False))
        asking = [self.coalesce.exchange(query) for query in (first, *others)]
        assert self.asked() == [first]
        assert self.coalesce.joined == 2
        answer = self.upstream.answer()
        assert [self.successResultOf(each) for each in asking] == [answer] * 3

    def test_others(self) -> None:
        """Another name, type or flag is another question, with its own answer."""
        signed = dns.message.make_query("example.com", "A", want_dnssec=True)
        queries = [
            make_query(),
            make_query("www.example.com"),
            make_query(rdtype="AAAA"),
            parse_query(signed.to_wire()),
        ]
        asking = [self.coalesce.exchange(query) for query in queries]
        assert self.asked() == queries
        for query, answering in self.upstream.asked:
            answering.callback(make_answer(query))
        answers = [self.successResultOf(each) for each in asking]
        assert len(set(map(id, answers))) == 4
        assert self.coalesce.joined == 0

    def test_over(self) -> None:
        """Once the answer is there, the next one who asks begins anew."""
        for count in (1, 2):
            asking = self.coalesce.exchange(make_query())
            assert len(self.upstream.asked) == count
            answer = self.upstream.answer()
            assert self.successResultOf(asking) is answer

    def test_over_after_failure(self) -> None:
        """So it is after a failure."""
        for count in (1, 2):
            asking = self.coalesce.exchange(make_query())
            assert len(self.upstream.asked) == count
            self.upstream.fail()
            self.failureResultOf(asking, UpstreamError)

    def test_at_once(self) -> None:
        """An answer, or a failure, that comes without delay leaves nobody waiting."""
        answer = self.upstream.at_once = make_answer(make_query())
        for count in (1, 2):
            asking = self.coalesce.exchange(make_query())
            assert self.successResultOf(asking) is answer
            assert len(self.learned) == count
        self.upstream.at_once = UpstreamError("refused")
        for count in (3, 4):
            self.failureResultOf(self.coalesce.exchange(make_query()), UpstreamError)
            assert len(self.upstream.asked) == count

    def test_once_more(self) -> None:
        """Who asks again in the moment of the answer begins anew, too."""
        again = []

        def ask_again(_: object) -> None:
            again.append(self.coalesce.exchange(make_query()))

        self.coalesce.exchange(make_query()).addCallback(ask_again)
        self.coalesce.exchange(make_query()).addCallback(ask_again)
        self.upstream.answer()
        assert len(self.upstream.asked) == 2
        self.assertNoResult(again[0])
        answer = self.upstream.answer()
        assert [self.successResultOf(each) for each in again] == [answer] * 2


class LearnTests(CoalesceTests):
    def test_once(self) -> None:
        """An answer is learned once, with the query that was asked upstream."""
        first = make_query()
        for query in (first, make_query("EXAMPLE.com"), make_query()):
            self.coalesce.exchange(query)
        answer = self.upstream.answer()
        assert self.learned == [(first, answer)]

    def test_before(self) -> None:
        """It is learned before those who wait hear of it, and they in their order."""
        told: list[tuple[int, int]] = []

        def tell(_: Answer, number: int) -> None:
            told.append((number, len(self.learned)))

        for number in range(3):
            self.coalesce.exchange(make_query()).addCallback(tell, number)
        self.upstream.answer()
        assert told == [(0, 1), (1, 1), (2, 1)]

    def test_no_failures(self) -> None:
        """From a failure there is nothing to learn."""
        asking = self.coalesce.exchange(make_query())
        self.upstream.fail()
        self.failureResultOf(asking, UpstreamError)
        assert self.learned == []

    def test_fault(self) -> None:
        """Should learning fail, nobody is left waiting for ever."""

        def fail(query: Query, answer: Answer) -> None:
            raise ZeroDivisionError

        coalesce = Coalesce(self.upstream, fail)
        asking = [coalesce.exchange(make_query()) for _ in range(2)]
        self.upstream.answer()
        for each in asking:
            self.failureResultOf(each, ZeroDivisionError)
        coalesce.exchange(make_query())
        assert len(self.upstream.asked) == 2


class LeaveTests(CoalesceTests):
    def test_one(self) -> None:
        """One who leaves takes nothing from the others, whether first or last."""
        asking = [self.coalesce.exchange(make_query()) for _ in range(3)]
        for place in (0, 2):
            asking[place].cancel()
            self.failureResultOf(asking[place], CancelledError)
        assert self.upstream.cancelled == []
        answer = self.upstream.answer()
        assert self.successResultOf(asking[1]) is answer

    def test_one_before_failure(self) -> None:
        """The others hear of a failure, too."""
        asking = [self.coalesce.exchange(make_query()) for _ in range(2)]
        asking[0].cancel()
        self.upstream.fail()
        self.failureResultOf(asking[0], CancelledError)
        self.failureResultOf(asking[1], UpstreamError)

    def test_gone_and_back(self) -> None:
        """When everyone gave up, the next one still joins the exchange under way."""
        first = self.coalesce.exchange(make_query())
        first.cancel()
        self.failureResultOf(first, CancelledError)
        second = self.coalesce.exchange(make_query())
        assert len(self.upstream.asked) == 1
        answer = self.upstream.answer()
        assert self.successResultOf(second) is answer

    def test_for_nobody(self) -> None:
        """An answer that nobody waits for any more is learned all the same."""
        asking = self.coalesce.exchange(make_query())
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        answer = self.upstream.answer()
        assert [learned for _, learned in self.learned] == [answer]


class HasteTests(CoalesceTests):
    """One asked who has time until second 5; others come who have less."""

    def setUp(self) -> None:
        super().setUp()
        self.patient = self.coalesce.exchange(self.until(5))

    def until(self, deadline: float) -> Query:
        query = make_query()
        query.deadline = deadline
        return query

    def test_apart(self) -> None:
        """Who has less time asks apart, and so is told by the end of it."""
        hasty = self.until(1)
        asking = self.coalesce.exchange(hasty)
        assert self.asked()[1:] == [hasty]
        self.upstream.fail("no answer", 22)
        self.failureResultOf(asking, UpstreamError)
        self.assertNoResult(self.patient)
        assert self.coalesce.joined == 0

    def test_learned(self) -> None:
        """What comes of that is learned, too; the first one still gets its answer."""
        asking = self.coalesce.exchange(self.until(1))
        early = self.upstream.answer(address="192.0.2.2")
        assert self.successResultOf(asking) is early
        late = make_answer(make_query())
        self.upstream.asked[0][1].callback(late)
        assert self.successResultOf(self.patient) is late
        assert [answer for _, answer in self.learned] == [early, late]

    def test_leaves(self) -> None:
        """If they leave, nobody is asked for them any more."""
        hasty = self.until(1)
        asking = self.coalesce.exchange(hasty)
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        assert self.upstream.cancelled == [hasty]
        self.assertNoResult(self.patient)

    def test_joined(self) -> None:
        """Who has as much time, or more, joins."""
        asking = [self.coalesce.exchange(self.until(end)) for end in (5, 6)]
        assert len(self.upstream.asked) == 1
        answer = self.upstream.answer()
        for each in (self.patient, *asking):
            assert self.successResultOf(each) is answer


class FailureTests(CoalesceTests):
    def test_all(self) -> None:
        """A failure is everybody's, with its reason and code."""
        asking = [self.coalesce.exchange(make_query()) for _ in range(3)]
        self.upstream.fail("no answer", 22)
        for each in asking:
            error = self.failureResultOf(each, UpstreamError).value
            assert (str(error), error.code) == ("one: no answer", 22)


class BoundTests(CoalesceTests):
    def test_most(self) -> None:
        """So many may wait for one answer; who comes beyond fails at once."""
        query = make_query()
        asking = [self.coalesce.exchange(query) for _ in range(MOST_WAITING)]
        beyond = self.coalesce.exchange(query)
        self.failureResultOf(beyond, UpstreamError)
        assert len(self.upstream.asked) == 1
        assert self.coalesce.joined == MOST_WAITING - 1
        other = self.coalesce.exchange(make_query("www.example.com"))
        self.assertNoResult(other)
        self.upstream.asked[0][1].callback(make_answer(query))
        assert all(self.successResultOf(each) for each in asking)
        self.assertNoResult(other)

    def test_room_again(self) -> None:
        """When the answer has come there is room as before."""
        query = make_query()
        asking = [self.coalesce.exchange(query) for _ in range(MOST_WAITING)]
        self.upstream.fail()
        for each in asking:
            self.failureResultOf(each, UpstreamError)
        self.assertNoResult(self.coalesce.exchange(query))
        assert len(self.upstream.asked) == 2


class AnewTests(CoalesceTests):
    """Who asks the same a while later, most likely since nothing has come."""

    def ask(self, *deadlines: float) -> list[Deferred[Answer]]:
        """Ask the same, again and again, with so much time."""
        asking = []
        for deadline in deadlines:
            query = make_query()
            query.deadline = deadline
            asking.append(self.coalesce.exchange(query))
        return asking

    def test_anew(self) -> None:
        """After a while the question is asked anew; who comes then joins that."""
        self.ask(5.0, 5.0 + ASK_ANEW - 0.1)
        assert len(self.upstream.asked) == 1
        self.ask(5.0 + ASK_ANEW, 7.0)
        assert len(self.upstream.asked) == 2
        assert self.coalesce.joined == 2
        self.ask(6.5 + ASK_ANEW)
        assert len(self.upstream.asked) == 3

    def test_second_answer(self) -> None:
        """If the second is answered, all have that answer; the first counts no more."""
        asking = self.ask(5.0, 8.0)
        answer = self.upstream.answer()
        assert [self.successResultOf(each) for each in asking] == [answer] * 2
        query, first = self.upstream.asked[0]
        first.callback(make_answer(query))
        assert len(self.learned) == 2, "but it is learned"
        self.ask(9.0)
        assert len(self.upstream.asked) == 3

    def test_first_answer(self) -> None:
        """If the first is answered after all, all have that answer."""
        asking = self.ask(5.0, 8.0)
        query, first = self.upstream.asked[0]
        first.callback(make_answer(query))
        assert len({id(self.successResultOf(each)) for each in asking}) == 1
        self.upstream.fail()

    def test_first_fails(self) -> None:
        """If the first fails, those who wait for the second go on."""
        early, late = self.ask(5.0, 8.0)
        self.upstream.asked[0][1].errback(UpstreamError("no answer in time"))
        self.failureResultOf(early, UpstreamError)
        self.assertNoResult(late)
        (joined,) = self.ask(8.5)
        assert len(self.upstream.asked) == 2
        self.upstream.answer()
        self.successResultOf(late)
        self.successResultOf(joined)

    def test_both_fail(self) -> None:
        """If both fail, who asks next begins anew."""
        asking = self.ask(5.0, 8.0)
        for _, answering in self.upstream.asked:
            answering.errback(UpstreamError("no answer in time"))
        for each in asking:
            self.failureResultOf(each, UpstreamError)
        self.ask(9.0)
        assert len(self.upstream.asked) == 3


class TraceTests(CoalesceTests):
    """What is told of waiting together."""

    def test_joined(self) -> None:
        """Who joins hears how many wait already, and who may not, why."""
        self.coalesce.exchange(make_query())
        second, hasty = make_query(), make_query()
        hasty.deadline = 0.0
        told, alone = follow(second), follow(hasty)
        self.coalesce.exchange(second)
        self.coalesce.exchange(hasty)
        assert told.steps == ["coalesce: waits with 1 more for the same answer"]
        assert alone.steps == ["coalesce: alone, since it has less time than who asked"]
