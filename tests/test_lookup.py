"""One search: both families at once, one resolver after the other."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream.bootstrap.lookup import RESOLUTION_DELAY, Resolver, look_up
from dotproxy.upstream.bootstrap.lookup_message import Family, Found
from dotproxy.upstream.interface import UpstreamError

FIRST, SECOND = ("192.0.2.53", 53), ("2001:db8::53", 5353)

V4, V6 = Found(("192.0.2.1", "192.0.2.2"), 300), Found(("2001:db8::1",), 90)


class LookupTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[tuple[Family, Resolver]] = []
        self.under_way: dict[tuple[Family, Resolver], Deferred[Found]] = {}
        self.cancelled: list[tuple[Family, Resolver]] = []
        self.dead: set[Resolver] = set()

    def tearDown(self) -> None:
        """Nothing is left to wait for."""
        assert self.under_way == {}
        assert self.clock.getDelayedCalls() == []

    def ask(self, family: Family, resolver: Resolver) -> Deferred[Found]:
        """Note what is asked; a dead resolver fails at once."""
        asked = family, resolver

        def cancel(_: object) -> None:
            self.cancelled.append(asked)
            del self.under_way[asked]

        self.asked.append(asked)
        self.under_way[asked] = asking = Deferred(cancel)
        if resolver in self.dead:
            self.fail_for(family, resolver, "dead")
        return asking

    def look_up(self, *resolvers: Resolver) -> Deferred[Found]:
        return Deferred.fromCoroutine(look_up(resolvers, self.ask, self.clock))

    def find(self, family: Family, resolver: Resolver) -> None:
        found = V4 if family is Family.A else V6
        self.under_way.pop((family, resolver)).callback(found)

    def fail_for(self, family: Family, resolver: Resolver, reason: str) -> None:
        failure = Failure(UpstreamError(reason))
        self.under_way.pop((family, resolver)).errback(failure)

    def test_at_once(self) -> None:
        """Both families are asked of the first resolver at once, AAAA first."""
        found = self.look_up(FIRST, SECOND)
        assert self.asked == [(Family.AAAA, FIRST), (Family.A, FIRST)]
        self.find(Family.A, FIRST)
        self.find(Family.AAAA, FIRST)
        self.successResultOf(found)
        assert len(self.asked) == 2

    def test_order(self) -> None:
        """Families take turns, the one that came first goes first; TTL is the lower."""
        for families, addresses in (
            ((Family.A, Family.AAAA), ("192.0.2.1", "2001:db8::1", "192.0.2.2")),
            ((Family.AAAA, Family.A), ("2001:db8::1", "192.0.2.1", "192.0.2.2")),
        ):
            found = self.look_up(FIRST)
            for family in families:
                self.find(family, FIRST)
            assert self.successResultOf(found) == Found(addresses, 90)

    def test_delay(self) -> None:
        """When one family is there, the other has 50 ms left."""
        found = self.look_up(FIRST)
        self.clock.advance(1.0)
        self.find(Family.A, FIRST)
        self.clock.advance(RESOLUTION_DELAY - 0.01)
        self.assertNoResult(found)
        self.clock.advance(0.01)
        assert self.successResultOf(found) == V4
        assert self.cancelled == [(Family.AAAA, FIRST)]

    def test_within_delay(self) -> None:
        """Within these the other still counts, and nobody waits on."""
        found = self.look_up(FIRST)
        self.find(Family.A, FIRST)
        self.clock.advance(RESOLUTION_DELAY / 2)
        self.find(Family.AAAA, FIRST)
        assert len(self.successResultOf(found).addresses) == 3

    def test_one_family(self) -> None:
        """A family that has no addresses holds up nobody, and hurries nobody."""
        found = self.look_up(FIRST)
        self.fail_for(Family.AAAA, FIRST, "no addresses")
        self.clock.advance(1.9)
        self.assertNoResult(found)
        self.find(Family.A, FIRST)
        assert self.successResultOf(found) == V4

    def test_next_resolver(self) -> None:
        """The next is asked when the first has found nothing at all."""
        found = self.look_up(FIRST, SECOND)
        self.fail_for(Family.A, FIRST, "NXDOMAIN")
        assert len(self.asked) == 2
        self.fail_for(Family.AAAA, FIRST, "NXDOMAIN")
        assert self.asked[2:] == [(Family.AAAA, SECOND), (Family.A, SECOND)]
        self.find(Family.AAAA, SECOND)
        self.find(Family.A, SECOND)
        assert len(self.successResultOf(found).addresses) == 3

    def test_dead(self) -> None:
        """Resolvers that fail at once are passed over at once."""
        self.dead = {FIRST}
        found = self.look_up(FIRST, SECOND)
        self.find(Family.A, SECOND)
        self.fail_for(Family.AAAA, SECOND, "no addresses")
        assert self.successResultOf(found) == V4

    def test_all_failed(self) -> None:
        """The error says in one line what became of each question."""
        self.dead = {FIRST}
        found = self.look_up(FIRST, SECOND)
        self.fail_for(Family.A, SECOND, "NXDOMAIN")
        self.fail_for(Family.AAAA, SECOND, "no reply in 2 s")
        reason = self.failureResultOf(found, UpstreamError).getErrorMessage()
        assert reason == (
            "192.0.2.53:53 (AAAA: dead, A: dead),"
            " [2001:db8::53]:5353 (A: NXDOMAIN, AAAA: no reply in 2 s)"
        )

    def test_cancel(self) -> None:
        """Cancelled, it cancels what is under way, and asks nobody else."""
        found = self.look_up(FIRST, SECOND)
        found.cancel()
        self.failureResultOf(found, CancelledError)
        assert self.cancelled == self.asked == [(Family.AAAA, FIRST), (Family.A, FIRST)]

    def test_cancel_within_delay(self) -> None:
        """So it does while one family waits for the other."""
        found = self.look_up(FIRST, SECOND)
        self.find(Family.A, FIRST)
        found.cancel()
        self.failureResultOf(found, CancelledError)
        assert self.cancelled == [(Family.AAAA, FIRST)]
