"""Many things at once, awaited as one."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.cli.check.together import together


class TogetherTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.first: Deferred[str] = Deferred()
        self.second: Deferred[str] = Deferred()
        both = together([self.first, self.second])
        self.both = Deferred.fromCoroutine(both)

    def test_order(self) -> None:
        """Results come in the order of what was begun, not of what ended."""
        self.second.callback("two")
        self.assertNoResult(self.both)
        self.first.callback("one")
        assert self.successResultOf(self.both) == ["one", "two"]

    def test_failure(self) -> None:
        """The first failure is raised as itself."""
        self.second.errback(ValueError("no"))
        assert str(self.failureResultOf(self.both, ValueError).value) == "no"
        self.first.callback("too late")

    def test_cancel(self) -> None:
        """To cancel the whole cancels every part, and looks like nothing else."""
        self.both.cancel()
        self.failureResultOf(self.both, CancelledError)
        assert self.first.called
        assert self.second.called
