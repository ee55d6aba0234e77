"""Let clients in, and know who is there."""

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import ServerFactory

from dotproxy.gateway.admission import Admission
from dotproxy.gateway.end import End
from dotproxy.gateway.relay import Common, Relay


class Relays(ServerFactory):
    """Make a relay for each client that is let in."""

    noisy = False

    def __init__(self, common: Common, admission: Admission) -> None:
        self.counts = common.counts
        self._common = common
        self._admission = admission
        self._relays: set[Relay] = set()
        self._empty: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> End | None:
        """Begin a relay, or hang up on who may not have one."""
        assert isinstance(addr, IPv4Address | IPv6Address), "only TCP is listened to"
        host = addr.host
        refusal = self._admission.admit(host, self._common.clock.seconds())
        if refusal:
            self.counts.results[refusal] += 1
            return None
        relay = Relay(self._common, lambda: self._forget(relay, host))
        self._relays.add(relay)
        self.counts.open += 1
        return End(relay.begin, relay.leave)

    def drain(self, seconds: float) -> Deferred[None]:
        """Let the relays under way end, for so long; break those that are left.

        Fires when none is left.  Clients that have no origin yet are let go at once.
        """
        for relay in list(self._relays):
            if not relay.spliced:
                relay.stop()
        if not self._relays:
            return succeed(None)
        late = self._common.clock.callLater(seconds, self._break)
        self._empty = Deferred()
        return self._empty.addCallback(lambda _: _cancel(late))

    def _break(self) -> None:
        for relay in list(self._relays):
            relay.stop()

    def _forget(self, relay: Relay, host: str) -> None:
        self._relays.discard(relay)
        self._admission.leave(host)
        self.counts.open -= 1
        if self._empty is not None and not self._relays:
            empty, self._empty = self._empty, None
            empty.callback(None)


def _cancel(timer: IDelayedCall) -> None:
    if timer.active():
        timer.cancel()
