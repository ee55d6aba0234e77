"""One query in clear over UDP: where it leaves from, and whose reply counts."""

import errno
import os

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.udp_question import Address, UdpQuestion
from tests.clients import query
from tests.resolvers import Network, Port, Resolver, reply

SERVER = ("192.0.2.53", 53)

QUERY = query(0x1234)


class UdpQuestionTests(SynchronousTestCase):
    """With ports in memory, so that what comes in obeys the test."""

    def setUp(self) -> None:
        self.network = Network()
        self.sent = 0

    def tearDown(self) -> None:
        """Every port is closed."""
        assert self.network.open == []

    def ask(self, server: Address = SERVER) -> UdpQuestion:
        question = UdpQuestion(QUERY, server, self.count)
        question.send(self.network)
        return question

    def count(self) -> None:
        self.sent += 1

    @property
    def port(self) -> Port:
        """The port that is open."""
        (port,) = self.network.open
        return port

    def failure(self, question: UdpQuestion) -> str:
        return self.failureResultOf(question.replied, UpstreamError).getErrorMessage()

    def test_reply(self) -> None:
        """The query goes to the server as it is, and the reply is the result."""
        question = self.ask()
        assert (self.port.resolver, self.port.sent) == (SERVER, QUERY)
        assert self.sent == 1
        self.port.receive(reply(QUERY))
        assert self.successResultOf(question.replied) == reply(QUERY)

    def test_families(self) -> None:
        """A server is asked from a port of its own family."""
        for host, interface in (("192.0.2.53", ""), ("2001:db8::53", "::")):
            question = self.ask((host, 53))
            assert self.port.interface == interface
            self.port.receive(reply(QUERY))
            self.successResultOf(question.replied)

    def test_strangers(self) -> None:
        """What comes from another address or port is ignored, well made or not."""
        question = self.ask()
        self.port.receive(reply(QUERY), ("192.0.2.54", 53))
        self.port.receive(reply(QUERY), ("192.0.2.53", 5353))
        self.assertNoResult(question.replied)
        question.replied.cancel()
        self.failureResultOf(question.replied, CancelledError)

    def test_mismatch(self) -> None:
        """What repeats another ID or question is ignored, and so is rubbish."""
        question = self.ask()
        for guess in (
            reply(query(0x1235)),
            reply(query(0x1234, "other.lab.example")),
            reply(query(0x1234, rdtype="AAAA")),
            b"",
            QUERY,
        ):
            self.port.receive(guess)
        self.assertNoResult(question.replied)
        self.port.receive(reply(QUERY))
        self.successResultOf(question.replied)

    def test_cancel(self) -> None:
        """Cancelling closes the port at once."""
        question = self.ask()
        question.replied.cancel()
        assert self.network.open == []
        self.failureResultOf(question.replied, CancelledError)

    def test_too_late(self) -> None:
        """What the reactor had already read when the end came is ignored."""
        question = self.ask()
        port = self.port
        port.receive(reply(QUERY))
        port.receive(reply(QUERY, rcode=3))
        port.refuse()
        assert self.successResultOf(question.replied) == reply(QUERY)

    def test_refused(self) -> None:
        """Where nobody listens, there is nothing to wait for."""
        question = self.ask()
        self.port.refuse()
        assert self.failure(question) == "Connection refused"

    def test_lost(self) -> None:
        """A port that the reactor closes says which error it met, if it knows."""
        for error, reason in (
            (errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)),
            (0, "port lost"),
        ):
            question = self.ask()
            self.port.lose(error)
            assert self.failure(question) == reason

    def test_no_network(self) -> None:
        """What the system will not send fails at once, and does not count as sent."""
        self.network.fault = OSError(errno.ENETUNREACH, "Network is unreachable")
        assert "Network is unreachable" in self.failure(self.ask())
        assert self.sent == 0

    def test_no_port(self) -> None:
        """Nor does what finds no port to leave from."""

        def listen(*_: object) -> None:
            raise CannotListenError("", 0, OSError(errno.EMFILE, "Too many open files"))

        self.patch(self.network, "listenUDP", listen)
        assert "Too many open files" in self.failure(self.ask())
        assert self.sent == 0


class LoopbackTests(TestCase):
    """With real ports, and so with what the kernel and the reactor make of them."""

    def listen(self, server: DatagramProtocol, host: str = "127.0.0.1") -> Address:
        """Have somebody listen until the test is over; return where."""
        port = reactor.listenUDP(0, server, host)
        self.addCleanup(port.stopListening)
        return host, port.getHost().port

    async def ask(self, server: Address) -> bytes:
        question = UdpQuestion(QUERY, server, lambda: None)
        question.send(reactor)
        return await question.replied

    async def test_reply(self) -> None:
        """A reply comes back, over IPv6 as well."""
        for host in ("127.0.0.1", "::1"):
            try:
                at = self.listen(Resolver(lambda wish: [reply(wish)]), host)
            except CannotListenError as fault:
                raise SkipTest(f"no {host} here: {fault}") from None
            assert await self.ask(at) == reply(QUERY)

    async def test_ports(self) -> None:
        """No two queries leave from the same port."""
        resolver = Resolver(lambda wish: [reply(wish)])
        at = self.listen(resolver)
        for _ in range(8):
            await self.ask(at)
        assert len(set(resolver.senders)) > 6

    async def test_spoof(self) -> None:
        """A perfect reply from another port never gets through."""
        stranger = Resolver(lambda _: [])
        self.listen(stranger)

        def replies(wish: bytes) -> list[bytes]:
            """Have the stranger reply first."""
            assert stranger.transport is not None
            stranger.transport.write(reply(wish, rcode=3), resolver.senders[-1])
            return [reply(wish)]

        resolver = Resolver(replies)
        assert await self.ask(self.listen(resolver)) == reply(QUERY)

    async def test_refused(self) -> None:
        """A closed port is known at once, as the kernel hears of it."""
        port = reactor.listenUDP(0, DatagramProtocol(), "127.0.0.1")
        at = ("127.0.0.1", port.getHost().port)
        await port.stopListening()
        with self.assertRaises(UpstreamError) as caught:
            await self.ask(at)
        assert str(caught.exception) == "Connection refused"
