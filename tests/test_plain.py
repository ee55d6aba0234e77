"""One question in clear: where it leaves from, whose reply counts, how it ends."""

import errno
from random import Random

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.upstream.bootstrap.lookup_message import Family, Found, write_query
from dotproxy.upstream.bootstrap.plain import PATIENCE, Plain
from dotproxy.upstream.interface import UpstreamError
from tests.resolvers import SERVER, V4, Network, Resolver, reply

RESOLVER = ("192.0.2.53", 53)

FOUND = Found(("192.0.2.1",), 300)


class PlainTests(SynchronousTestCase):
    """With ports in memory, so that the clock and what comes in obey the test."""

    def setUp(self) -> None:
        self.network = Network()
        self.plain = Plain(self.network, Random(7))

    def tearDown(self) -> None:
        """Every port is closed, and nothing is left to happen."""
        assert self.network.open == []
        assert self.network.getDelayedCalls() == []

    def ask(self, host: str = "192.0.2.53") -> Deferred[Found]:
        return self.plain.ask(SERVER, Family.A, (host, 53))

    def failure(self, asking: Deferred[Found]) -> str:
        return self.failureResultOf(asking, UpstreamError).getErrorMessage()

    def test_reply(self) -> None:
        """The query goes to the resolver, and its reply is the result."""
        asking = self.ask()
        (port,) = self.network.open
        assert port.resolver == RESOLVER
        assert port.sent[2:] == write_query(SERVER, Family.A, 0)[2:]
        assert self.plain.sent == 1
        port.answer(V4)
        assert self.successResultOf(asking) == FOUND

    def test_own_port_and_id(self) -> None:
        """Each question has a port and an ID of its own."""
        asking = [self.ask() for _ in range(64)]
        assert len({port.sent[:2] for port in self.network.open}) > 60
        assert self.plain.sent == len(self.network.open) == 64
        for each in asking:
            each.cancel()
            self.failureResultOf(each, CancelledError)

    def test_mismatch(self) -> None:
        """What repeats another ID or question is ignored, and so is rubbish."""
        asking = self.ask()
        (port,) = self.network.open
        guess = bytes((port.sent[0] ^ 1,)) + port.sent[1:]
        port.receive(reply(guess, V4))
        port.receive(reply(write_query("dns.example.net", Family.A, 0)))
        port.receive(b"")
        self.assertNoResult(asking)
        port.answer(V4)
        assert self.successResultOf(asking) == FOUND

    def test_nothing_found(self) -> None:
        """A reply without addresses ends the wait, too."""
        asking = self.ask()
        self.network.open[0].answer(rcode=3)
        assert self.failure(asking) == "NXDOMAIN"

    def test_silence(self) -> None:
        """The resolver has two seconds; rubbish does not make them longer."""
        asking = self.ask()
        (port,) = self.network.open
        self.network.advance(PATIENCE - 0.1)
        port.receive(b"rubbish")
        self.assertNoResult(asking)
        self.network.advance(0.1)
        assert self.failure(asking) == "no reply in 2 s"

    def test_cancel(self) -> None:
        """Cancelling closes the port at once."""
        asking = self.ask()
        asking.cancel()
        self.failureResultOf(asking, CancelledError)

    def test_too_late(self) -> None:
        """What the reactor had already read when the end came is ignored."""
        asking = self.ask()
        (port,) = self.network.open
        port.answer(V4)
        port.answer(rcode=3)
        port.refuse()
        assert self.successResultOf(asking) == FOUND

    def test_refused(self) -> None:
        """Where nobody listens, there is nothing to wait for."""
        asking = self.ask()
        self.network.open[0].refuse()
        assert self.failure(asking) == "Connection refused"

    def test_no_network(self) -> None:
        """What the system will not send fails at once, and does not count as sent."""
        self.network.fault = OSError(errno.ENETUNREACH, "Network is unreachable")
        assert "Network is unreachable" in self.failure(self.ask())
        assert self.plain.sent == 0


class LoopbackTests(TestCase):
    """With real ports, and so with what the kernel and the reactor make of them."""

    def setUp(self) -> None:
        self.plain = Plain(reactor, Random(7))

    def listen(self, resolver: DatagramProtocol, host: str) -> tuple[str, int]:
        """Have somebody listen until the test is over; return where."""
        port = reactor.listenUDP(0, resolver, host)
        self.addCleanup(port.stopListening)
        return host, port.getHost().port

    async def ask(self, resolver: tuple[str, int]) -> Found:
        return await self.plain.ask(SERVER, Family.A, resolver)

    async def test_reply(self) -> None:
        """A reply comes back."""
        resolver = Resolver(lambda query: [reply(query, V4)])
        at = self.listen(resolver, "127.0.0.1")
        assert await self.ask(at) == FOUND
        assert await self.ask(at) == FOUND
        assert len(resolver.asked) == len(set(resolver.senders)) == 2

    async def test_guesses(self) -> None:
        """Guesses at the ID, and answers to other questions, do not stop the wait."""

        def replies(query: bytes) -> list[bytes]:
            number = int.from_bytes(query[:2], "big")
            other = write_query("dns.example.net", Family.A, number)
            return [
                b"",
                reply(bytes((query[0] ^ 1,)) + query[1:], V4, rcode=3),
                reply(other, rcode=3),
                reply(query, V4),
            ]

        resolver = Resolver(replies)
        assert await self.ask(self.listen(resolver, "127.0.0.1")) == FOUND
