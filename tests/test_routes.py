"""Which group of upstreams is asked, and that no other ever is."""

from random import Random
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from dotproxy.upstream.asked import Server
from dotproxy.upstream.interface import IUpstream, UpstreamError
from dotproxy.upstream.routes import Routes
from dotproxy.upstream.strategy import Strategy, order_by
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query
from tests.fakes import NXDOMAIN, SERVFAIL, FakeServer, counts, make_query
from tests.traces import follow

PRIVATE = b"\4home\4arpa\0"


def by_suffix(query: Query) -> str | None:
    """Send names of the home network to its group, one to a group that is not."""
    if query.key.startswith(b"\4lost"):
        return "lost"
    return "home" if PRIVATE in query.key else None


class RoutesTests(SynchronousTestCase):
    def setUp(self) -> None:
        """Begin with two public upstreams, and two in the home network."""
        self.clock = Clock()
        self.public = [FakeServer(name, self.clock) for name in ("one", "two")]
        self.private = [FakeServer(name, self.clock) for name in ("router", "nas")]
        self.groups = {"all": self.group(self.public), "home": self.group(self.private)}
        self.routes = Routes(self.groups, "all", by_suffix)

    def group(self, servers: list[FakeServer]) -> Strategy:
        order = order_by("failover", Random(1))
        return Strategy(cast(list[Server], servers), order, self.clock)

    def ask(self, name: str) -> Deferred[Answer]:
        query = make_query(name)
        query.deadline = self.clock.seconds() + 5
        return self.routes.exchange(query)

    def failure(self, asking: Deferred[Answer]) -> str:
        return self.failureResultOf(asking, UpstreamError).getErrorMessage()

    def test_interface(self) -> None:
        """All groups can be asked as if they were one upstream."""
        assert verifyObject(IUpstream, self.routes)

    def test_each_its_own(self) -> None:
        """A query goes to its group; without one, to the group for the rest."""
        private, public = self.ask("nas.home.arpa"), self.ask("example.com")
        assert [asked.query.question[:4] for asked in self.private[0].asked] == [
            b"\3nas"
        ]
        assert [asked.query.question[:8] for asked in self.public[0].asked] == [
            b"\7example"
        ]
        answers = self.private[0].answer(), self.public[0].answer()
        assert self.successResultOf(private) is answers[0]
        assert self.successResultOf(public) is answers[1]

    def test_first(self) -> None:
        """The servers for the rest are those of that group alone."""
        assert list(self.routes.first) == self.public

    def test_no_route(self) -> None:
        """Where nobody routes, the group for the rest is asked."""
        self.routes = Routes(self.groups, "all", lambda query: None)
        self.ask("nas.home.arpa")
        assert counts(self.public + self.private) == [1, 0, 0, 0]

    def test_private_fails(self) -> None:
        """When its whole group fails, a private name is asked of nobody else."""
        asking = self.ask("nas.home.arpa")
        for server in self.private:
            server.fail("refused")
        assert self.failure(asking) == "router: refused; nas: refused"
        assert counts(self.public) == [0, 0]

    def test_private_excuses(self) -> None:
        """Nor is it when its group says that it cannot tell, or that it is not."""
        for rcode in (SERVFAIL, NXDOMAIN):
            asking = self.ask("nas.home.arpa")
            self.private[0].answer(rcode)
            if rcode == SERVFAIL:
                self.private[1].answer(rcode)
            assert self.successResultOf(asking).rcode == rcode
        assert counts(self.public) == [0, 0]

    def test_private_silent(self) -> None:
        """Nor is it when its group is silent until the deadline."""
        asking = self.ask("nas.home.arpa")
        self.clock.pump([0.05] * 102)
        assert self.failure(asking) == "no answer in time"
        assert counts(self.private) == [1, 1]
        assert counts(self.public) == [0, 0]

    def test_private_down(self) -> None:
        """Nor is it when its group is down, and fails at once."""
        for server in self.private:
            server.go_down()
        assert (
            self.failure(self.ask("nas.home.arpa")) == "router: refused; nas: refused"
        )
        assert counts(self.private + self.public) == [0, 0, 0, 0]

    def test_public_fails(self) -> None:
        """When the public upstreams fail, no public name is asked in private."""
        asking = self.ask("example.com")
        for server in self.public:
            server.fail("refused")
        assert self.failure(asking) == "one: refused; two: refused"
        for server in self.public:
            server.go_down()
        self.failure(self.ask("example.net"))
        assert counts(self.private) == [0, 0]

    def test_no_such_group(self) -> None:
        """A query for a group that is not there fails, and is asked of nobody."""
        assert (
            self.failure(self.ask("lost.example")) == "there is no group 'lost' to ask"
        )
        assert counts(self.public + self.private) == [0, 0, 0, 0]

    def test_stop(self) -> None:
        """Every upstream is stopped."""
        private, public = self.ask("nas.home.arpa"), self.ask("example.com")
        self.routes.stop()
        assert all(server.stopped for server in self.public + self.private)
        assert "stopped" in self.failure(private)
        assert "stopped" in self.failure(public)
        assert self.clock.getDelayedCalls() == []

    def test_upstreams(self) -> None:
        """All of them can be seen, and what they sent in clear adds up."""
        assert self.routes.upstreams == [*self.public, *self.private]
        assert self.routes.queries_in_clear == 0
        for server, count in zip(self.private, (3, 4), strict=True):
            server.queries_in_clear = count
        assert self.routes.queries_in_clear == 7

    def test_drain(self) -> None:
        """It has drained when every group has; nobody is stopped before."""
        public, private = self.ask("example.com"), self.ask("nas.home.arpa")
        draining = self.routes.drain()
        self.private[0].answer()
        self.clock.advance(1)
        self.successResultOf(private)
        assert [server.drained for server in self.private] == [True, True]
        self.assertNoResult(draining)
        self.public[0].answer()
        self.clock.advance(1)
        self.successResultOf(public)
        self.successResultOf(draining)

    def test_drain_no_more(self) -> None:
        """Draining may be cancelled; then they are stopped at once."""
        asking, draining = self.ask("example.com"), self.routes.drain()
        draining.cancel()
        self.failureResultOf(draining, CancelledError)
        self.routes.stop()
        self.failureResultOf(asking, UpstreamError)
        self.clock.advance(1)
        assert self.clock.getDelayedCalls() == []

    def test_group(self) -> None:
        """A trace has the group, be it that of a rule or that of all the rest."""
        for name, group in (("nas.home.arpa", "home"), ("example.com", "all")):
            query = make_query(name)
            told = follow(query)
            self.routes.exchange(query)
            assert told.steps[0] == f"group: {group}"
