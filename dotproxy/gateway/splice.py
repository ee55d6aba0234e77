"""Two connections made one: what comes in at one end goes out at the other.

1. What comes is sent at once.  Each end is the producer of the other: where one cannot
   be rid of its octets, the other is not read until it is.  So a relay holds 64 KiB
   each way, and no more, and most of the time nothing.
2. When one peer closes its side, so do we towards the other, after the last octet;
   the other way stays open.
3. When both ways are closed the relay is done.  When a connection breaks, the other
   is broken as well, and not closed: no peer shall take it for a proper end.
4. When no octet went either way for a while, both are given up.
"""

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from dotproxy.gateway.end import End

DONE, IDLE, CLIENT, ORIGIN = "done", "idle", "client_reset", "origin_reset"
"""How a relay ends: closed by both, by us for silence, or broken by one of them."""


class Splice:
    """The stage of both connections while octets go to and fro.

    `over` fires when both are gone, with how it ended.
    """

    def __init__(self, client: End, origin: End, clock: IReactorTime) -> None:
        self.over: Deferred[str] = Deferred()
        self._client, self._origin = client, origin
        self._clock = clock
        self._seconds = clock.seconds
        self._last_used = clock.seconds()
        self._how = ""
        self._timer: IDelayedCall | None = None

    def begin(self, opening: bytes, idle: float) -> None:
        """Send the origin what the client said so far, and go on from there."""
        client, origin = self._client, self._origin
        client.peer, origin.peer = origin, client
        client.stage = origin.stage = self
        # Not as streams: so a transport tells each time when all that it kept is gone.
        origin.transport.registerProducer(client, False)
        client.transport.registerProducer(origin, False)
        self._pass(client, opening)
        self._timer = self._clock.callLater(idle, self._look, idle)

    def stop(self, how: str) -> None:
        """Break both connections, for a reason that `over` will fire with."""
        self._how = self._how or how
        self._client.abort()
        self._origin.abort()

    def received(self, end: End, data: bytes) -> None:
        """Pass it on."""
        self._last_used = self._seconds()
        self._pass(end, data)

    def finished(self, end: End) -> None:
        """Pass on that no more will come; a producer that is done must not stay one."""
        if not end.peer.gone:
            end.peer.transport.unregisterProducer()
            end.peer.transport.loseWriteConnection()
        self._close(end)

    def closed(self, end: End) -> None:
        """Hear that one way is closed to its end."""
        self._close(end)

    def lost(self, end: End) -> None:
        """Break the other, unless all is said; the last one gone ends it."""
        if not (end.finished and end.closed):
            self.stop(CLIENT if end is self._client else ORIGIN)
        if end.peer.gone:
            if self._timer is not None and self._timer.active():
                self._timer.cancel()
            self.over.callback(self._how or DONE)

    def _pass(self, end: End, data: bytes) -> None:
        if not end.peer.send(data):
            end.pauseProducing()

    def _close(self, end: End) -> None:
        if end.finished and end.closed and not end.gone:
            end.transport.loseConnection()

    def _look(self, idle: float) -> None:
        rest = self._last_used + idle - self._seconds()
        if rest <= 0:
            self.stop(IDLE)
        else:
            self._timer = self._clock.callLater(rest, self._look, idle)
