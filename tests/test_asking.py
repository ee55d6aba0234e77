"""One query of our own, followed all its way."""

import dns.message
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.tracing.asking import follow
from tests.fakes import FakeUpstream, make_query
from tests.test_forwarder import make_forwarder


class AskingTests(SynchronousTestCase):
    def test_steps(self) -> None:
        """It fires with all steps once the reply is there, be that from the cache."""
        clock, upstream = Clock(), FakeUpstream("one")
        forwarder, message = make_forwarder(upstream, clock), make_query().wire
        following = follow(forwarder, message, clock.seconds, 5.0)
        self.assertNoResult(following)
        assert upstream.asked[0][0].deadline == 5.0
        clock.advance(0.25)
        upstream.answer()
        steps = self.successResultOf(following)
        assert [step.stage for step in steps] == ["asked", "cache", "learned", "reply"]
        assert [step.ms for step in steps] == [0, 0, 250, 250]
        assert steps[0].fields["octets"] == message.hex()
        reply = bytes.fromhex(str(steps[-1].fields["octets"]))
        assert dns.message.from_wire(reply).answer[0][0].address == "192.0.2.1"
        again = self.successResultOf(follow(forwarder, message, clock.seconds, 5.0))
        assert [step.stage for step in again] == ["asked", "cache", "reply"]
