"""How a proxy gets on with real servers over the connections that it keeps."""

import time
from unittest import TestCase

import dns.message
import dns.query
import dns.rcode

from tests.functional.clients import connect, dig
from tests.functional.peers import DNSDIST_IDLE
from tests.functional.standing import standing

STALL = 1.4
"""Seconds: a query that is left unread waits for 1.5 before it is asked again."""

BROWSER = ("A", "AAAA", "HTTPS")
"""The types that a browser asks for in one breath."""


class ConnectionTests(TestCase):
    """Servers differ in what they make of many queries over one connection.

    Of a TLS record with several queries nsd 4.6 and dnsdist 1.7 answer the first;
    they leave the others unread until another record comes.
    """

    def assert_prompt(self, port: int, types: tuple[str, ...]) -> None:
        """Ask for all types of a name in one breath; the answers come without delay."""
        queries = [dns.message.make_query("www.lab.example", it) for it in types]
        wires = [query.to_wire(prepend_length=True) for query in queries]
        begin = time.monotonic()
        with connect(port) as client:
            client.sendall(b"".join(wires))
            for _ in queries:
                answer, _ = dns.query.receive_tcp(client)
                self.assertEqual(answer.rcode(), dns.rcode.NOERROR)
        self.assertLess(time.monotonic() - begin, STALL)

    def test_browser(self) -> None:
        """The queries of a browser for one name do not wait for each other."""
        for each in standing():
            with self.subTest(server=each.peer.name):
                self.assert_prompt(each.forgetful.port, BROWSER)

    def test_many(self) -> None:
        """Nor do as many queries as may be under way at once."""
        for each in standing():
            with self.subTest(server=each.peer.name):
                self.assert_prompt(each.forgetful.port, BROWSER * 30)

    def test_idle(self) -> None:
        """A connection that the server has closed meanwhile is no failure."""
        *_, dnsdist = standing()
        port = dnsdist.forgetful.port
        self.assertEqual(dig(port, "www.lab.example").status, "NOERROR")
        time.sleep(DNSDIST_IDLE + 0.5)
        before = len(dnsdist.forgetful.process.output)
        begin = time.monotonic()
        self.assertEqual(dig(port, "www.lab.example").status, "NOERROR")
        self.assertLess(time.monotonic() - begin, STALL)
        self.assertNotIn("down", dnsdist.forgetful.process.output[before:])
