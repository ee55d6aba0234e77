"""Clients of the gateway, from their hello to their end."""

import gc
import weakref
from collections.abc import Sequence
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.gateway.admission import Admission
from dotproxy.gateway.counts import Counts
from dotproxy.gateway.guide import Connects, Guide, Signposts
from dotproxy.gateway.limits import GatewayLimits
from dotproxy.gateway.relay import Common
from dotproxy.gateway.relays import Relays
from dotproxy.gateway.targets import Targets
from dotproxy.local.redirects import Redirect, Redirects
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.proxy_header import SIGNATURE
from tests.ends import CLIENT, Calls, Line
from tests.hellos import alpn, body, message, outer, records, server_name, stream
from tests.redirects import redirect, rules_of

HELLO = stream(server_name(b"www.example.org"))
PUBLIC, OTHER, PRIVATE = "9.9.9.9", "1.1.1.1", "10.0.0.1"
LIMITS = GatewayLimits(per_client=4, in_all=6, new_per_second=100)

TABLE = (
    redirect(".example.org"),
    redirect("backend.example", backend="10.0.0.9:8443", proxy_protocol=True),
    redirect("itself.example", backend="192.0.2.1:443"),
    redirect("public.example", origin="edge.example"),
    redirect("private.example", private=True),
)


def fatal(alert: int) -> bytes:
    return b"\x15\3\3\0\2\2" + bytes((alert,))


class FakeOrigins:
    """Addresses of origins, as the test has them."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.addresses_: Sequence[str] | Exception = (PUBLIC,)
        self.waits: Deferred[Any] | None = None

    async def addresses(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        if self.waits is not None:
            await self.waits
        if isinstance(self.addresses_, Exception):
            raise self.addresses_
        return self.addresses_


class RelayTests(SynchronousTestCase):
    """A relay with in-memory connections on both sides."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.calls = self.backends = Calls(self.clock)
        self.origins = FakeOrigins()
        self.start()

    def start(self, **signposts: Any) -> None:
        targets = Targets([("192.0.2.1", 443)], is_local=lambda _: False)
        posts = Signposts(Redirects(rules_of(*TABLE)).find, **signposts)
        connects = Connects(self.backends.connect, self.calls.connect)
        guide = Guide(posts, self.origins, targets, connects)  # type: ignore[arg-type]
        self.counts = Counts()
        common = Common(guide, LIMITS, self.counts, self.clock)
        self.relays = Relays(common, Admission(LIMITS, lambda host: host != "10.9.9.9"))

    def tearDown(self) -> None:
        """However it ends, nothing is left open and no timer is."""
        drained = self.relays.drain(0)
        self.turn()
        self.clock.pump([1] * 4)
        assert self.successResultOf(drained) is None
        assert self.clock.getDelayedCalls() == []
        assert self.counts.open == 0

    def client(self, host: str = CLIENT[0]) -> Line | None:
        end = self.relays.buildProtocol(IPv4Address("TCP", host, 50_000))
        return end and Line(self.clock, end)

    def connect(self, octets: bytes = b"") -> Line:
        client = self.client()
        assert client is not None
        if octets:
            client.say(octets)
        return client

    def turn(self) -> None:
        self.clock.pump([0] * 4)

    def refused(self, client: Line, word: str, alert: int | None = None) -> None:
        """Check that a client is turned away, and hears an alert or nothing."""
        expected = b"" if alert is None else fatal(alert)
        assert client.transport.take() == expected
        assert client.transport.half_closed
        assert self.counts.results == {word: 1}
        client.finish()
        self.turn()
        assert client.transport.gone


class CircleTests(RelayTests):
    def check(self, line: Line) -> None:
        """Let a client be gone, as Twisted's transports do; see that nothing stays."""
        left = weakref.ref(line.transport.protocol)
        line.transport.lose()
        self.turn()
        del line.transport.protocol, line.end
        assert left() is None

    def setUp(self) -> None:
        """Leave it to the circles themselves to be gone."""
        super().setUp()
        gc.disable()
        self.addCleanup(gc.enable)

    def test_relayed(self) -> None:
        """A client that was relayed leaves no circle of garbage behind."""
        client = self.connect(HELLO)
        origin = self.calls.take()
        self.check(client)
        assert origin.transport.gone


class PassTests(RelayTests):
    def test_passed_on(self) -> None:
        """What the client sent reaches the origin as it came, early data and all."""
        hello = records(message(body(server_name(b"www.example.org"))), 20)
        client = self.connect(hello[:33])
        client.say(hello[33:] + b"early")
        client.say(b" data")
        assert self.calls.made == [(PUBLIC, 443)]
        origin = self.calls.take()
        client.say(b" more")
        assert origin.transport.take() == hello + b"early data more"
        origin.say(b"answer")
        assert client.transport.take() == b"answer"

    def test_counts_and_log(self) -> None:
        """At the end it is counted, and one line says who, where, how much and why."""
        with capturedLogs() as events:
            client = self.connect(HELLO)
            origin = self.calls.take()
            origin.say(b"answer")
            self.clock.advance(2)
            client.finish()
            origin.finish()
            self.turn()
        assert self.counts.results == {"done": 1}
        assert (self.counts.up, self.counts.down) == (len(HELLO), 6)
        assert (self.counts.hellos, self.counts.hello_octets) == (1, len(HELLO))
        assert self.counts.hello_records == 1
        (line,) = [formatEvent(event) for event in events]
        assert line == (
            f"198.51.100.0 www.example.org to 9.9.9.9:443: done,"
            f" {len(HELLO)} octets up, 6 down, 2.0 s"
        )

    def test_ech(self) -> None:
        """An ECH extension changes nothing: the value of the name alone decides."""
        self.connect(stream(server_name(b"www.example.org"), outer()))
        assert self.origins.asked == ["www.example.org"]
        client = self.connect(stream(server_name(b"other.example"), outer()))
        self.refused(client, "not_in_table", 112)

    def test_public_name(self) -> None:
        """The public name of a provider leads to the provider's edge."""
        self.connect(stream(server_name(b"public.example"), outer()))
        assert self.origins.asked == ["edge.example"]

    def test_own_address(self) -> None:
        """Where an address of ours stands for a name, it counts, whatever is said."""
        self.start(name_at={"192.0.2.1": "leased.example.org"}.get)
        for hello in (
            stream(server_name(b"cloud.example"), outer()),
            stream(alpn(b"h2")),
        ):
            self.connect(hello)
            assert self.origins.asked.pop() == "leased.example.org"

    def test_own_address_not_in_table(self) -> None:
        """But the name must be in the table, as any."""
        self.start(name_at={"192.0.2.1": "left.example"}.get)
        self.refused(self.connect(HELLO), "not_in_table", 112)

    def test_port(self) -> None:
        """The origins' port may be another than ours."""
        self.start(port=8853)
        self.connect(HELLO)
        assert self.calls.made == [(PUBLIC, 8853)]

    def test_backend(self) -> None:
        """A backend is dialled as it is, and first hears who the client is."""
        hello = stream(server_name(b"backend.example"), alpn(b"h2"))
        self.connect(hello)
        assert self.calls.made == [("10.0.0.9", 8443)]
        assert self.origins.asked == []
        header, found, passed = self.calls.take().transport.take().partition(hello)
        assert (found, passed) == (hello, b"")
        assert header.startswith(SIGNATURE)
        assert header.endswith(b"\1\0\2h2\2\0\x0fbackend.example")

    def test_default_backend(self) -> None:
        """Who names nobody, or speaks no TLS, goes to the default backend, if any."""
        self.start(default=Redirect(backend=("10.0.0.9", 80)))
        for octets in (stream(), b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n"):
            self.connect(octets)
            assert self.calls.made.pop() == ("10.0.0.9", 80)
            assert self.calls.take().transport.take() == octets

    def test_second_address(self) -> None:
        """Where one address does not answer, the next is dialled (RFC 8305)."""
        self.origins.addresses_ = (PUBLIC, OTHER)
        client = self.connect(HELLO)
        self.clock.advance(0.25)
        assert self.calls.made == [(PUBLIC, 443), (OTHER, 443)]
        assert self.calls.take().transport.take() == HELLO
        assert self.calls.cancelled == 1
        assert client.transport.reading


class RefusalTests(RelayTests):
    def test_not_in_table(self) -> None:
        """A name that is not in the table is refused: this is no open proxy."""
        client = self.connect(stream(server_name(b"attacker.example")))
        self.refused(client, "not_in_table", 112)
        assert self.calls.made == self.origins.asked == []

    def test_no_name(self) -> None:
        """A hello without a name is told what is missing (RFC 8446 section 9.2)."""
        self.refused(self.connect(stream()), "no_name", 109)

    def test_address_as_name(self) -> None:
        """An address is no name."""
        client = self.connect(stream(server_name(b"127.0.0.1")))
        self.refused(client, "unrecognized_name", 112)

    def test_broken(self) -> None:
        """A hello that cannot be read is told so, backend or not."""
        self.start(default=Redirect(backend=("10.0.0.9", 80)))
        self.refused(self.connect(b"\x16\3\1\0\0"), "decode_error", 50)

    def test_no_tls(self) -> None:
        """Who speaks no TLS gets no answer, and the connection is closed."""
        self.refused(self.connect(b"GET / HTTP/1.1\r\n\r\n"), "http")

    def test_slow(self) -> None:
        """So it is with one who says nothing."""
        client = self.connect()
        self.clock.advance(5)
        self.refused(client, "slow_hello")

    def test_no_address(self) -> None:
        """A name without an address is nowhere."""
        self.origins.addresses_ = UpstreamError("A: NXDOMAIN")
        self.refused(self.connect(HELLO), "no_address")

    def test_private(self) -> None:
        """Nobody is led to an address that is not public."""
        self.origins.addresses_ = (PRIVATE, "127.0.0.1", "::1", "169.254.169.254")
        self.refused(self.connect(HELLO), "address_refused")
        assert self.calls.made == []

    def test_some_private(self) -> None:
        """Of several addresses only the public ones are dialled."""
        self.origins.addresses_ = (PRIVATE, PUBLIC)
        self.connect(HELLO)
        self.clock.advance(0.5)
        assert self.calls.made == [(PUBLIC, 443)]

    def test_private_allowed(self) -> None:
        """A name may be allowed to be anywhere, but not at the relay itself."""
        hello = stream(server_name(b"private.example"))
        self.origins.addresses_ = ("192.0.2.1", PRIVATE)
        self.connect(hello)
        self.clock.advance(0.5)
        assert self.calls.made == [(PRIVATE, 443)]

    def test_loop(self) -> None:
        """A name that leads to the relay itself is refused, with one line."""
        self.origins.addresses_ = ("192.0.2.1",)
        with capturedLogs() as events:
            client = self.connect(stream(server_name(b"private.example")))
        self.refused(client, "address_refused")
        (line,) = [formatEvent(event) for event in events]
        assert "(192.0.2.1 is the relay itself)" in line

    def test_backend_loop(self) -> None:
        """So is a backend that is the relay."""
        client = self.connect(stream(server_name(b"itself.example")))
        self.refused(client, "address_refused")

    def test_unreachable(self) -> None:
        """Where the origin refuses, the client's connection is closed."""
        client = self.connect(HELLO)
        self.calls.waiting[0].errback(ConnectionRefusedError())
        self.refused(client, "unreachable")

    def test_origin_silent(self) -> None:
        """So it is where it does not answer in time."""
        client = self.connect(HELLO)
        self.clock.advance(5)
        assert self.calls.cancelled == len(self.calls.made) > 0
        self.refused(client, "unreachable")

    def test_bug(self) -> None:
        """What should never happen breaks this connection, and is logged."""
        self.origins.waits = fail(ZeroDivisionError())
        client = self.connect(HELLO)
        assert client.transport.aborted
        assert self.counts.results == {"error": 1}
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1


class LeavingTests(RelayTests):
    def test_while_looking_up(self) -> None:
        """Who leaves while the name is looked up leaves nothing behind."""
        self.origins.waits = Deferred()
        client = self.connect(HELLO)
        client.transport.lose()
        assert self.counts.results == {"client_gone": 1}
        assert self.calls.made == []

    def test_while_dialling(self) -> None:
        """Who leaves while the origin is dialled leaves no call behind."""
        client = self.connect(HELLO)
        client.finish()
        self.turn()
        assert self.calls.cancelled == 1
        assert self.counts.results == {"client_gone": 1}

    def test_before_hello(self) -> None:
        """Who leaves before the hello was just passing."""
        self.connect(HELLO[:9]).transport.lose()
        assert self.counts.results == {"client_gone": 1}

    def test_crowd(self) -> None:
        """Who has too many connections gets no more until one is over."""
        clients = [self.connect() for _ in range(4)]
        assert self.client() is None
        assert self.client("198.51.100.8") is not None
        clients[0].transport.lose()
        assert self.client() is not None
        assert self.counts.results["too_many"] == 1

    def test_room(self) -> None:
        """Where all places are taken, the one makes room that waited longest for its
        own hello; whoever is on his way stays.  The log tells of the first alone."""
        relayed, dialling = self.connect(HELLO), self.connect(HELLO)
        self.calls.take()
        silent, half = self.connect(), self.connect(HELLO[:9])
        others = [self.client("198.51.100.8") for _ in range(2)]
        with capturedLogs() as events:
            newcomers = [self.client("203.0.113.9") for _ in range(3)]
        assert all(newcomers)
        self.turn()
        places = (silent, half, *others, relayed, dialling)
        gone = [each.transport.gone for each in places if each]
        assert gone == [True, True, True, False, False, False]
        assert self.counts.results == {"made_room": 3}
        assert self.counts.open == 6
        lines = [formatEvent(event) for event in events]
        assert lines == ["198.51.100.0 is turned away: made_room"]

    def test_refused_makes_room(self) -> None:
        """One that hears why it is refused is on no way; it is counted once."""
        refused = self.connect(stream(server_name(b"attacker.example")))
        for host in ("198.51.100.8", "198.51.100.9"):
            for _ in range(3):
                assert self.client(host) is not None
        self.turn()
        assert refused.transport.gone
        assert self.counts.results == {"not_in_table": 1}

    def test_full(self) -> None:
        """Where all are on their way, nobody makes room."""
        for host in (CLIENT[0], "198.51.100.8"):
            for _ in range(3):
                client = self.client(host)
                assert client is not None
                client.say(HELLO)
        assert self.client("198.51.100.9") is None
        assert self.counts.results == {"full": 1}

    def test_own_limit(self) -> None:
        """Who has all that he may have gets nobody turned out."""
        silent = self.client("198.51.100.8")
        for _ in range(4):
            self.connect()
        assert self.client("198.51.100.8") is not None
        assert self.client() is None
        self.turn()
        assert silent is not None
        assert not silent.transport.gone
        assert self.counts.results == {"too_many": 1}

    def test_denied(self) -> None:
        """Who is not allowed gets none."""
        assert self.client("10.9.9.9") is None
        assert self.counts.results == {"denied": 1}

    def test_drain(self) -> None:
        """At the end relays may go on for a while; who has none is let go."""
        waiting, client = self.connect(), self.connect(HELLO)
        origin = self.calls.take()
        drained = self.relays.drain(5)
        self.turn()
        assert waiting.transport.gone
        self.clock.advance(4)
        origin.say(b"the rest")
        assert client.transport.take() == b"the rest"
        self.assertNoResult(drained)
        self.clock.advance(1)
        self.turn()
        assert client.transport.gone
        assert self.counts.results["stopped"] == 1
        assert self.successResultOf(drained) is None

    def test_drained_early(self) -> None:
        """When the last relay ends by itself, all is over."""
        client = self.connect(HELLO)
        origin = self.calls.take()
        drained = self.relays.drain(5)
        client.finish()
        origin.finish()
        self.turn()
        assert self.successResultOf(drained) is None
        assert self.clock.getDelayedCalls() == []

    def test_nobody(self) -> None:
        """With nobody there, there is nothing to wait for."""
        assert self.successResultOf(self.relays.drain(5)) is None
