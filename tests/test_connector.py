"""How an origin is connected to."""

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from dotproxy.gateway.connector import connector, unusable
from dotproxy.upstream.interface import UpstreamError

LOOPBACK = "127.0.0.1"


class ConnectorTests(TestCase):
    timeout = 10

    async def test_sources(self) -> None:
        """Connections leave from each source in turn."""
        seen: list[str] = []

        class Seeing(Protocol):
            def connectionMade(self) -> None:
                seen.append(self.transport.getPeer().host)
                self.transport.loseConnection()

        factory = Factory.forProtocol(Seeing)
        port: Any = reactor.listenTCP(0, factory, interface=LOOPBACK)
        self.addCleanup(port.stopListening)
        connect = connector(reactor, ("127.0.0.2", "::1", "127.0.0.3"))
        for _ in range(3):
            end = await connect(LOOPBACK, port.getHost().port)
            gone: Deferred[None] = Deferred()
            end.stage = Until(gone)
            await gone
        assert seen == ["127.0.0.2", "127.0.0.3", "127.0.0.2"]

    async def test_unusable(self) -> None:
        """A source that this machine does not have is a failure that says so."""
        missing = "192.0.2.77"
        connect = connector(reactor, (missing,))
        with self.assertRaises(UpstreamError) as caught:
            await connect(LOOPBACK, 9)
        why = "Cannot assign requested address"
        assert str(caught.exception) == f"cannot leave from {missing}: {why}"
        sources = (LOOPBACK, missing, "::1", "2001:db8::77")
        bad = [f"{source} ({why})" for source in (missing, "2001:db8::77")]
        assert unusable(sources) == bad

    async def test_both_families(self) -> None:
        """Each family has its own sources, and its own turns."""
        seen: list[str] = []

        class Seeing(Protocol):
            def connectionMade(self) -> None:
                seen.append(self.transport.getPeer().host)
                self.transport.loseConnection()

        connect = connector(reactor, ("::1", "127.0.0.2", "127.0.0.3"))
        for host in ("::1", LOOPBACK, "::1", LOOPBACK):
            factory = Factory.forProtocol(Seeing)
            port: Any = reactor.listenTCP(0, factory, interface=host)
            self.addCleanup(port.stopListening)
            end = await connect(host, port.getHost().port)
            gone: Deferred[None] = Deferred()
            end.stage = Until(gone)
            await gone
        assert seen == ["::1", "127.0.0.2", "::1", "127.0.0.3"]

    async def test_no_source(self) -> None:
        """Without one the system chooses; a refusal is a failure."""
        with socket.socket() as closed:
            closed.bind((LOOPBACK, 0))
            port = closed.getsockname()[1]
        with self.assertRaises(ConnectionRefusedError):
            await connector(reactor)(LOOPBACK, port)


class Until:
    """A stage that lasts until its connection is gone."""

    def __init__(self, gone: Deferred[None]) -> None:
        self._gone = gone

    def received(self, end: Any, data: bytes) -> None:
        raise AssertionError("nobody speaks")

    def finished(self, end: Any) -> None:
        end.transport.loseConnection()

    def closed(self, end: Any) -> None:
        raise AssertionError("nobody closes one side")

    def lost(self, end: Any) -> None:
        self._gone.callback(None)
