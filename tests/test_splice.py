"""Two connections made one."""

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.gateway.splice import Splice
from tests.ends import Line


class SpliceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.client, self.origin = Line(self.clock), Line(self.clock)
        self.splice = Splice(self.client.end, self.origin.end, self.clock)
        self.splice.begin(b"hello", 600)

    def tearDown(self) -> None:
        """However it ends, no timer is left, and neither connection."""
        self.splice.stop("test over")
        self.turn()
        assert self.clock.getDelayedCalls() == []
        assert self.client.transport.gone
        assert self.origin.transport.gone

    def turn(self) -> None:
        """Let the reactor have some turns."""
        self.clock.pump([0] * 4)

    def ended(self, how: str) -> None:
        self.turn()
        assert self.successResultOf(self.splice.over) == how

    def test_both_ways(self) -> None:
        """What comes in at one end goes out at the other, the opening first."""
        self.client.say(b" world")
        self.origin.say(b"hello yourself")
        assert self.origin.transport.take() == b"hello world"
        assert self.client.transport.take() == b"hello yourself"

    def test_client_slow(self) -> None:
        """Where the client does not take all, the origin is not read until it has; all
        else goes on."""
        self.client.transport.room = 5
        self.origin.say(b"hello yourself")
        assert not self.origin.transport.reading
        assert self.client.transport.reading
        self.client.transport.emptied()
        assert self.origin.transport.reading
        assert self.client.transport.take() == b"hello yourself"

    def test_origin_slow(self) -> None:
        """And the other way round."""
        self.origin.transport.room = 0
        self.client.say(b" world")
        assert not self.client.transport.reading
        assert self.origin.transport.reading
        self.origin.transport.emptied()
        assert self.client.transport.reading
        assert self.origin.transport.take() == b"hello world"

    def test_opening_slow(self) -> None:
        """So it is with what the client said before."""
        client, origin = Line(self.clock), Line(self.clock)
        origin.transport.room = 2
        splice = Splice(client.end, origin.end, self.clock)
        splice.begin(b"hello", 600)
        assert not client.transport.reading
        assert origin.transport.take() == b"hello"
        origin.transport.emptied()
        assert client.transport.reading
        splice.stop("test over")

    def test_breaking(self) -> None:
        """Where one breaks as it is written to, that is for its transport to find."""
        self.client.transport.writeSomeData = lambda data: ConnectionLost()
        self.origin.say(b"hello yourself")
        assert not self.origin.transport.reading
        assert self.client.transport.take() == b"hello yourself"
        self.client.transport.lose()
        self.ended("client_reset")

    def test_finished_slow(self) -> None:
        """Who is done may be gone before all of it was taken; it is not asked again."""
        self.client.transport.room = 5
        self.origin.say(b"hello yourself")
        self.origin.finish()
        assert self.client.transport.producer is None
        assert not self.origin.transport.reading

    def test_paused_before(self) -> None:
        """A client that was paused while an origin was looked for is read again."""
        client, origin = Line(self.clock), Line(self.clock)
        client.transport.pauseProducing()
        splice = Splice(client.end, origin.end, self.clock)
        splice.begin(b"", 600)
        assert client.transport.reading
        splice.stop("test over")

    def test_half_closed(self) -> None:
        """When a client closes its side the origin's is closed, and may go on."""
        self.client.finish()
        assert self.origin.transport.half_closed
        assert not self.client.transport.half_closed
        self.turn()
        self.origin.say(b"late")
        assert self.client.transport.take() == b"late"
        self.assertNoResult(self.splice.over)
        self.origin.finish()
        self.ended("done")
        assert not self.client.transport.aborted
        assert not self.origin.transport.aborted

    def test_half_closed_by_origin(self) -> None:
        """And the other way round."""
        self.origin.finish()
        assert self.client.transport.half_closed
        self.turn()
        self.client.say(b"late")
        assert self.origin.transport.take() == b"hellolate"
        self.client.finish()
        self.ended("done")
        assert not self.client.transport.aborted

    def test_both_at_once(self) -> None:
        """Both may close their sides before either knows of the other."""
        self.origin.finish()
        self.client.finish()
        self.ended("done")

    def test_broken(self) -> None:
        """When one breaks, the other is broken too: it is no proper end."""
        self.client.transport.lose()
        assert self.origin.transport.aborted
        self.ended("client_reset")

    def test_broken_by_origin(self) -> None:
        """And the other way round."""
        self.origin.transport.lose()
        assert self.client.transport.aborted
        self.ended("origin_reset")

    def test_broken_after_half(self) -> None:
        """So it is where one side was closed properly before."""
        self.client.finish()
        self.turn()
        self.client.transport.lose()
        assert self.origin.transport.aborted
        self.ended("client_reset")

    def test_idle(self) -> None:
        """When neither speaks for a while, both are given up."""
        self.clock.advance(599)
        self.origin.say(b"still here")
        self.clock.advance(599)
        self.client.say(b"so am I")
        self.clock.advance(599)
        self.assertNoResult(self.splice.over)
        self.clock.advance(1)
        self.ended("idle")
        assert self.client.transport.aborted

    def test_stop(self) -> None:
        """It may be stopped from outside, and says so."""
        self.splice.stop("stopped")
        self.ended("stopped")
