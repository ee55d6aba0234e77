"""A crowd before the gateway that never says who it wants."""

import resource
import socket
import ssl

from dotproxy.config.gateway import Gateway
from tests.functional.crowd import descriptors, resident
from tests.functional.origin import BODY, TlsOrigin
from tests.functional.processes import eventually
from tests.functional.test_gateway import NAME, GatewayTests
from tests.hellos import server_name, stream

CROWD = 5_000
"""Connections: enough to fill the gateway as it comes, twice over."""

EACH = 90
"""Connections from one address: within what a client may have, and may open at once."""

DEFAULT = Gateway().max_connections

DESCRIPTORS = 7 * CROWD // 2
"""Open files that a proxy with room for the crowd wants."""

PATIENCE = 3
"""Seconds that the gateway gives to a hello."""

PER_HALF_OPEN = 12 * 1024
"""Octets of memory that one of them may take."""

HALF = stream(server_name(NAME.encode()))[:40]


class CrowdTests(GatewayTests):
    def setUp(self) -> None:
        super().setUp()
        self.size = min(CROWD, allow_descriptors() * 3 // 10)
        self.origin = TlsOrigin(self.stage.folder, (NAME,), self.addCleanup)

    def begin(self, more: str = "") -> None:
        """Start the gateway, and let one good client warm it up."""
        limits = f"hello_timeout = {PATIENCE}\n{more}"
        self.start(self.route(self.origin.port, more=limits))
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
                client.send(HALF)
            crowd.append(client)
        return crowd

    def served(self) -> bool:
        """Whether a client that says what it wants gets it."""
        context = ssl.create_default_context(cafile=self.origin.ca_file)
        try:
            with (
                socket.create_connection((self.host, self.port), 10) as client,
                context.wrap_socket(client, server_hostname=NAME) as tls,
            ):
                tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
                return tls.makefile("rb").read().endswith(BODY)
        except OSError:
            return False

    def left(self) -> bool:
        """Whether nothing of the crowd is left."""
        return eventually(lambda: descriptors(self.pid) <= self.descriptors, 20)

    def test_room(self) -> None:
        """Where there is room for them, others are served meanwhile; they take little
        memory, the next crowd takes no more, and nothing of them stays."""
        self.begin("max_connections = 20000")
        resided = []
        for _ in range(2):
            crowd = self.come()
            self.assertTrue(self.served())
            resided.append(resident(self.pid) - self.before)
            self.assertTrue(self.left())
            for client in crowd:
                client.close()
        self.assertLess(resided[0], self.size * PER_HALF_OPEN)
        self.assertLess(resided[1], 1.4 * resided[0])

    def test_full(self) -> None:
        """Where there is not, most are turned away at once; others are served as soon
        as the time is up for those that were let in."""
        self.begin()
        self.come()
        self.assertLess(descriptors(self.pid), self.descriptors + DEFAULT + 100)
        self.assertTrue(eventually(self.served, PATIENCE + 5))
        self.assertTrue(self.left())


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
