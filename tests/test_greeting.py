"""One connection to one address, and what came of it."""

import time
from datetime import UTC, datetime
from errno import EADDRNOTAVAIL

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectError,
    ConnectionRefusedError,
    NoRouteError,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import ConnectionCompleter
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.cli.check.greeting import Greeting, Place, greet
from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.upstream.connection import State
from dotproxy.upstream.tls import Authenticator, Trust
from tests.connections import Server

ADDRESS, NAME = "192.0.2.1", "dns.example"


class Banner(Protocol):
    """Speak first, and not TLS."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"220 mail.example ESMTP\r\n")


class GreetingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.root = Authority.create("root", datetime.now(UTC))
        self.network = ConnectionCompleter(self.reactor)

    def tearDown(self) -> None:
        """However it ends, no timer is left."""
        assert self.reactor.getDelayedCalls() == []

    def serve_tls(self) -> None:
        """Listen with the certificate of dns.example."""
        issued = self.root.issue(Leaf((NAME,)))
        server = Factory.forProtocol(Protocol)
        listening = TLSMemoryBIOFactory(Server(issued), False, server)
        self.reactor.listenTCP(853, listening)

    def greet(self, name: str = NAME, strict: bool = True) -> Deferred[Greeting]:
        """Connect; whoever is there must be `name`."""
        trust = Trust(name, roots=self.root.pem, strict=strict)
        place = Place(ADDRESS, 853, Authenticator(trust, time.time))
        return Deferred.fromCoroutine(greet(place, self.reactor, 3.0))

    def accept(self) -> None:
        """Let TCP come about, and carry octets until there are no more."""
        pump = self.network.succeedOnce(greet=False)
        assert pump is not None
        pump.flush()

    def fail(self, error: Exception) -> None:
        """Let TCP fail."""
        self.reactor.tcpClients[-1][2].clientConnectionFailed(
            self.reactor.connectors[-1], Failure(error)
        )

    def test_verified(self) -> None:
        """A server that proves itself is greeted, and it is told how long that took."""
        self.serve_tls()
        greeting = self.greet()
        self.reactor.advance(0.25)
        self.accept()
        found = self.successResultOf(greeting)
        assert found.connection is not None
        assert found.connection.state is State.READY
        assert (found.reason, found.unreached) == ("", False)
        assert (found.connect_ms, found.handshake_ms) == (250.0, 0.0)
        found.connection.abort()

    def test_refused(self) -> None:
        """One that does not is not; the proxy's own words say why."""
        self.serve_tls()
        greeting = self.greet("other.example")
        self.accept()
        found = self.successResultOf(greeting)
        assert found.connection is None
        assert found.reason.startswith("certificate is not for other.example: subject")
        assert (found.connect_ms, found.handshake_ms) == (0.0, None)
        assert len(found.witness.shown) == 1

    def test_opportunistic(self) -> None:
        """Where the profile lets it pass, there is a connection, and a reason."""
        self.serve_tls()
        greeting = self.greet("other.example", strict=False)
        self.accept()
        found = self.successResultOf(greeting)
        assert found.connection is not None
        assert found.reason.startswith("certificate is not for other.example")
        found.connection.abort()

    def test_closed_port(self) -> None:
        """A closed port is told in plain words."""
        greeting = self.greet()
        self.fail(ConnectionRefusedError())
        found = self.successResultOf(greeting)
        assert found.reason == "connection refused: nothing listens there"
        assert (found.unreached, found.connect_ms) == (False, None)
        assert found.witness.shown == ()

    def test_no_route(self) -> None:
        """That this machine has no way there is no fault of the server."""
        for error in (NoRouteError(), ConnectError(EADDRNOTAVAIL)):
            greeting = self.greet()
            self.fail(error)
            found = self.successResultOf(greeting)
            assert found.reason == "this machine has no route there"
            assert found.unreached

    def test_other_failure(self) -> None:
        """Whatever else the system says is told as it says it, on one line."""
        greeting = self.greet()
        self.fail(ConnectError(string="something\nodd"))
        reason = self.successResultOf(greeting).reason
        assert reason.endswith("something odd.")

    def test_no_answer(self) -> None:
        """If TCP does not come about in time, that is told."""
        greeting = self.greet()
        self.reactor.advance(2.9)
        self.assertNoResult(greeting)
        self.reactor.advance(0.1)
        assert self.successResultOf(greeting).reason == "no TCP connection in 3 s"

    def test_silence(self) -> None:
        """A server that takes the connection and says nothing is told apart."""
        self.reactor.listenTCP(853, Factory.forProtocol(Protocol))
        greeting = self.greet()
        self.accept()
        self.reactor.advance(3.0)
        reason = self.successResultOf(greeting).reason
        assert reason == ("no TLS in 3 s: it accepts connections and then says nothing")

    def test_plain_text(self) -> None:
        """A server that speaks plain text is suspected of it."""
        self.reactor.listenTCP(853, Factory.forProtocol(Banner))
        greeting = self.greet()
        self.accept()
        reason = self.successResultOf(greeting).reason
        assert reason.startswith("no TLS: ")
        assert reason.endswith("it answers in something else, maybe plain text")

    def test_cancel(self) -> None:
        """To give up is to hang up."""
        greeting = self.greet()
        greeting.cancel()
        self.failureResultOf(greeting, CancelledError)
