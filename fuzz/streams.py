"""Target: a client over TCP that sends anything, cut anywhere, and does as it likes."""

from collections import Counter

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from dotproxy.server.http_factory import HTTPFactory
from dotproxy.server.limits import Limits
from dotproxy.server.stream import StreamProtocol
from dotproxy.wire.framing import Frames
from dotproxy.wire.message import FormatError
from dotproxy.wire.query import Query, parse_query
from fuzz.holding import settle
from fuzz.octets import Octets
from fuzz.reading import is_reply
from fuzz.watching import nothing_unhandled
from tests.clients import Held, TcpTransport
from tests.test_factory import make_factory

LIMITS = Limits(first_query=5, idle=10, under_way=3)

LONGEST_STORY = 200
"""Things that happen in one input."""


class Transport(TcpTransport):
    """TCP that ends in the next turn, once it was asked to."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        super().abortConnection()


class Client:
    """A connection, its two ends, and the upstream behind it.

    With a `path` it speaks HTTP.
    """

    def __init__(self, path: str = "") -> None:
        self.clock = Clock()
        self.upstream = Held()
        self.transport = Transport(lenient=True)
        self.factory = make_factory(self.upstream, self.clock, limits=LIMITS)
        http = HTTPFactory(self.factory, path, self.clock) if path else None
        self.protocol: StreamProtocol = (http or self.factory).buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        self.sent = b""
        self.half_closed = self.lost = False

    @property
    def open(self) -> bool:
        """Whether octets may still come."""
        leaving = self.transport.disconnecting or self.transport.aborted
        return not (self.half_closed or self.lost or leaving)

    def send(self, octets: bytes) -> None:
        """Let octets come, if that may be; who is not read sends none."""
        if self.open and self.transport.producerState == "producing":
            self.sent += octets
            self.protocol.dataReceived(octets)

    def half_close(self) -> None:
        """Let the client close its side."""
        if self.open:
            self.half_closed = True
            self.protocol.readConnectionLost()

    def pause(self) -> None:
        """Let the client read no more."""
        if self.transport.producer is not None and not self.lost:
            self.protocol.pauseProducing()

    def resume(self) -> None:
        """Let the client read on."""
        if self.transport.producer is not None and not self.lost:
            self.protocol.resumeProducing()

    def lose(self) -> None:
        """Let the connection be gone."""
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(ConnectionLost()))

    def wait(self, seconds: float) -> None:
        """Let time pass; what hung up is gone then."""
        self.clock.advance(seconds)
        if self.transport.aborted:
            self.lose()


def fuzz_stream(octets: bytes) -> None:
    """Each query gets one reply; and whatever happens, nothing is left over."""
    with nothing_unhandled():
        client = Client()
        play(client, Octets(octets))
        _end(client)
        _judge(client)


def play(client: Client, choices: Octets, before: bytes = b"") -> None:
    """Let the client send what is left of an input, and things happen meanwhile.

    What goes before is not in the input.
    """
    cuts = [choices.number() for _ in range(choices.number(8))]
    story = [choices.number() for _ in range(choices.number(LONGEST_STORY))]
    stream = before + choices.rest()
    for number, step in enumerate(story):
        size = cuts[number % len(cuts)] if cuts else 64
        stream = _happen(client, step, stream, size)
    client.send(stream)


def _happen(client: Client, step: int, stream: bytes, size: int) -> bytes:
    """Let one thing happen; return what is still to be sent."""
    what, number = step % 8, step // 8
    if what <= 2:
        client.send(stream[:size])
        return stream[size:]
    if what == 3:
        settle(client.upstream, number, stream[:number])
    elif what == 4:
        client.pause()
    elif what == 5:
        client.resume()
    elif what == 6:
        client.wait((0.0, 0.1, 1.0, 6.0)[number % 4])
    elif number == 0:
        client.half_close()
    elif number == 1:
        client.protocol.finish()
    elif number == 2:
        client.lose()
    return stream


def _end(client: Client) -> None:
    """Let the client read, the upstream answer, and time pass, until all is over."""
    client.resume()
    for _ in range(2 + len(Frames().feed(client.sent))):
        client.clock.advance(0)
        settle(client.upstream, 0, bytes(8))
    client.clock.advance(0)


def _judge(client: Client) -> None:
    """Find fault with the replies, and with what is left once the client has gone."""
    asked = _queries(client.sent)
    replies = client.transport.take()
    expected = Counter(it.wire if isinstance(it, Query) else it for it in asked)
    expected = Counter(it[:2] for it in expected.elements())
    told = Counter(reply[:2] for reply in replies)
    assert told <= expected, "nobody hears what was not asked"
    whole = not (client.lost or client.transport.aborted)
    if whole and not client.transport.disconnecting:
        assert told == expected, "each query has its reply"
    wishes = {it.wire[:2]: it for it in asked if isinstance(it, Query)}
    if len(wishes) == len(asked):
        for reply in replies:
            is_reply(wishes[reply[:2]], reply)
    leave(client)


def leave(client: Client) -> None:
    """Let the client go: nothing may be left of it."""
    client.clock.advance(100)
    client.lose()
    client.clock.advance(100)
    assert not client.clock.getDelayedCalls(), "no call is left"
    assert client.factory.streams.unread == 0, "nothing is kept for nobody"


def _queries(stream: bytes) -> list[Query | bytes]:
    """Return what is to be replied to: queries, and what is refused as it came."""
    found: list[Query | bytes] = []
    for message in Frames().feed(stream):
        try:
            found.append(parse_query(message))
        except FormatError as fault:
            if fault.rcode is None:
                break
            found.append(message)
    return found
