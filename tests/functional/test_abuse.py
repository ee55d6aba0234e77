"""What one client does, or a crowd of them, does not hurt the others."""

import socket
import time
from contextlib import suppress
from unittest import TestCase

from tests.functional.clients import connect
from tests.functional.crowd import (
    allow_descriptors,
    ask,
    ask_over,
    bearable,
    come,
    descriptors,
    framed,
    pace,
    query,
    resident,
    storm,
    worked,
)
from tests.functional.processes import Process, Stage, eventually, program
from tests.functional.proxy import Proxy, start_proxy
from tests.long import long

MOST, MOST_EACH = 600, 50
"""TCP connections that the proxy under test allows, in all and of one client."""

PER_IDLE_CLIENT = 12 * 1024
"""Octets of memory that an idle TCP client may take."""

FEW_DESCRIPTORS = 80

SETTINGS = f"""\
[clients]
max_tcp = {MOST}
max_tcp_per_client = {MOST_EACH}
"""


class AbuseTests(TestCase):
    """A proxy of its own for each test, since each leaves it changed."""

    def setUp(self) -> None:
        allow_descriptors()
        self.stage = Stage.create(self.addCleanup)

    def start(self, *prefix: str) -> Proxy:
        config = self.stage.folder / "dotproxy.toml"
        config.write_text(SETTINGS)
        flags = ("--config", str(config), "--upstream", "lab")
        proxy = start_proxy(self.stage.behind(*prefix), *flags)
        self.quiet = pace(proxy.port)
        return proxy

    def crowd(self, proxy: Proxy, count: int) -> list[socket.socket]:
        """Let clients come, each from an address of its own."""
        clients = []
        for place in range(count):
            clients.append(come(proxy.port, place))
            self.addCleanup(clients[-1].close)
        return clients

    def assert_nobody_notices(self, proxy: Proxy) -> None:
        self.assertLess(pace(proxy.port), bearable(self.quiet))

    def assert_newcomer_served(self, proxy: Proxy, place: int) -> None:
        with come(proxy.port, place) as newcomer:
            self.assertEqual(ask_over(newcomer, query(number=7))[:2], b"\0\7")


class ConnectionTests(AbuseTests):
    def test_idle(self) -> None:
        """However many come and do nothing, memory is bounded and others are served."""
        proxy = self.start()
        pid = proxy.process.pid
        before, own = resident(pid), descriptors(pid)
        clients = self.crowd(proxy, MOST)
        self.assert_nobody_notices(proxy)
        self.assertLess(resident(pid) - before, MOST * PER_IDLE_CLIENT)
        self.crowd(proxy, 2 * MOST)
        self.assert_newcomer_served(proxy, 5000)
        self.assert_nobody_notices(proxy)
        self.assertTrue(eventually(lambda: descriptors(pid) <= own + MOST))
        self.assertLess(resident(pid) - before, 2 * MOST * PER_IDLE_CLIENT)
        with self.assertRaises(OSError):
            ask_over(clients[0], query())

    def test_one_client(self) -> None:
        """One address has only so many; its own oldest goes, and nobody else's."""
        proxy = self.start()
        with come(proxy.port, 1) as other:
            ask_over(other, query())
            mine = []
            for _ in range(MOST_EACH + 5):
                mine.append(come(proxy.port, 2))
                self.addCleanup(mine[-1].close)
            self.assertEqual(ask_over(mine[-1], query(number=9))[:2], b"\0\x09")
            with self.assertRaises(OSError):
                ask_over(mine[0], query())
            self.assertEqual(ask_over(other, query(number=8))[:2], b"\0\x08")

    def test_octet_by_octet(self) -> None:
        """Those who send a query ever so slowly are in nobody's way."""
        proxy = self.start()
        clients = self.crowd(proxy, MOST)
        for octet in framed([query()])[:5]:
            for client in clients:
                client.send(bytes((octet,)))
        self.assert_nobody_notices(proxy)
        self.assert_newcomer_served(proxy, 5000)

    @long
    def test_storm(self) -> None:
        """While others connect and vanish, all is served; nothing is left of them."""
        proxy = self.start()
        before = descriptors(proxy.process.pid)
        with storm(proxy.port):
            self.assert_nobody_notices(proxy)
            self.assert_newcomer_served(proxy, 1)
        pid = proxy.process.pid
        self.assertTrue(eventually(lambda: descriptors(pid) <= before))
        self.assertNotIn("Traceback", proxy.process.output)

    def test_descriptors(self) -> None:
        """With few descriptors all goes on: UDP, upstream, newcomers; nothing spins."""
        limit = f'ulimit -n {FEW_DESCRIPTORS}; exec "$@"'
        proxy = self.start("sh", "-c", limit, "sh")
        self.assertIn("allow 708 open files", proxy.process.output)
        self.crowd(proxy, 3 * FEW_DESCRIPTORS)
        self.assert_nobody_notices(proxy)
        ask(proxy.port, query("mx.lab.example", "A"))
        self.assert_newcomer_served(proxy, 5000)
        begun = worked(proxy.process.pid)
        time.sleep(0.5)
        self.assertLess(worked(proxy.process.pid) - begun, 0.25)
        self.assertLess(proxy.process.output.count("\n"), 50)


class StreamTests(AbuseTests):
    @long
    def test_never_read(self) -> None:
        """Those who ask for much and read nothing cost only so much memory."""
        proxy = self.start()
        before = resident(proxy.process.pid)
        wishes = framed(query("big.lab.example", "TXT", n) for n in range(500))
        clients = self.crowd(proxy, 100)
        for client in clients:
            client.setblocking(False)
            try:
                client.send(wishes)
            except BlockingIOError:
                continue
        self.assert_nobody_notices(proxy)
        self.assert_newcomer_served(proxy, 5000)
        # Unbounded, it would be 150 MB.
        self.assertLess(resident(proxy.process.pid) - before, 50 * 2**20)

    @long
    def test_pipelining(self) -> None:
        """One that asks thousands of queries on end gets its answers, not the others'
        time."""
        proxy = self.start()
        count = 5000
        with connect(proxy.port) as greedy:
            greedy.setblocking(False)
            rest = framed(query(f"n{n}.lab.example", number=n) for n in range(count))
            received = bytearray()
            slowest = []
            while len(received) < 10 * count and len(slowest) < 2000:
                with suppress(BlockingIOError):
                    rest = rest[greedy.send(rest) :]
                with suppress(BlockingIOError):
                    received += greedy.recv(2**20)
                slowest.append(ask(proxy.port, query()))
        slowest.sort()
        self.assertLess(slowest[len(slowest) // 2], bearable(self.quiet))
        self.assertGreater(len(received), 10 * count)

    def test_no_query(self) -> None:
        """What is too short to be a query ends the connection, after what is owed."""
        proxy = self.start()
        for octets in (b"", b"\0" * 11):
            with connect(proxy.port) as client:
                client.sendall(framed([query(number=3), octets, query(number=4)]))
                reply = b""
                while part := client.recv(4096):
                    reply += part
                self.assertEqual(reply[2:4], b"\0\3")
                size = int.from_bytes(reply[:2], "big")
                self.assertEqual(len(reply), 2 + size)

    def test_gone(self) -> None:
        """Those who leave before their answer are forgotten without a word."""
        proxy = self.start()
        for place in range(50):
            with come(proxy.port, place) as client:
                client.sendall(framed([query("slow.lab.example")]))
        self.assertGreater(ask(proxy.port, query("slow.lab.example")), 0)
        self.assert_newcomer_served(proxy, 1)
        self.assertNotIn("Traceback", proxy.process.output)


class LoadTests(AbuseTests):
    @long
    def test_beyond_capacity(self) -> None:
        """Under more misses than can be served hits are, and a second later all is
        well."""
        proxy = self.start()
        file = self.stage.folder / "misses"
        file.write_text("".join(f"x{n}.lab.example A\n" for n in range(200_000)))
        server = ("-s", "127.0.0.1", "-p", str(proxy.port), "-d", str(file))
        amount = ("-l", "2", "-q", "4000", "-c", "10", "-t", "1")
        flood = Process(self.stage, [program("dnsperf"), *server, *amount])
        hits = lost = 0
        while flood.running:
            try:
                ask(proxy.port, query(), patience=1)
                hits += 1
            except TimeoutError:
                lost += 1
        self.assertGreater(hits, 20)
        self.assertLess(lost, hits / 5)
        time.sleep(1)
        self.assert_nobody_notices(proxy)
        self.assertLess(ask(proxy.port, query("new.lab.example")), 1)
