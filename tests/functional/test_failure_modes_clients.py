"""Situations 29 to 33: what clients do, and what becomes of them at the end."""

import signal
import socket
import struct
from contextlib import closing
from unittest import SkipTest, TestCase

import dns.message

from tests.functional.clients import connect
from tests.functional.crowd import ask_over, framed, query
from tests.functional.processes import Process, Stage, eventually, free_port
from tests.functional.proxy import ENVIRONMENT, FOREGROUND
from tests.functional.scene import NO_CACHE, Scene
from tests.functional.standing import forgetful_lab_proxy

BURST = 2000

SHORT_PATIENCE = 0.5
"""Seconds without a reply that are silence."""


def sent(port: int, datagram: bytes, address: str = "127.0.0.1") -> bytes:
    """Send a datagram, and return what comes back; b"" for silence."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(SHORT_PATIENCE)
        client.connect((address, port))
        client.send(datagram)
        try:
            return client.recv(4096)
        except TimeoutError:
            return b""


def send_forged(datagram: bytes, source: int, port: int) -> None:
    """Send a datagram from a port that is not ours; SkipTest if that is not allowed."""
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError as fault:
        raise SkipTest(f"datagrams cannot be forged here: {fault}") from None
    with raw:
        # The checksum may be left away (RFC 768).
        head = struct.pack("!HHHH", source, port, 8 + len(datagram), 0)
        raw.sendto(head + datagram, ("127.0.0.1", 0))


class BurstTests(TestCase):
    def start(self, *flags: str) -> Scene:
        return Scene.create(self.addCleanup, *NO_CACHE, *flags)

    def test_f29_burst(self) -> None:
        """Two thousand new names at once are asked over the few connections there may
        be, and all are answered."""
        # A machine that is busy takes more than the usual 5 s for so many.
        scene = self.start("--timeout", "15")
        replies = scene.ask_all(f"n{number}.lab.example" for number in range(BURST))
        self.assertGreater(len(replies), BURST * 0.95)
        rcodes = [reply.rcode for reply in replies.values()]
        self.assertEqual(set(rcodes), {"NXDOMAIN"})
        # Four, and some more where a busy machine makes the upstream fall behind.
        self.assertLessEqual(scene.lab.connections, 12)

    def test_f29_one_at_a_time(self) -> None:
        """However many wait for a connection, one dial is under way."""
        scene = self.start("--timeout", "1")
        scene.lab.have("stall-handshake")
        replies = scene.ask_all(f"n{number}.lab.example" for number in range(BURST))
        self.assertGreater(len(replies), BURST * 0.95)
        # One, and once more every 0.75 s for as long as that is silent.
        self.assertLess(scene.lab.connections, 10)


class StreamTests(TestCase):
    """TCP clients that do what TCP allows, and more."""

    def setUp(self) -> None:
        self.client = connect(forgetful_lab_proxy().port)
        self.addCleanup(self.client.close)

    def received(self) -> list[dns.message.Message]:
        """Return all replies that come until the connection is closed."""
        octets = b""
        while part := self.client.recv(4096):
            octets += part
        replies = []
        while octets:
            end = 2 + int.from_bytes(octets[:2], "big")
            replies.append(dns.message.from_wire(octets[2:end]))
            octets = octets[end:]
        return replies

    def test_f30_octet_by_octet(self) -> None:
        """A query that comes octet by octet is answered."""
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        message = framed([query(number=5)])
        for octet in message[:-1]:
            self.client.sendall(bytes((octet,)))
        self.client.sendall(message[-1:])
        self.client.shutdown(socket.SHUT_WR)
        self.assertEqual([reply.id for reply in self.received()], [5])

    def test_f30_half_closed(self) -> None:
        """Who asks much and then closes his side gets all, in whatever order."""
        names = ["slow.lab.example", *(f"n{n}.lab.example" for n in range(99))]
        queries = [query(name, number=n) for n, name in enumerate(names)]
        self.client.sendall(framed(queries))
        self.client.shutdown(socket.SHUT_WR)
        replies = self.received()
        self.assertEqual({reply.id for reply in replies}, set(range(100)))
        self.assertEqual(replies[-1].id, 0)

    def test_f30_trailing(self) -> None:
        """Octets behind a query make it FORMERR; the next one is answered."""
        self.client.sendall(framed([query(number=1) + b"\0", query(number=2)]))
        self.client.shutdown(socket.SHUT_WR)
        rcodes = {reply.id: reply.rcode() for reply in self.received()}
        self.assertEqual(rcodes, {1: 1, 2: 0})

    def test_f30_no_query(self) -> None:
        """What is too short to be a query ends the connection, and what is owed comes
        before the end."""
        for octets in (b"", bytes(11)):
            with closing(connect(forgetful_lab_proxy().port)) as self.client:
                self.client.sendall(framed([query(number=3), octets, query(number=4)]))
                self.assertEqual([reply.id for reply in self.received()], [3])

    def test_f30_gone(self) -> None:
        """Who is gone before his answer is forgotten; the next is served."""
        process = forgetful_lab_proxy().process
        before = len(process.output)
        for _ in range(20):
            with closing(connect(forgetful_lab_proxy().port)) as client:
                client.sendall(framed([query("slow.lab.example")]))
        self.assertEqual(ask_over(self.client, query("slow.lab.example"))[:2], b"\0\1")
        self.assertNotIn("Traceback", process.output[before:])


class DatagramTests(TestCase):
    def test_f31_many_addresses(self) -> None:
        """Where all addresses are served the reply is from the one that was asked."""
        stage, port = Stage.create(self.addCleanup), free_port()
        words = ("dotproxy", "--listen", f"0.0.0.0:{port}", "--upstream", "lab")
        process = Process(stage, [*FOREGROUND, *words], ENVIRONMENT)
        process.wait_for(f"serves 0.0.0.0:{port}")
        for address in ("127.0.0.1", "127.0.0.2", "127.3.2.1"):
            # Twice: it comes from the upstream, and from the cache.
            for number in (1, 2):
                reply = sent(port, query(number=number), address)
                self.assertEqual(reply[:2], number.to_bytes(2, "big"), address)

    def test_f32_responses(self) -> None:
        """What says that it is a response is answered by silence."""
        port = forgetful_lab_proxy().port
        response = bytearray(query())
        response[2] |= 0x80
        self.assertEqual(sent(port, bytes(response)), b"")
        self.assertEqual(sent(port, query(number=9))[:2], b"\0\x09")

    def test_f32_ourselves(self) -> None:
        """A datagram that says to be from our own port, or from none, is dropped."""
        scene = Scene.create(self.addCleanup, *NO_CACHE)
        port = scene.proxy.port
        for number, source in enumerate((port, 0)):
            send_forged(query(f"forged{number}.lab.example"), source, port)
        self.assertNotEqual(sent(port, query()), b"")
        self.assertEqual(scene.lab.queries, 1)
        send_forged(query("honest.lab.example"), free_port(), port)
        self.assertTrue(eventually(lambda: scene.lab.queries == 2))


class EndTests(TestCase):
    def setUp(self) -> None:
        self.scene = Scene.create(self.addCleanup, *NO_CACHE)
        self.scene.lab.have("delay=0.6@mx.lab.example")

    def under_way(self) -> None:
        """Ask over TCP for what takes the upstream a while; it has arrived there."""
        self.client = connect(self.scene.proxy.port)
        self.addCleanup(self.client.close)
        before = self.scene.lab.queries
        self.client.sendall(framed([query("mx.lab.example", number=6)]))
        self.assertTrue(eventually(lambda: self.scene.lab.queries > before))

    def test_f33_reload(self) -> None:
        """A reload leaves alone what is under way, who is connected, and addresses."""
        self.under_way()
        self.scene.proxy.process.hang_up()
        self.scene.proxy.process.wait_for("reloaded")
        self.assertEqual(self.client.recv(4096)[2:4], b"\0\6")
        self.assertEqual(ask_over(self.client, query(number=7))[:2], b"\0\7")

    def test_f33_stop(self) -> None:
        """A stop lets answers come that are on their way, and does not take long."""
        self.under_way()
        self.assertEqual(self.scene.proxy.process.stop(), -signal.SIGTERM)
        self.assertEqual(self.client.recv(4096)[2:4], b"\0\6")
        self.assertIn("Server Shut Down.", self.scene.proxy.process.output)

    def test_f33_stop_in_vain(self) -> None:
        """Where none comes the client hears so before the end."""
        self.scene.lab.have("swallow")
        self.under_way()
        self.assertEqual(self.scene.proxy.process.stop(), -signal.SIGTERM)
        reply = dns.message.from_wire(self.client.recv(4096)[2:])
        self.assertEqual((reply.id, reply.rcode()), (6, 2))
