"""The sockets that the workers share."""

from unittest import TestCase

from dotproxy.config.model import Listen
from dotproxy.server.sockets import bind, bind_stream
from dotproxy.workers.bound import addresses, descriptors


class BoundTests(TestCase):
    def test_order(self) -> None:
        """UDP comes before TCP, and TLS has one socket; addresses have their ports."""
        plain, encrypted = bind("127.0.0.1", 0), bind_stream("127.0.0.1", 0)
        self.addCleanup(plain.close)
        self.addCleanup(encrypted.close)
        opened = {
            Listen("127.0.0.1", 0, True): encrypted,
            Listen("127.0.0.1", 0): plain,
        }
        numbers = [each.fileno() for each in (encrypted, plain.udp, plain.tcp)]
        assert descriptors(opened) == numbers
        port = encrypted.getsockname()[1]
        assert list(addresses(opened)) == [f"tls://127.0.0.1:{port}", plain.address]
