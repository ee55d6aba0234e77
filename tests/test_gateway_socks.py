"""Connections that a SOCKS5 proxy makes for the gateway."""

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.gateway.attempts import Attempts
from dotproxy.gateway.socks import through
from dotproxy.wire.socks import Login, SocksError
from tests.ends import Calls, Line, Notes

PROXY = ("192.0.2.9", 1080)
LOGIN = Login("me", "secret")
CONNECTED = bytes.fromhex("05 00 00 01 00000000 0000")
ASKS = bytes.fromhex("05 01 00 01 09090909 01bb")


class ThroughTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.calls = Calls(self.clock)
        self.attempts = Attempts(through(PROXY, None, self.calls.connect), 443)
        self.connecting = self.attempts.begin("9.9.9.9")

    def refused(self, *said: bytes) -> str:
        """Return what is told when the proxy says this."""
        proxy = self.calls.take()
        for octets in said:
            proxy.say(octets)
        self.clock.advance(0)
        assert proxy.transport.gone
        return str(self.failureResultOf(self.connecting, SocksError).value)

    def connected(self, proxy: Line) -> Notes:
        """Return what will be told of the connection from here on."""
        notes = Notes()

        def note(end: object) -> None:
            assert end is proxy.end
            proxy.end.stage = notes

        self.connecting.addCallback(note)
        return notes

    def test_connected(self) -> None:
        """It is the proxy's connection, once that has connected us on."""
        assert self.calls.made == [PROXY]
        proxy = self.calls.take()
        notes = self.connected(proxy)
        assert proxy.transport.take() == b"\5\1\0"
        proxy.say(b"\5\0")
        assert proxy.transport.take() == ASKS
        assert notes.said == []
        self.assertNoResult(self.connecting)
        proxy.say(CONNECTED)
        self.successResultOf(self.connecting)
        proxy.say(b"hello")
        assert (notes.said, proxy.end.octets) == ([b"hello"], 5)

    def test_at_once(self) -> None:
        """What the origin says right behind the reply is not lost, and alone counts."""
        proxy = self.calls.take()
        notes = self.connected(proxy)
        proxy.say(b"\5\0" + CONNECTED + b"hello")
        assert (notes.said, proxy.end.octets) == ([b"hello"], 5)

    def test_too_late(self) -> None:
        """What comes for a connection that nobody wants any more is nobody's."""
        proxy = self.calls.take()
        self.connecting.addCallback(lambda end: end.abort())
        proxy.say(b"\5\0" + CONNECTED + b"hello")
        self.successResultOf(self.connecting)
        self.clock.advance(0)
        assert proxy.transport.gone

    def test_login(self) -> None:
        """With a login the proxy is told who we are."""
        self.connecting = through(PROXY, LOGIN, self.calls.connect)("9.9.9.9", 443)
        proxy = self.calls.take()
        proxy.say(b"\5\2")
        assert proxy.transport.take() == b"\5\1\2\1\2me\6secret"
        proxy.say(b"\1\0")
        assert proxy.transport.take() == ASKS

    def test_refused(self) -> None:
        """A refusal names the proxy and the reason, and the proxy is to blame."""
        told = self.refused(b"\5\0", b"\5\2\0\1")
        assert told == "the proxy 192.0.2.9:1080 says not allowed by its rules"
        assert self.attempts.word == "proxy_failed"

    def test_unreachable(self) -> None:
        """Where the origin is to blame, it is what could not be reached."""
        told = self.refused(b"\5\0", b"\5\5")
        assert told == "the proxy 192.0.2.9:1080 says connection refused"
        assert self.attempts.word == "unreachable"

    def test_no_proxy(self) -> None:
        """A proxy that is not there is to blame."""
        self.calls.waiting[-1].errback(ConnectionRefusedError())
        fault = self.failureResultOf(self.connecting, SocksError).value
        assert str(fault).startswith("the proxy 192.0.2.9:1080 cannot be reached: ")
        assert self.attempts.word == "proxy_failed"

    def test_hangs_up(self) -> None:
        """So is one that hangs up, in whatever way."""
        proxy = self.calls.take()
        proxy.finish()
        fault = self.failureResultOf(self.connecting, SocksError).value
        assert str(fault) == "the proxy 192.0.2.9:1080 hangs up"
        self.clock.advance(0)
        assert proxy.transport.gone

    def test_lost(self) -> None:
        """A connection that breaks is one that hangs up."""
        proxy = self.calls.take()
        proxy.transport.lose()
        fault = self.failureResultOf(self.connecting, SocksError).value
        assert str(fault) == "the proxy 192.0.2.9:1080 hangs up"

    def test_cancelled(self) -> None:
        """One that is not wanted any more is broken off, at either step."""
        self.connecting.cancel()
        assert self.calls.cancelled == 1
        self.failureResultOf(self.connecting, CancelledError)
        self.connecting = self.attempts.begin("9.9.9.9")
        proxy = self.calls.take()
        proxy.say(b"\5\0")
        self.connecting.cancel()
        self.failureResultOf(self.connecting, CancelledError)
        proxy.say(CONNECTED)
        self.clock.advance(0)
        assert proxy.transport.gone
        assert self.attempts.word == "unreachable"

    def test_silent(self) -> None:
        """A proxy that does not say in time that it takes us is to blame."""
        proxy = self.calls.take()
        self.connecting.cancel()
        fault = self.failureResultOf(self.connecting, SocksError).value
        assert str(fault) == "the proxy 192.0.2.9:1080 does not answer"
        self.clock.advance(0)
        assert proxy.transport.gone
        assert self.attempts.word == "proxy_failed"
