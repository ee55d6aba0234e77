"""A query in the hands of one upstream."""

from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream.interface import UNREACHABLE, UpstreamError
from tests.connections import Waiting
from tests.fakes import SERVFAIL, make_answer, make_query


class AskedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.query = make_query()
        self.waiting = Waiting(self.query)
        self.asked = self.waiting.asked

    def test_at_first(self) -> None:
        """It starts out wanted, asked once, with one way to an answer."""
        assert self.asked.query is self.query
        assert (self.asked.wanted, self.asked.replays) == (True, 0)
        assert self.asked.chances == 1
        self.assertNoResult(self.waiting.answer)

    def test_settle(self) -> None:
        """The one who waits gets the answer, and then waits no longer."""
        answer = make_answer(self.query)
        self.asked.settle(answer)
        assert self.successResultOf(self.waiting.answer) is answer
        assert not self.asked.wanted

    def test_fail(self) -> None:
        """The one who waits is told that there is no answer, and why."""
        self.asked.fail(UpstreamError("no answer in time", UNREACHABLE))
        error = self.failureResultOf(self.waiting.answer, UpstreamError).value
        assert (str(error), error.code) == ("no answer in time", UNREACHABLE)
        assert not self.asked.wanted

    def test_only_the_first_counts(self) -> None:
        """Asked over two connections, it is answered once: whatever comes first."""
        first, second = make_answer(self.query), make_answer(self.query, SERVFAIL)
        self.asked.settle(first)
        self.asked.settle(second)
        self.asked.fail(UpstreamError("connection lost"))
        assert self.successResultOf(self.waiting.answer) is first

    def test_answer_after_failure(self) -> None:
        """An answer that comes after the failure is ignored."""
        self.asked.fail(UpstreamError("no answer in time"))
        self.asked.settle(make_answer(self.query))
        self.failureResultOf(self.waiting.answer, UpstreamError)

    def test_forget(self) -> None:
        """Who was forgotten hears nothing, neither then nor later."""
        self.asked.forget()
        assert not self.asked.wanted
        self.asked.settle(make_answer(self.query))
        self.asked.fail(UpstreamError("connection lost"))
        self.assertNoResult(self.waiting.answer)
