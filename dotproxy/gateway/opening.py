"""A client's first words, and the wait for an origin that follows."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from dotproxy.gateway.end import End
from dotproxy.gateway.limits import GatewayLimits
from dotproxy.gateway.refusal import Refusal
from dotproxy.wire.clienthello import LONGEST_START, Hello, HelloError, HelloReader


class Opening:
    """The stage of a client until it is relayed or turned away.

    `hello` fires with its hello, or fails with HelloError, or with Refusal if that
    takes too long.  `on_gone` is called if the client leaves: one that closes its side
    before it heard the server can complete no handshake.
    """

    def __init__(
        self,
        client: End,
        clock: IReactorTime,
        limits: GatewayLimits,
        on_gone: Callable[[], None],
    ) -> None:
        self.hello: Deferred[Hello] = Deferred()
        self._client = client
        self._limits = limits
        self._on_gone = on_gone
        self._reader = HelloReader()
        self._timer: IDelayedCall = clock.callLater(limits.first_octet, self._late)

    @property
    def octets(self) -> bytes:
        """All that came so far."""
        return bytes(self._reader.octets)

    def received(self, end: End, data: bytes) -> None:
        """Read on; keep what comes behind the hello, up to a bound."""
        if self.hello.called:
            self._reader.octets += data
            if len(self._reader.octets) >= LONGEST_START:
                end.transport.pauseProducing()
            return
        if not self._reader.octets:
            self._timer.delay(self._limits.hello - self._limits.first_octet)
        try:
            hello = self._reader.feed(data)
        except HelloError as fault:
            self._timer.cancel()
            self.hello.errback(fault)
            return
        if hello is not None:
            self._timer.cancel()
            self.hello.callback(hello)

    def finished(self, end: End) -> None:
        """Take the end of its side for the end of it all."""
        end.abort()

    def closed(self, end: End) -> None:
        """Never happens: our side is open for as long as this lasts."""

    def lost(self, end: End) -> None:
        """Tell that nobody waits any more."""
        if self._timer.active():
            self._timer.cancel()
        self._on_gone()

    def _late(self) -> None:
        # It leads back to us, and is not asked for again.
        del self._timer
        missing = "the rest of a hello" if self._reader.octets else "a hello"
        self.hello.errback(Refusal("slow_hello", f"waited in vain for {missing}"))
