"""The lab's server: who is answered when, and what it takes to be let in."""

import socket
import ssl
import warnings
from datetime import UTC, datetime

import dns.message
import pytest
from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.lab import zone
from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.lab.server import CLOSE_GRACE, Lab, LabConnection, LabServer, create_lab
from dotproxy.lab.zone import Reply
from dotproxy.wire.framing import frame

PATIENCE = 5.0
"""Seconds after which a client of these tests gives up."""

IDLE = 10.0


def scripted(query: bytes) -> Reply | None:
    """Answer "<name> <seconds>" with the name after the seconds, others not at all."""
    name, _, delay = query.partition(b" ")
    return Reply(name, float(delay)) if delay else None


def query_for(name: str, rdtype: str = "A") -> bytes:
    return dns.message.make_query(name, rdtype).to_wire()


class LabConnectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.transport = StringTransport()
        self.connection = LabConnection(self.clock, scripted, IDLE)
        Protocol.makeConnection(self.connection, self.transport)

    def tearDown(self) -> None:
        """Nothing is left to happen once the connection is gone."""
        if not self.connection.lost.called:
            self.connection.connectionLost()
        assert self.clock.getDelayedCalls() == []
        assert self.successResultOf(self.connection.lost) is None

    def ask(self, *queries: bytes) -> None:
        self.connection.dataReceived(b"".join(map(frame, queries)))

    def written(self) -> bytes:
        written: bytes = self.transport.value()
        self.transport.clear()
        return written

    def test_at_once(self) -> None:
        """Without a delay the answer is written at once, behind its length."""
        self.ask(b"one 0")
        assert self.written() == b"\0\3one"

    def test_segments(self) -> None:
        """A query is answered when its last octet has come."""
        for octet in b"\0\5one ":
            self.connection.dataReceived(bytes((octet,)))
        assert self.written() == b""
        self.connection.dataReceived(b"0")
        assert self.written() == b"\0\3one"

    def test_out_of_order(self) -> None:
        """A slow answer does not hold up the next one."""
        self.ask(b"slow 2", b"slower 3", b"fast 0", b"quick 1")
        assert self.written() == b"\0\4fast"
        self.clock.advance(1)
        assert self.written() == b"\0\5quick"
        self.clock.advance(1)
        assert self.written() == b"\0\4slow"
        self.clock.advance(1)
        assert self.written() == b"\0\6slower"

    def test_no_answer(self) -> None:
        """A query that gets no answer does not disturb the next one."""
        self.ask(b"nonsense", b"", b"one 0")
        assert self.written() == b"\0\3one"

    def test_idle(self) -> None:
        """A connection is closed after the idle time, not before."""
        self.clock.advance(IDLE - 1)
        assert not self.transport.disconnecting
        self.clock.advance(1)
        assert self.transport.disconnecting
        assert not self.transport.disconnected

    def test_busy(self) -> None:
        """Each query starts the idle time anew, answered or not."""
        for query in (b"one 0", b"nonsense"):
            self.clock.advance(IDLE - 1)
            self.ask(query)
        self.clock.advance(IDLE - 1)
        assert not self.transport.disconnecting
        self.clock.advance(1)
        assert self.transport.disconnecting

    def test_owed(self) -> None:
        """The idle time starts after the last answer that is owed."""
        self.ask(b"late 25", b"later 30")
        self.clock.advance(25)
        self.clock.advance(5)
        assert self.written() == b"\0\4late\0\5later"
        self.clock.advance(IDLE - 1)
        assert not self.transport.disconnecting
        self.clock.advance(1)
        assert self.transport.disconnecting

    def test_silent_goodbye(self) -> None:
        """A client that does not close after us is cut off."""
        self.clock.advance(IDLE)
        self.clock.advance(CLOSE_GRACE / 2)
        assert not self.transport.disconnected
        self.clock.advance(CLOSE_GRACE / 2)
        assert self.transport.disconnected

    def test_too_late(self) -> None:
        """A query that crosses our goodbye is neither answered nor delays the end."""
        self.clock.advance(IDLE)
        self.ask(b"one 0", b"two 1")
        self.clock.advance(CLOSE_GRACE)
        assert self.written() == b""
        assert self.transport.disconnected

    def test_lost(self) -> None:
        """When the client is gone, answers that are held back are forgotten."""
        self.ask(b"slow 2", b"slower 3")
        self.connection.connectionLost()
        self.clock.advance(3)
        assert self.written() == b""

    def test_drop(self) -> None:
        """Dropping hangs up at once, and fires when the connection is gone."""
        gone = self.connection.drop()
        assert self.transport.disconnected
        assert not gone.called


class Client:
    """A blocking client from the standard library, to be used in a thread."""

    def __init__(self, port: int, context: ssl.SSLContext, server_name: str) -> None:
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        try:
            self.tls = context.wrap_socket(
                plain, server_hostname=server_name, suppress_ragged_eofs=False
            )
        except OSError:
            plain.close()
            raise
        self._stream = self.tls.makefile("rb")

    def close(self) -> None:
        self._stream.close()
        self.tls.close()

    def send(self, *queries: bytes) -> None:
        self.tls.sendall(b"".join(map(frame, queries)))

    def receive(self) -> bytes:
        """Return the next message, or nothing after a close_notify."""
        size = int.from_bytes(self._stream.read(2), "big")
        return self._stream.read(size)


def trusting(ca_pem: bytes) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca_pem.decode())
    context.set_alpn_protocols(["dot"])
    return context


class LabServerTests(TestCase):
    def setUp(self) -> None:
        self.lab = create_lab(reactor, datetime.now(UTC))
        self.start(self.lab.server)

    def start(self, server: LabServer) -> None:
        server.startService()
        self.addCleanup(server.stopService)

    def scripted(self, idle_timeout: float = IDLE) -> Lab:
        """Start a server which says what `scripted` says."""
        authority = Authority.create("root", datetime.now(UTC))
        issued = authority.issue(Leaf(names=("dns.lab.example",)))
        server = LabServer(reactor, issued, scripted, idle_timeout)
        self.start(server)
        return Lab(server, "dns.lab.example", authority.pem)

    async def client(self, lab: Lab, server_name: str = "dns.lab.example") -> Client:
        context = trusting(lab.ca_pem)
        client = await deferToThread(Client, lab.server.port, context, server_name)
        self.addCleanup(client.close)
        return client

    async def refusal(self, context: ssl.SSLContext, server_name: str) -> ssl.SSLError:
        """Return why a client and the lab cannot agree on TLS."""
        with pytest.raises(ssl.SSLError) as caught:
            await deferToThread(Client, self.lab.server.port, context, server_name)
        return caught.value

    async def test_dns_over_tls(self) -> None:
        """A client that verifies name and chain gets the answer of the zone."""
        client = await self.client(self.lab, self.lab.server_name)
        assert client.tls.selected_alpn_protocol() == "dot"
        query = query_for("www.lab.example")
        client.send(query)
        answer = await deferToThread(client.receive)
        assert zone.answer(query) == (answer, 0.0)

    async def test_address(self) -> None:
        """The certificate is good for the address too, and long answers come whole."""
        client = await self.client(self.lab, "127.0.0.1")
        query = query_for("big.lab.example", "TXT")
        client.send(query)
        answer = await deferToThread(client.receive)
        assert zone.answer(query) == (answer, 0.0)

    async def test_lifetime(self) -> None:
        """The certificate is good for a day."""
        client = await self.client(self.lab)
        certificate = client.tls.getpeercert()
        assert certificate is not None
        end = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        assert 0 <= datetime.now(UTC).timestamp() + 86400 - end < 60

    async def test_another_name(self) -> None:
        """Under another name the server is not trusted."""
        refusal = await self.refusal(trusting(self.lab.ca_pem), "dns.example")
        assert "Hostname mismatch" in str(refusal)

    async def test_fresh_authority(self) -> None:
        """Who trusts one lab does not trust the next."""
        other = create_lab(reactor, datetime.now(UTC))
        refusal = await self.refusal(trusting(other.ca_pem), other.server_name)
        assert "unable to get local issuer certificate" in str(refusal)

    async def test_intermediates(self) -> None:
        """The intermediates are sent along with the leaf."""
        root = Authority.create("root", datetime.now(UTC))
        issued = root.intermediate("lower").issue(Leaf(names=("dns.lab.example",)))
        server = LabServer(reactor, issued, scripted)
        self.start(server)
        client = await self.client(Lab(server, "dns.lab.example", root.pem))
        client.send(b"trusted 0")
        assert await deferToThread(client.receive) == b"trusted"

    async def test_old_tls(self) -> None:
        """A client that knows nothing later than TLS 1.1 is turned away."""
        context = trusting(self.lab.ca_pem)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1_1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        refusal = await self.refusal(context, "dns.lab.example")
        assert refusal.reason == "TLSV1_ALERT_PROTOCOL_VERSION"

    async def test_out_of_order(self) -> None:
        """Of two pipelined queries, the slow one does not hold up the fast one."""
        client = await self.client(self.scripted())
        client.send(b"slow 0.1", b"fast 0")
        assert await deferToThread(client.receive) == b"fast"
        assert await deferToThread(client.receive) == b"slow"

    async def test_idle(self) -> None:
        """An idle client hears a close_notify."""
        client = await self.client(self.scripted(idle_timeout=0.1))
        assert await deferToThread(client.receive) == b""

    async def test_stop(self) -> None:
        """A server that stops drops its clients, half-way through TLS or done."""
        client = await self.client(self.lab)
        port = self.lab.server.port
        halfway = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.addCleanup(halfway.close)
        await self.client(self.lab)
        await self.lab.server.stopService()
        with pytest.raises((ConnectionError, ssl.SSLError)):
            client.receive()
        with pytest.raises(ConnectionError):
            halfway.recv(1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), PATIENCE)

    async def test_come_back(self) -> None:
        """A server that is started again listens where it did."""
        port = self.lab.server.port
        await self.client(self.lab)
        await self.lab.server.stopService()
        self.lab.server.startService()
        assert self.lab.server.port == port
        client = await self.client(self.lab)
        client.send(query_for("www.lab.example"))
        assert await deferToThread(client.receive)

    async def test_port_taken(self) -> None:
        """A port that another has taken is an error, and stopping is harmless."""
        taken = create_lab(reactor, datetime.now(UTC)).server
        assert taken.port == 0
        taken.port = self.lab.server.port
        with pytest.raises(CannotListenError):
            taken.startService()
        assert not taken.running
        assert self.successResultOf(taken.stopService()) is None
