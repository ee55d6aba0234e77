"""Attempts to connect, and whose fault it is if none succeeds."""

from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.gateway.attempts import Attempts
from dotproxy.wire.socks import SocksError
from tests.ends import Calls


class AttemptsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.calls = Calls(Clock())
        self.attempts = Attempts(self.calls.connect, 8443)

    def word(self, *faults: Exception) -> str:
        """Return the word for attempts that fail so."""
        for fault in faults:
            attempt = self.attempts.begin("9.9.9.9")
            self.calls.waiting[-1].errback(fault)
            assert self.failureResultOf(attempt).value is fault
        return self.attempts.word

    def test_begin(self) -> None:
        """All go to the same port."""
        attempts = [self.attempts.begin(host) for host in ("9.9.9.9", "2620:fe::9")]
        assert self.calls.made == [("9.9.9.9", 8443), ("2620:fe::9", 8443)]
        line = self.calls.take()
        assert self.successResultOf(attempts[1]) is line.end

    def test_origin(self) -> None:
        """It is the origin's, however one came to know."""
        faults = (ConnectionRefusedError(), SocksError("says no route", proxy=False))
        assert self.word(*faults) == "unreachable"

    def test_proxy(self) -> None:
        """It is the proxy's if that said so for one of them."""
        faults = (SocksError("says no"), ConnectionRefusedError())
        assert self.word(*faults) == "proxy_failed"
