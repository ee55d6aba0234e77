"""A last word."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.gateway.farewell import MOST_IGNORED, Farewell, alert
from tests.ends import Line


class FarewellTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.client = Line(self.clock)
        self.client.transport.pauseProducing()
        Farewell(self.client.end, alert(112), self.clock)

    def test_alert(self) -> None:
        """A fatal alert goes out, and our side is closed behind it."""
        assert self.client.transport.take() == b"\x15\3\3\0\2\2\x70"
        assert self.client.transport.half_closed
        assert self.client.transport.reading
        assert not self.client.transport.disconnecting

    def test_closed(self) -> None:
        """When the client closes, all is closed, and no timer is left."""
        self.client.say(b"what?")
        self.client.finish()
        self.clock.pump([0, 0])
        assert self.client.transport.gone
        assert not self.client.transport.aborted
        assert self.clock.getDelayedCalls() == []

    def test_waits(self) -> None:
        """A client that does not close is hung up on soon."""
        self.clock.advance(1.9)
        assert not self.client.transport.aborted
        self.clock.advance(0.1)
        assert self.client.transport.aborted
        self.clock.advance(0)
        assert self.clock.getDelayedCalls() == []

    def test_talks_on(self) -> None:
        """So is one that talks on and on."""
        self.client.say(bytes(MOST_IGNORED))
        assert not self.client.transport.aborted
        self.client.say(b"!")
        assert self.client.transport.aborted
