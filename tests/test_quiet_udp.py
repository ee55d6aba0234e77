"""Ports of UDP that say nothing of themselves."""

from typing import Any

from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from dotproxy.upstream.quiet_udp import QuietUDP, quiet_udp
from dotproxy.upstream.udp_question import UdpQuestion
from tests.clients import query
from tests.resolvers import Network, Resolver, reply

QUERY = query(0x1234)


class QuietUDPTests(TestCase):
    def setUp(self) -> None:
        self.said: list[Any] = []
        globalLogPublisher.addObserver(self.said.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.said.append)
        self.udp = QuietUDP(reactor)

    async def test_silent(self) -> None:
        """A query goes out and is answered, and the log has nothing of it."""
        resolver = Resolver(lambda wish: [reply(wish)])
        port = self.udp.listenUDP(0, resolver, "127.0.0.1")
        server = ("127.0.0.1", port.getHost().port)
        question = UdpQuestion(QUERY, server, lambda: None)
        question.send(self.udp)
        assert await question.replied == reply(QUERY)
        await port.stopListening()
        assert self.said == []

    def test_others(self) -> None:
        """A reactor that has ports of another kind goes on using them."""
        other = Network()
        assert quiet_udp(other) is other
        assert isinstance(quiet_udp(reactor), QuietUDP)

    async def test_given_back(self) -> None:
        """A port that is closed is free for the next, and one that is taken is not."""
        first = self.udp.listenUDP(0, DatagramProtocol(), "127.0.0.1")
        number = first.getHost().port
        with self.assertRaises(CannotListenError):
            self.udp.listenUDP(number, DatagramProtocol(), "127.0.0.1")
        await first.stopListening()
        again = self.udp.listenUDP(number, DatagramProtocol(), "127.0.0.1")
        await again.stopListening()

    async def test_lost(self) -> None:
        """A port that the reactor gives up, for an error of the network, is free, too,
        and its protocol hears of it."""
        protocol = DatagramProtocol()
        stopped: list[bool] = []
        self.patch(protocol, "stopProtocol", lambda: stopped.append(True))
        port = self.udp.listenUDP(0, protocol, "127.0.0.1")
        number = port.getHost().port
        port.connectionLost(Failure(OSError()))
        assert stopped == [True]
        again = self.udp.listenUDP(number, DatagramProtocol(), "127.0.0.1")
        await again.stopListening()
