"""The lab's server: DNS over TLS on loopback (RFC 7858), and no opinion of its own.

1. A client connects and shakes hands; ALPN is `dot` if it offers any.
2. Each query that it sends is put to a callable.
3. What the callable says is written, after the delay that it says.
4. So answers come in any order: a slow one does not hold up the next.
5. A client that says nothing and is owed nothing is sent away after a while.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from twisted.application.service import Service
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IReactorSSL,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.internet.ssl import CertificateOptions
from twisted.python.failure import Failure

from dotproxy.lab import zone
from dotproxy.lab.certificates import Authority, Issued, Leaf
from dotproxy.wire.framing import Frames, frame

SERVER_NAME = "dns.lab.example"

LOOPBACK = "127.0.0.1"

CLOSE_GRACE = 1.0
"""Seconds that a client has to answer our close_notify before we hang up."""

Answer = Callable[[bytes], zone.Reply | None]


@dataclass(frozen=True)
class Lab:
    """A server, and what a client must know to trust it."""

    server: "LabServer"
    server_name: str
    ca_pem: bytes


def create_lab(reactor: IReactorTime, now: datetime) -> Lab:
    """Make a server for `lab.example` with a certificate that is good for a day.

    Its authority is made afresh and forgotten, so nobody can sign with it later.
    """
    authority = Authority.create("dotproxy lab authority", now)
    issued = authority.issue(Leaf(names=(SERVER_NAME,), addresses=(LOOPBACK,)))
    return Lab(LabServer(reactor, issued), SERVER_NAME, authority.pem)


class LabServer(Service):
    """Listen on loopback while running, and put every query to `answer`.

    `reactor` provides IReactorSSL as well.  `port` is 0 until the first start.  A
    later start takes the same port again, so the server can go away and come back.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        issued: Issued,
        answer: Answer = zone.answer,
        idle_timeout: float = zone.IDLE_TIMEOUT,
    ) -> None:
        self.port = 0
        self._reactor = reactor
        self._tls = _tls_options(issued)
        self._answer = answer
        self._idle_timeout = idle_timeout
        self._listening: IListeningPort | None = None
        self._connections: set[LabConnection] = set()

    def startService(self) -> None:
        """Listen; CannotListenError if the port of an earlier start is taken."""
        factory = ServerFactory[LabConnection]()
        factory.protocol = self._connection
        factory.noisy = False
        listen = IReactorSSL(self._reactor).listenSSL
        self._listening = listen(self.port, factory, self._tls, interface=LOOPBACK)
        self.port = cast(IPv4Address, self._listening.getHost()).port
        Service.startService(self)

    def stopService(self) -> Deferred[None]:
        """Stop listening and drop the connections; fires when all are gone."""
        Service.stopService(self)
        gone = [connection.drop() for connection in tuple(self._connections)]
        if self._listening is not None:
            gone.append(self._listening.stopListening() or succeed(None))
            self._listening = None
        return gatherResults(gone).addCallback(lambda _: None)

    def _connection(self) -> "LabConnection":
        connection = LabConnection(self._reactor, self._answer, self._idle_timeout)
        self._connections.add(connection)
        connection.lost.addCallback(lambda _: self._connections.discard(connection))
        return connection


class LabConnection(Protocol):
    """Answer one client; `lost` fires with None when it is gone.

    The idle time starts when the connection is made, so it bounds the handshake too.
    It does not run while an answer is held back.
    """

    transport: ITCPTransport

    def __init__(
        self, clock: IReactorTime, answer: Answer, idle_timeout: float
    ) -> None:
        self.lost: Deferred[None] = Deferred()
        self._clock = clock
        self._answer = answer
        self._idle_timeout = idle_timeout
        self._frames = Frames()
        self._held: set[IDelayedCall] = set()
        self._idle: IDelayedCall | None = None
        self._closing = False

    def connectionMade(self) -> None:
        self._restart_idle_time()

    def dataReceived(self, data: bytes) -> None:
        # What comes after our close_notify crossed it on the way: RFC 7766 section
        # 6.2.4 tells the client to ask again elsewhere.
        if self._closing:
            return
        for query in self._frames.feed(data):
            self._take(query)
        self._restart_idle_time()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop_idle_time()
        for held in self._held:
            held.cancel()
        self._held.clear()
        self.lost.callback(None)

    def drop(self) -> Deferred[None]:
        """Hang up without a word; fires when the connection is gone."""
        self.transport.abortConnection()
        return self.lost

    def _take(self, query: bytes) -> None:
        reply = self._answer(query)
        if reply is None:
            return
        if reply.delay > 0:
            self._hold(reply)
        else:
            self._write(reply.wire)

    def _hold(self, reply: zone.Reply) -> None:
        def release() -> None:
            self._held.discard(held)
            self._write(reply.wire)
            self._restart_idle_time()

        held = self._clock.callLater(reply.delay, release)
        self._held.add(held)

    def _write(self, answer: bytes) -> None:
        self.transport.write(frame(answer))

    def _restart_idle_time(self) -> None:
        self._stop_idle_time()
        if not self._held:
            self._idle = self._clock.callLater(self._idle_timeout, self._close)

    def _stop_idle_time(self) -> None:
        if self._idle is not None and self._idle.active():
            self._idle.cancel()

    def _close(self) -> None:
        """Say goodbye, but do not wait for ever for the client to say it too."""
        self._closing = True
        self._idle = self._clock.callLater(CLOSE_GRACE, self.drop)
        self.transport.loseConnection()


def _tls_options(issued: Issued) -> CertificateOptions:
    """Return TLS for a server: 1.2 or later, which is what Twisted insists on."""
    leaf, *intermediates = x509.load_pem_x509_certificates(issued.chain_pem)
    # Twisted's annotations name pyOpenSSL's types, which pyOpenSSL deprecates.
    return CertificateOptions(
        privateKey=load_pem_private_key(issued.key_pem, None),  # type: ignore[arg-type]
        certificate=leaf,  # type: ignore[arg-type]
        extraCertChain=intermediates,  # type: ignore[arg-type]
        acceptableProtocols=[b"dot"],
    )
