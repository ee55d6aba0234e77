"""Attempts to connect to an origin, and whose fault it is if none succeeds."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from dotproxy.gateway.end import End
from dotproxy.wire.socks import SocksError

Connect = Callable[[str, int], Deferred[End]]
"""Connect to an address and a port over TCP; may be cancelled."""


class Attempts:
    """Connect to one port of several addresses.

    `word` is for the counters if that fails: the origin is unreachable, unless the
    proxy on the way said that it is to blame.
    """

    def __init__(self, connect: Connect, port: int) -> None:
        self._connect = connect
        self._port = port
        self.word = "unreachable"

    def begin(self, address: str) -> Deferred[End]:
        """Connect to one of them."""
        return self._connect(address, self._port).addErrback(self._note)

    def _note(self, failure: Failure) -> Failure:
        fault = failure.value
        if isinstance(fault, SocksError) and fault.proxy:
            self.word = "proxy_failed"
        return failure
