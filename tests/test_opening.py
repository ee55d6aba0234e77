"""A client's first words."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.gateway.limits import GatewayLimits
from dotproxy.gateway.opening import Opening
from dotproxy.gateway.refusal import Refusal
from dotproxy.wire.clienthello import HelloError, Reason
from tests.ends import Line
from tests.hellos import body, message, records, server_name, stream
from tests.messages import quick

LIMITS = GatewayLimits(first_octet=5, hello=10)
HELLO = stream(server_name(b"www.example.org"))


class OpeningTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.client = Line(self.clock)
        self.left = 0
        self.opening = Opening(self.client.end, self.clock, LIMITS, self.leave)
        self.client.end.stage = self.opening

    def leave(self) -> None:
        self.left += 1

    def refusal(self) -> Refusal:
        refusal: Refusal = self.failureResultOf(self.opening.hello, Refusal).value
        return refusal

    @quick
    @given(st.integers(1, 60), st.integers(1, 60))
    def test_pieces(self, segment: int, record: int) -> None:
        """However records and segments fall, each octet is kept as it came."""
        self.setUp()
        hello = records(message(body(server_name(b"www.example.org"))), record)
        for at in range(0, len(hello), segment):
            self.assertNoResult(self.opening.hello)
            self.client.say(hello[at : at + segment])
        found = self.successResultOf(self.opening.hello)
        assert found.server_name == "www.example.org"
        assert self.opening.octets == hello
        assert self.clock.getDelayedCalls() == []

    def test_more(self) -> None:
        """What comes behind the hello is kept, and read no further than 64 KiB."""
        self.client.say(HELLO + b"early")
        self.successResultOf(self.opening.hello)
        self.client.say(b" and more")
        assert self.opening.octets == HELLO + b"early and more"
        assert self.client.transport.reading
        self.client.say(bytes(2**16))
        assert not self.client.transport.reading

    def test_no_hello(self) -> None:
        """What is no hello is told at once."""
        self.client.say(b"GET / HTTP/1.1\r\n\r\n")
        fault = self.failureResultOf(self.opening.hello, HelloError).value
        assert fault.reason is Reason.HTTP
        assert self.clock.getDelayedCalls() == []

    def test_silent(self) -> None:
        """Who says nothing soon is refused."""
        self.clock.advance(4.9)
        self.assertNoResult(self.opening.hello)
        self.clock.advance(0.1)
        assert self.refusal().word == "slow_hello"

    def test_slow(self) -> None:
        """Who began has more time, but not ever more for every octet."""
        for octet in HELLO[:9]:
            self.clock.advance(1)
            self.client.say(bytes((octet,)))
        self.clock.advance(0.9)
        self.assertNoResult(self.opening.hello)
        self.clock.advance(0.1)
        assert self.refusal().word == "slow_hello"

    def test_gone(self) -> None:
        """Whoever leaves is told of once, and leaves no timer."""
        self.client.transport.lose()
        assert self.left == 1
        assert self.clock.getDelayedCalls() == []

    def test_half_closed(self) -> None:
        """Who closes its side now can have no answer: it is gone."""
        self.client.say(HELLO)
        self.successResultOf(self.opening.hello)
        self.client.finish()
        assert self.client.transport.aborted
        self.clock.advance(0)
        assert self.left == 1
