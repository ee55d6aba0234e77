"""One client of the gateway, from its first octet to its last."""

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.gateway.admission import shortened
from dotproxy.gateway.counts import Counts
from dotproxy.gateway.end import End
from dotproxy.gateway.farewell import Farewell, alert
from dotproxy.gateway.guide import Guide, Way
from dotproxy.gateway.limits import GatewayLimits
from dotproxy.gateway.opening import Opening
from dotproxy.gateway.refusal import Refusal
from dotproxy.gateway.splice import Splice
from dotproxy.gateway.waiting import MADE_ROOM
from dotproxy.wire.clienthello import HelloError
from dotproxy.wire.proxy_header import write_proxy_header

GONE, ERROR, STOPPED = "client_gone", "error", "stopped"
"""Results: the client left before there was an origin; a bug; our own end."""


@dataclass(frozen=True)
class Common:
    """What all relays have in common."""

    guide: Guide
    limits: GatewayLimits
    counts: Counts
    clock: IReactorTime


class Relay:
    """Hear a client out, find its origin, and pass on what both say.

    `on_over` is called when the client is gone and so is its origin.
    """

    log = Logger()

    def __init__(self, common: Common, on_over: Callable[[], None]) -> None:
        self._common = common
        self._on_over = on_over
        self._left = 2
        self._began = common.clock.seconds()
        self._name = self._place = "-"
        self._why = ""
        self._answered = 0
        self._client: End
        self._opening: Opening
        self._serving: Deferred[str]
        self._splice: Splice | None = None
        self._turned_out = False
        self.on_its_way = False
        """Whether it goes where the table leads it, or is there."""

    def begin(self, client: End) -> None:
        """Listen to the client, now that it is connected."""
        self._client = client
        common = self._common
        self._opening = Opening(client, common.clock, common.limits, self._gone)
        client.stage = self._opening
        self._serving = Deferred.fromCoroutine(self._serve())
        self._serving.addErrback(self._failed).addCallback(self._ended)

    def leave(self) -> None:
        """Hear that one of two is over: the client's connection, or what was done for
        it."""
        self._left -= 1
        if not self._left:
            on_over = self._on_over
            # All that it knows knows it as well, and circles are not looked for often.
            vars(self).clear()
            on_over()

    @property
    def spliced(self) -> bool:
        """Whether octets go to and fro."""
        return self._splice is not None

    def turn_out(self) -> None:
        """Break off, for another needs the place; the log is told elsewhere."""
        self._turned_out = True
        self._client.abort()

    def stop(self) -> None:
        """Break off, wherever it stands."""
        if self._splice is not None:
            self._splice.stop(STOPPED)
        else:
            self._client.abort()

    async def _serve(self) -> str:
        """Return the word for how it ended; raises Refusal."""
        common = self._common
        way, protocols = await self._way()
        self._name = way.name or "-"
        self.on_its_way = True
        self._place, origin = await common.guide.go(way, common.clock, common.limits)
        header = self._header(way, protocols)
        splice = self._splice = Splice(self._client, origin, common.clock)
        splice.begin(header + self._opening.octets, common.limits.idle)
        # The hello may be 64 KiB long, and a relay last for days.
        del self._opening
        how = await splice.over
        common.counts.up += self._client.octets
        common.counts.down += origin.octets
        self._answered = origin.octets
        return how

    async def _way(self) -> tuple[Way, tuple[bytes, ...]]:
        """Return where the client is to go, and the protocols that it offers."""
        guide, counts = self._common.guide, self._common.counts
        try:
            hello = await self._opening.hello
        except HelloError as fault:
            return guide.way_of_stranger(fault), ()
        counts.hellos += 1
        counts.hello_octets += hello.size
        counts.hello_records += hello.records
        reached = self._client.transport.getHost()
        return guide.way(hello, (reached.host, reached.port)), hello.alpn

    def _header(self, way: Way, protocols: tuple[bytes, ...]) -> bytes:
        """Return what a backend hears about the client, if it is to hear anything."""
        if not way.redirect.proxy_protocol:
            return b""
        client, reached = (
            (end.host, end.port)
            for end in (
                self._client.transport.getPeer(),
                self._client.transport.getHost(),
            )
        )
        return write_proxy_header(client, reached, way.name, protocols)

    def _gone(self) -> None:
        """Let go of what is under way for a client that is gone."""
        self._serving.cancel()

    def _failed(self, failure: Failure) -> str:
        """Turn the client away; return the word for why."""
        self.on_its_way = False
        refusal = failure.value
        if isinstance(refusal, Refusal):
            self._why = str(refusal)
            last = b"" if refusal.alert is None else alert(refusal.alert)
            Farewell(self._client, last, self._common.clock)
            return refusal.word
        if failure.check(CancelledError):
            return MADE_ROOM if self._turned_out else GONE
        self.log.failure("a client could not be relayed", failure)
        self._client.abort()
        return ERROR

    def _ended(self, word: str) -> None:
        """Count and log what became of it."""
        self._common.counts.results[word] += 1
        if word != MADE_ROOM:
            self._tell(word)
        self.leave()

    def _tell(self, word: str) -> None:
        self.log.info(
            "{client} {name} to {place}: {word}{why}, {up} octets up, {down} down,"
            " {seconds:.1f} s",
            client=shortened(self._client.transport.getPeer().host),
            name=self._name,
            place=self._place,
            word=word,
            why=f" ({self._why})" if self._why else "",
            up=self._client.octets,
            down=self._answered,
            seconds=self._common.clock.seconds() - self._began,
        )
