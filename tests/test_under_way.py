"""Queries of clients that wait for their answers."""

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.server.under_way import UnderWay
from dotproxy.wire.query import Query
from tests.fakes import make_query


class UnderWayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 5.0
        self.under_way = UnderWay(2, lambda: self.now)
        self.queries: list[Query] = []

    def add(self) -> tuple[Deferred[bytes], Deferred[bytes]]:
        """Begin a query; return what its answer comes by, and its reply."""
        coming: Deferred[bytes] = Deferred()
        self.queries.append(make_query())
        return coming, self.under_way.add(self.queries[-1], coming, self.now)

    def test_reply(self) -> None:
        """A reply goes through, and its query no longer counts."""
        coming, reply = self.add()
        assert len(self.under_way) == 1
        coming.callback(b"reply")
        assert self.successResultOf(reply) == b"reply"
        assert len(self.under_way) == 0

    def test_there_already(self) -> None:
        """One that is there never counts."""
        reply = self.under_way.add(make_query(), succeed(b"reply"), 5.0)
        assert self.successResultOf(reply) == b"reply"
        assert len(self.under_way) == 0

    def test_oldest(self) -> None:
        """When there is one too many, the oldest gets SERVFAIL and the others wait."""
        (_, first), (_, second), (last, third) = (self.add() for _ in range(3))
        failed = self.successResultOf(first)
        assert self.queries[0].source == "error"
        assert failed[3] & 15 == 2
        assert b"too many queries at once" in failed
        self.assertNoResult(second)
        last.callback(b"reply")
        assert self.successResultOf(third) == b"reply"
        assert (len(self.under_way), self.under_way.shed) == (1, 1)

    def test_durations(self) -> None:
        """It is known how long each took, but for those that were given up."""
        (coming, _), (_, _), (_, _) = self.add(), self.add(), self.add()
        del coming
        coming, _ = self.add()
        self.now = 5.75
        coming.callback(b"reply")
        durations = self.under_way.durations
        assert durations.sum == 0.75
        up_to = dict(durations.up_to())
        assert (up_to[0.512], up_to[1.024], len(durations)) == (0, 1, 1)
        assert (self.under_way.shed, self.under_way.begun) == (2, 4)

    def test_answered(self) -> None:
        """What was answered makes room: nobody fails for the next."""
        (coming, _), (_, second) = self.add(), self.add()
        coming.callback(b"reply")
        self.add()
        self.assertNoResult(second)
        assert self.under_way.shed == 0

    def test_fault(self) -> None:
        """A failure that is none of ours is not taken for one."""
        coming, reply = self.add()
        coming.errback(ZeroDivisionError())
        self.failureResultOf(reply, ZeroDivisionError)
        assert len(self.under_way) == 0
