"""Let clients in, and know who is there."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from typing import Protocol as TypingProtocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import ServerFactory

from dotproxy.gateway.admission import Admission
from dotproxy.gateway.end import End
from dotproxy.gateway.relay import Common, Relay
from dotproxy.gateway.turned_away import TurnedAway
from dotproxy.gateway.waiting import MADE_ROOM


class Visit(TypingProtocol):
    """One client that is let in, from the first octet to the last; see `Relay`."""

    def begin(self, client: End) -> None:
        """Listen to the client."""

    def leave(self) -> None:
        """Hear that the connection is gone."""

    @property
    def on_its_way(self) -> bool:
        """Whether it goes where the table leads it, or is there."""

    @property
    def spliced(self) -> bool:
        """Whether octets go to and fro."""

    def turn_out(self) -> None:
        """Break off, for another needs the place."""

    def stop(self) -> None:
        """Break off."""


class Kind(NamedTuple):
    """What becomes of clients, and how the log calls that.

    `create` makes a visit, which calls what it is given when it is over.
    """

    create: Callable[[Common, Callable[[], None]], Visit]
    does: str


RELAYS = Kind(Relay, "relays TLS")


class Relays(ServerFactory):
    """Make a relay, or another kind of visit, for each client that is let in."""

    noisy = False

    def __init__(
        self, common: Common, admission: Admission, kind: Kind = RELAYS
    ) -> None:
        self.counts = common.counts
        self.does = kind.does
        self._create = kind.create
        self._common = common
        self._admission = admission
        self._relays: set[Visit] = set()
        self._turned_away = TurnedAway(common.clock)
        self._empty: Deferred[None] | None = None

    def use(self, common: Common) -> None:
        """Serve who comes from now on by this."""
        self._common = common

    def buildProtocol(self, addr: IAddress | None) -> End | None:
        """Begin a relay, or hang up on who may not have one."""
        assert isinstance(addr, IPv4Address | IPv6Address), "only TCP is listened to"
        host = addr.host
        refusal = self._admission.admit(host, self._common.clock.seconds())
        if refusal:
            self.counts.results[refusal] += 1
            self._turned_away.note(host, refusal)
            return None
        relay = self._create(self._common, lambda: self._forget(relay, host))
        self._relays.add(relay)
        self._admission.waiting.add(relay, partial(self._turn_out, relay, host))
        self.counts.open += 1
        return End(relay.begin, relay.leave)

    def drain(self, seconds: float) -> Deferred[None]:
        """Let the relays under way end, for so long; break those that are left.

        Fires when none is left.  Clients that have no origin yet are let go at once.
        """
        self._turned_away.close()
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

    def _turn_out(self, relay: Visit, host: str) -> None:
        self._turned_away.note(host, MADE_ROOM)
        relay.turn_out()

    def _forget(self, relay: Visit, host: str) -> None:
        self._relays.discard(relay)
        self._admission.waiting.remove(relay)
        self._admission.leave(host)
        self.counts.open -= 1
        if self._empty is not None and not self._relays:
            empty, self._empty = self._empty, None
            empty.callback(None)


def _cancel(timer: IDelayedCall) -> None:
    if timer.active():
        timer.cancel()
