"""One client that speaks plain HTTP, and is sent to the same place by HTTPS."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from dotproxy.gateway.admission import shortened
from dotproxy.gateway.end import End
from dotproxy.gateway.farewell import Farewell
from dotproxy.gateway.relay import GONE, Common
from dotproxy.gateway.waiting import MADE_ROOM
from dotproxy.wire.http_request import Request, read_head, read_request
from dotproxy.wire.message import FormatError

REDIRECTED, BAD, SLOW, UNKNOWN = (
    *("redirected", "bad_request", "slow_request", "not_in_table"),
)
"""Results: sent to HTTPS; no request that can be read; none in time; a host that no
rule redirects."""

REMEMBERED = 60
"""Seconds that a browser may keep in mind where it was sent: as long as what the DNS
says, for the rule may go."""

_REPLY = "HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"


class Redirection:
    """Hear one request out, answer it, and hang up.

    `on_over` is called when the client is gone.
    """

    log = Logger()
    on_its_way = spliced = False

    def __init__(self, common: Common, on_over: Callable[[], None]) -> None:
        self._common = common
        self._on_over = on_over
        self._octets = bytearray()
        self._name = "-"
        self._gone = GONE
        self._client: End
        self._timer: IDelayedCall

    def begin(self, client: End) -> None:
        """Listen to the client, now that it is connected."""
        self._client = client
        client.stage = self
        common = self._common
        self._timer = common.clock.callLater(common.limits.hello, self._end, SLOW, "")

    def leave(self) -> None:
        """Hear that the client is gone."""
        self._on_over()

    def turn_out(self) -> None:
        """Break off, for another needs the place; the log is told elsewhere."""
        self._gone = MADE_ROOM
        self._client.abort()

    def stop(self) -> None:
        """Break off."""
        self._client.abort()

    def received(self, end: End, data: bytes) -> None:
        """Read on, until there is a request; what is behind it nobody reads."""
        self._octets += data
        try:
            head = read_head(self._octets)
            if head is not None:
                self._answer(read_request(head))
        except FormatError as fault:
            self._end(BAD, reply("400 Bad Request"), f" ({fault})")

    def finished(self, end: End) -> None:
        """Take the end of its side for the end of it all."""
        end.abort()

    def closed(self, end: End) -> None:
        """Never happens: our side is open for as long as this lasts."""

    def lost(self, end: End) -> None:
        """Note that it left before it had asked."""
        self._note(self._gone)

    def _answer(self, request: Request) -> None:
        self._name = request.host
        if self._common.guide.knows(request.host):
            self._end(REDIRECTED, redirected(request))
        else:
            self._end(UNKNOWN, reply("404 Not Found"))

    def _end(self, word: str, last: str, why: str = "") -> None:
        Farewell(self._client, last.encode("ascii"), self._common.clock)
        self._note(word, why)

    def _note(self, word: str, why: str = "") -> None:
        """Count and log what became of it."""
        if self._timer.active():
            self._timer.cancel()
        self._common.counts.results[word] += 1
        if word == MADE_ROOM:
            return
        self.log.info(
            "{client} {name} by HTTP: {word}{why}",
            client=shortened(self._client.transport.getPeer().host),
            name=self._name,
            word=word,
            why=why,
        )


def redirected(request: Request) -> str:
    """Return the reply that sends a client to HTTPS.

    301 is what every client knows, but lets a POST become a GET; so all but GET and
    HEAD get a 308 (RFC 9110 sections 15.4.2 and 15.4.9).
    """
    asks = request.method in ("GET", "HEAD")
    status = "301 Moved Permanently" if asks else "308 Permanent Redirect"
    place = f"Location: https://{request.host}{request.path}\r\n"
    return reply(status, f"{place}Cache-Control: max-age={REMEMBERED}\r\n")


def reply(status: str, more: str = "") -> str:
    """Return a whole reply, with nothing in it but its header."""
    return _REPLY.format(status=status, more=more)
