"""A crowd before the gateway that never says who it wants."""

import resource
import socket
import ssl
from contextlib import suppress

from tests.functional.crowd import descriptors, resident
from tests.functional.origin import BODY, TlsOrigin
from tests.functional.processes import eventually
from tests.functional.test_gateway import NAME, GatewayTests
from tests.hellos import server_name, stream
from tests.long import long

CROWD = 2_000
"""Connections: many times as many as the small gateway has places."""

EACH = 90
"""Connections from one address: within what a client may have, and may open at once."""

PLACES = 400
"""What the small gateway has, of which each takes one descriptor or two."""

DESCRIPTORS = 7 * CROWD // 2
"""Open files that a proxy with room for the crowd wants."""

PATIENCE = 2
"""Seconds that the gateway gives to a hello."""

PER_HALF_OPEN = 12 * 1024
"""Octets of memory that one of them may take."""

KEPT = 1.3
"""Of the memory that the first crowd leaves in use, the most that is in use when others
have been there.  It is 1.0, and would be more than 3 if nothing was given back."""

HALF = stream(server_name(NAME.encode()))[:40]


@long
class CrowdTests(GatewayTests):
    def setUp(self) -> None:
        super().setUp()
        self.size = min(CROWD, allow_descriptors() * 3 // 10)
        self.origin = TlsOrigin(self.stage.folder, (NAME,), self.addCleanup)

    def begin(self, more: str) -> None:
        """Start the gateway within limits, and let one good client warm it up."""
        self.start(self.route(self.origin.port, more=more))
        self.pid = self.proxy.process.pid
        self.assertTrue(self.served())
        self.assertTrue(eventually(lambda: " down, " in self.proxy.process.output))
        self.descriptors, self.before = descriptors(self.pid), resident(self.pid)

    def come(self) -> list[socket.socket]:
        """Let the crowd come; every other one of it says half a hello."""
        crowd = []
        for place in range(self.size):
            client = socket.socket()
            self.addCleanup(client.close)
            client.settimeout(10)
            client.bind((f"127.9.0.{place // EACH + 1}", 0))
            client.connect((self.host, self.port))
            if place % 2:
                # It may have had to make room already.
                with suppress(OSError):
                    client.send(HALF)
            crowd.append(client)
        return crowd

    def tls(self) -> ssl.SSLSocket:
        """Connect by way of the gateway."""
        context = ssl.create_default_context(cafile=self.origin.ca_file)
        client = socket.create_connection((self.host, self.port), 10)
        self.addCleanup(client.close)
        tls = context.wrap_socket(client, server_hostname=NAME)
        self.addCleanup(tls.close)
        return tls

    def answered(self, tls: ssl.SSLSocket) -> bool:
        """Whether the origin says what it should."""
        tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with tls.makefile("rb") as reply:
            said: bytes = reply.read()
        tls.close()
        return said.endswith(BODY)

    def served(self) -> bool:
        """Whether a client that says what it wants gets it."""
        try:
            return self.answered(self.tls())
        except OSError:
            return False

    def left(self) -> bool:
        """Whether nothing of the crowd is left."""
        return eventually(lambda: descriptors(self.pid) <= self.descriptors, 20)

    def grown(self) -> int:
        """Return the octets of memory that were not in use before."""
        return resident(self.pid) - self.before

    def test_room(self) -> None:
        """Where there is room for them, others are served meanwhile; they take little
        memory, are let go in time, and leave nothing that grows."""
        limits = f"max_connections = 20000\nhello_timeout = {PATIENCE}\n"
        self.begin(f"{limits}new_per_second = 10000")
        crowd = self.come()
        self.assertTrue(self.served())
        self.assertLess(self.grown(), self.size * PER_HALF_OPEN)
        self.assertTrue(self.left())
        hang_up(crowd)
        kept = self.grown()
        for _ in range(3):
            hang_up(self.come())
            self.assertTrue(self.left())
        self.assertLess(self.grown(), KEPT * kept)

    def test_full(self) -> None:
        """Where there is not, those who came first make room: others are served at
        once, and one that is served already stays.  The log says so in one line."""
        self.begin(f"max_connections = {PLACES}\nhello_timeout = 60")
        served = self.tls()
        crowd = self.come()
        few = self.descriptors + PLACES + 2
        self.assertTrue(eventually(lambda: descriptors(self.pid) <= few))
        self.assertTrue(self.served())
        self.assertTrue(self.answered(served))
        hang_up(crowd)
        self.assertTrue(self.left())
        self.assertEqual(self.proxy.process.output.count("away: made_room"), 1)


def hang_up(crowd: list[socket.socket]) -> None:
    """Let a crowd go."""
    for client in crowd:
        client.close()


def allow_descriptors() -> int:
    """Let this process, and those that it starts, open as many files as a crowd takes;
    return how many they may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (max(DESCRIPTORS, hard), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, DESCRIPTORS), most))
        except (ValueError, OSError):
            continue
        return min(most, DESCRIPTORS)
    return soft
