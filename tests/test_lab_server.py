"""The lab's server: who is answered when, and what it takes to be let in."""

import socket
import ssl
import warnings
from datetime import UTC, datetime

import dns.message
import pytest
from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from dotproxy.lab import zone
from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.lab.server import Lab, LabServer, create_lab
from dotproxy.lab.zone import Reply
from tests.tls_client import PATIENCE, Client, trusting

IDLE = 10.0


def scripted(query: bytes) -> Reply | None:
    """Answer "<name> <seconds>" with the name after the seconds, others not at all."""
    name, _, delay = query.partition(b" ")
    return Reply(name, float(delay)) if delay else None


def query_for(name: str, rdtype: str = "A") -> bytes:
    return dns.message.make_query(name, rdtype).to_wire()


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
