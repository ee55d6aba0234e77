"""Connections for the tests: TLS in memory, and peers that do as they are told."""

from random import Random
from typing import Any, cast

import dns.message
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.test import iosim
from zope.interface import implementer

from dotproxy.lab.certificates import Issued
from dotproxy.upstream.asked import Asked
from dotproxy.upstream.connection import Connection
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.proof import Proof
from dotproxy.upstream.tls import Identity, Unverified
from dotproxy.wire.answer import Answer
from dotproxy.wire.framing import Frames, frame
from dotproxy.wire.query import Query, parse_query
from tests.messages import message, opt

# Messages.


def a_query(
    name: str = "www.example.com", deadline: float = 5.0, rdtype: str = "A"
) -> Query:
    """Make a query for records of a name, to be answered by the deadline."""
    query = parse_query(dns.message.make_query(name, rdtype, id=0x1234).to_wire())
    query.deadline = deadline
    return query


def answer_to(query: bytes, rcode: int = 0, options: bytes = b"") -> bytes:
    """Answer a query as it went out, without records; `options` go into an OPT."""
    additional = [opt(options)] if options else []
    question = parse_query(query).question
    return query[:2] + message(0x8180 | rcode, [question], [], [], additional)[2:]


class Waiting:
    """Somebody who waits for what was `asked`.

    `answer` fires with what they hear; cancelling it is to wait no longer.
    """

    def __init__(self, query: Query) -> None:
        self.asked = Asked(query, self)
        self.answer: Deferred[Answer] = Deferred(lambda _: self.asked.forget())

    def answered(self, answer: Answer) -> None:
        """Hear the answer."""
        self.answer.callback(answer)

    def failed(self, error: UpstreamError) -> None:
        """Hear that there is none."""
        self.answer.errback(error)


class Scripted:
    """Randomness that the test wrote down."""

    def __init__(self, *numbers: int) -> None:
        self._numbers = iter(numbers)

    def getrandbits(self, bits: int) -> int:
        assert bits == 16
        return next(self._numbers)


# TLS in memory.


def tls_records(octets: bytes) -> list[int]:
    """Return the length of each TLS record in a stream (RFC 8446 section 5.1)."""
    lengths = []
    while octets:
        end = 5 + int.from_bytes(octets[3:5], "big")
        lengths.append(len(octets[:end]))
        assert lengths[-1] == end, "the last record is whole"
        octets = octets[end:]
    return lengths


@implementer(IOpenSSLServerConnectionCreator)
class Server:
    """How a server does TLS, with a certificate of the test's choice."""

    def __init__(self, issued: Issued) -> None:
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)
        leaf, *others = load_pem_x509_certificates(issued.chain_pem)
        key = cast(Any, load_pem_private_key(issued.key_pem, None))
        self.context.use_certificate(leaf)
        self.context.use_privatekey(key)
        for other in others:
            self.context.add_extra_chain_cert(other)
        self.context.set_alpn_select_callback(self._choose)
        self.offered: list[list[bytes]] = []
        """What each client offered by ALPN."""

    def speak_up_to(self, version: int) -> "Server":
        """Know no version of TLS later than this one, however old it is."""
        self.context.set_cipher_list(b"ALL:@SECLEVEL=0")
        self.context.set_min_proto_version(SSL.TLS1_VERSION)
        self.context.set_max_proto_version(version)
        return self

    def serverConnectionForTLS(self, _: TLSMemoryBIOProtocol) -> SSL.Connection:
        return SSL.Connection(self.context, None)

    def _choose(self, _: SSL.Connection, offered: list[bytes]) -> bytes:
        self.offered.append(offered)
        return offered[0]


class Listener(Protocol):
    """The server's end of a connection: it keeps what it hears."""

    transport: TLSMemoryBIOProtocol

    def __init__(self) -> None:
        self.heard = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True

    @property
    def queries(self) -> list[bytes]:
        """The messages that came, all of them."""
        return Frames().feed(self.heard)


class Line:
    """A connection by real TLS to a server; TCP is two lists of octets.

    `early` are queries that are asked the moment the connection is ready.
    """

    def __init__(self, identity: Identity, server: Server, *early: Query) -> None:
        self.clock = Clock()
        self.connection = Connection(identity, self.clock, Random(1))
        self.connection.ready.addCallback(self._ask, early)
        self.listener = Listener()
        self._pump = iosim.connect(
            *self._end(server, self.listener, is_client=False),
            *self._end(identity, self.connection, is_client=True),
            greet=False,
            clock=self.clock,
        )

    def run(self) -> "Line":
        """Carry octets to and fro until there are no more."""
        self._pump.flush()
        return self

    def step(self) -> None:
        """Carry over what each side has said so far, but not what follows from it."""
        self._pump.pump()

    def sent(self) -> bytes:
        """Return what the client has put on the wire; the server will not see it."""
        self.clock.advance(0)
        return bytes(self._pump.clientIO.getOutBuffer() or b"")

    def coming(self) -> bytes:
        """Return what the server has put on the wire; the client will not see it."""
        self.clock.advance(0)
        return bytes(self._pump.serverIO.getOutBuffer() or b"")

    def deliver(self, segment: bytes) -> None:
        """Let the client have a segment from the wire."""
        self._pump.client.dataReceived(segment)

    def answer(self, *queries: bytes) -> None:
        """Write an answer to each query, in a TLS record of its own."""
        for query in queries:
            self.listener.transport.write(frame(answer_to(query)))
            self.clock.advance(0)

    def cut(self, reason: Exception) -> None:
        """Let TCP break, as the client sees it."""
        self._pump.client.connectionLost(Failure(reason))

    def _end(
        self, creator: object, protocol: Protocol, *, is_client: bool
    ) -> tuple[Any, iosim.FakeTransport]:
        factory = TLSMemoryBIOFactory(
            cast(Any, creator),
            is_client,
            Factory.forProtocol(lambda: protocol),
            self.clock,
        )
        if is_client:
            # As the connector has it: a record for each write.
            factory.protocol = TLSMemoryBIOProtocol
        tls = factory.buildProtocol(cast(Any, None))
        return tls, iosim.FakeTransport(tls, isServer=not is_client)

    def _ask(self, connection: Connection, queries: tuple[Query, ...]) -> Connection:
        for query in queries:
            connection.ask(Waiting(query).asked, 128)
        return connection


# Peers without TLS.


class Trusting:
    """An identity that believes anybody; with a `refusal`, nobody."""

    def __init__(
        self, doubt: str = "", refusal: str = "", proof: Proof | None = None
    ) -> None:
        self.refusal = refusal
        self.proof = proof
        self._doubt = doubt

    def verify(self, _: object) -> str:
        if self.refusal:
            raise Unverified(self.refusal)
        return self._doubt


class Peer:
    """The transport of a connection, and whoever is at the other end of it.

    There is no TLS in it, but it hangs up as TCP does: in the next turn.
    """

    def __init__(
        self, clock: Clock, identity: Trusting | None = None, random: object = None
    ) -> None:
        self.clock = clock
        self.connection = Connection(
            cast(Identity, identity or Trusting()),
            clock,
            cast(Random, random or Random(1)),
        )
        self._heard: list[bytes] = []
        self.held: list[bytes] = []
        """What TLS has decrypted and not delivered yet."""
        self.no_delay = self.left_politely = self.aborted = self.gone = False
        self.connection.makeConnection(cast(Any, self))

    @property
    def heard(self) -> bytes:
        """All the octets that came."""
        return b"".join(self._heard)

    @property
    def queries(self) -> list[bytes]:
        """The messages that came, all of them."""
        return Frames().feed(self.heard)

    def greet(self) -> "Peer":
        """Complete the handshake."""
        self.connection.handshakeCompleted()
        return self

    def say(self, *messages: bytes) -> None:
        """Send messages, all in one segment."""
        self.connection.dataReceived(b"".join(map(frame, messages)))

    def answer(self, *queries: bytes) -> None:
        """Send an answer to each of these queries, all in one segment."""
        self.say(*map(answer_to, queries))

    def hang_up(self) -> None:
        """Let the connection be lost, if it is not."""
        if not self.gone:
            self.gone = True
            self.connection.connectionLost(Failure(ConnectionDone()))

    # What the connection asks of its transport.

    def write(self, data: bytes) -> None:
        assert not self.gone, "nobody writes to a connection that is lost"
        if not (self.left_politely or self.aborted):
            self._heard.append(data)

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def loseConnection(self) -> None:
        self.left_politely = True

    def abortConnection(self) -> None:
        assert not self.gone, "Twisted raises AttributeError here"
        if not self.aborted:
            self.aborted = True
            self.clock.callLater(0, self.hang_up)

    def getHandle(self) -> "Peer":
        return self

    def recv(self, size: int) -> bytes:
        if not self.held:
            raise SSL.WantReadError
        return self.held.pop(0)


class Call:
    """A call to an address: it rings until the test takes it."""

    def __init__(self, address: str, clock: Clock) -> None:
        self.address = address
        self.cancelled = False
        self.connecting: Deferred[Connection] = Deferred(self._cancel)
        self._clock = clock

    def take(self, doubt: str = "", proof: Proof | None = None) -> Peer:
        """Connect, with what is wrong with the peer, if anything, and what it shows."""
        trusting = Trusting(doubt, proof=proof)
        peer = Peer(self._clock, trusting, Random(self.address))
        peer.connection.ready.chainDeferred(self.connecting)
        peer.greet()
        return peer

    def refuse(self, reason: str = "refused") -> None:
        """Fail to connect."""
        self.connecting.errback(Failure(UpstreamError(reason)))

    def fail(self, error: UpstreamError) -> None:
        """Fail for this reason."""
        self.connecting.errback(Failure(error))

    def _cancel(self, _: object) -> None:
        self.cancelled = True


class Network:
    """All calls that are made; `attempt` makes one."""

    def __init__(self, clock: Clock) -> None:
        self.calls: list[Call] = []
        self._clock = clock

    def attempt(self, address: str) -> Deferred[Connection]:
        """Call an address."""
        self.calls.append(Call(address, self._clock))
        return self.calls[-1].connecting
