"""One query in clear over TCP: what is sent, whose reply counts, how it ends."""

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.tcp_question import TcpQuestion
from dotproxy.upstream.udp_question import Address
from dotproxy.wire.framing import Frames, frame
from tests.clients import query
from tests.resolvers import Network, reply

SERVER = ("192.0.2.53", 53)

QUERY = query(0x1234)


class TcpQuestionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.network = Network()
        self.sent = 0

    def ask(self, server: Address = SERVER) -> TcpQuestion:
        question = TcpQuestion(QUERY, server, self.count)
        question.send(self.network)
        return question

    def count(self) -> None:
        self.sent += 1

    def failure(self, question: TcpQuestion) -> str:
        return self.failureResultOf(question.replied, UpstreamError).getErrorMessage()

    def test_reply(self) -> None:
        """The query goes to the server, its reply is the result, and that is all."""
        question = self.ask()
        (dialled,) = self.network.dialled
        assert (dialled.host, dialled.port) == SERVER
        assert self.sent == 0
        transport = dialled.take()
        assert transport.take() == [QUERY]
        assert self.sent == 1
        transport.protocol.dataReceived(frame(reply(QUERY)))
        assert self.successResultOf(question.replied) == reply(QUERY)
        assert transport.disconnected

    def test_ipv6(self) -> None:
        """A server may have an IPv6 address."""
        self.ask(("2001:db8::53", 53))
        (dialled,) = self.network.dialled
        assert (dialled.host, dialled.port) == ("2001:db8::53", 53)

    def test_segments(self) -> None:
        """A reply may come octet by octet, and with another behind it."""
        question = self.ask()
        transport = self.network.dialled[0].take()
        stream = frame(reply(QUERY))
        for octet in stream[:-1]:
            transport.protocol.dataReceived(bytes((octet,)))
        self.assertNoResult(question.replied)
        transport.protocol.dataReceived(stream[-1:] + stream)
        assert self.successResultOf(question.replied) == reply(QUERY)

    def test_mismatch(self) -> None:
        """What repeats another ID or question is ignored."""
        question = self.ask()
        transport = self.network.dialled[0].take()
        for guess in (query(0x1235), query(0x1234, "other.lab.example")):
            transport.protocol.dataReceived(frame(reply(guess)))
        self.assertNoResult(question.replied)

    def test_refused(self) -> None:
        """Where nobody listens, there is nothing to wait for."""
        question = self.ask()
        self.network.dialled[0].refuse()
        assert "refused" in self.failure(question)
        assert self.sent == 0

    def test_lost(self) -> None:
        """Nor is there when the connection ends without a reply."""
        question = self.ask()
        transport = self.network.dialled[0].take()
        transport.protocol.connectionLost(Failure(connectionDone.value))
        assert self.failure(question) == "connection lost"

    def test_cancel_before(self) -> None:
        """Cancelled before it is connected, it does not go on to connect."""
        question = self.ask()
        question.replied.cancel()
        self.failureResultOf(question.replied, CancelledError)
        assert self.network.given_up == 1

    def test_cancel(self) -> None:
        """Cancelled once it is connected, it hangs up, and hears no more."""
        question = self.ask()
        transport = self.network.dialled[0].take()
        question.replied.cancel()
        self.failureResultOf(question.replied, CancelledError)
        assert transport.disconnected
        transport.protocol.connectionLost(Failure(connectionDone.value))


class Server(Protocol):
    """Answer what comes."""

    def connectionMade(self) -> None:
        self._frames = Frames()

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        for each in self._frames.feed(data):
            self.transport.write(frame(reply(each)))


class LoopbackTests(TestCase):
    async def test_reply(self) -> None:
        """A reply comes back over a real connection."""
        port = reactor.listenTCP(0, Factory.forProtocol(Server), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        question = TcpQuestion(QUERY, ("127.0.0.1", port.getHost().port), lambda: None)
        question.send(reactor)
        assert await question.replied == reply(QUERY)
