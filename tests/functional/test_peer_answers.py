"""What a proxy hands on from unbound, nsd and dnsdist is what they said."""

from unittest import TestCase

from tests.functional.clients import Answer, dig, kdig, kdig_over_tls
from tests.functional.peers import ODD, UNKNOWN
from tests.functional.standing import standing

QUESTIONS = (
    ("www", "A"),
    ("www", "AAAA"),
    ("www", "HTTPS"),
    ("alias", "A"),
    ("alias", "AAAA"),
    ("mail", "MX"),
    ("txt", "TXT"),
    ("txt", "A"),
    ("big", "TXT"),
    ("huge", "TXT"),
    ("utmost", "TXT"),
    ("odd", "TXT"),
    ("unknown", "TYPE65280"),
    ("nope", "A"),
)

SECTIONS = ("ANSWER", "AUTHORITY", "ADDITIONAL")


class PeerTests(TestCase):
    def test_same(self) -> None:
        """RCODE and records are those that the server gives when it is asked itself.

        Over UDP too: kdig comes back over TCP for what does not fit a datagram.
        """
        for each in standing():
            for name, rdtype in QUESTIONS:
                words = (f"{name}.lab.example", rdtype)
                straight = kdig_over_tls(each.peer, *words)
                for way in ("+noignore", "+tcp"):
                    with self.subTest(server=each.peer.name, words=words, way=way):
                        proxied = kdig(each.proxy.port, way, "+edns", *words)
                        self.assert_same(proxied, straight)

    def test_unknown_type(self) -> None:
        """A record of a type that nobody knows keeps its octets."""
        self.assert_values("unknown", "TYPE65280", f"TYPE65280 {UNKNOWN}")

    def test_odd_octets(self) -> None:
        """A text keeps its zeros, quotes and empty strings."""
        self.assert_values("odd", "TXT", f"TXT {ODD}")

    def test_largest(self) -> None:
        """An answer of nearly 65,535 octets, the most there can be, comes whole."""
        for each in standing():
            with self.subTest(server=each.peer.name):
                answer = kdig(each.proxy.port, "+tcp", "huge.lab.example", "TXT")
                self.assertGreater(answer.size, 65_200)
                self.assertEqual(len(answer.values), 248)
                self.assertNotIn("tc", answer.flags)

    def test_truncated_over_tls(self) -> None:
        """What even TLS brings cut short reaches a TCP client as such, with its TC."""
        unbound = standing()[0]
        answer = kdig(unbound.proxy.port, "+tcp", "utmost.lab.example", "TXT")
        self.assertEqual(answer.status, "NOERROR")
        self.assertIn("tc", answer.flags)

    def test_ours(self) -> None:
        """Flags and options are our own: no AA, no padding, no OPT where none was."""
        for each in standing():
            port = each.proxy.port
            with self.subTest(server=each.peer.name):
                answer = kdig(port, "+padding", "+cookie", "www.lab.example")
                self.assertEqual(answer.flags, {"qr", "rd", "ra"})
                self.assertEqual(len(answer.edns), 1, answer.edns)
                bare = dig(port, "+noedns", "wWw.lAb.example")
                self.assertEqual(bare.edns, [])
                self.assertEqual(bare.question, "wWw.lAb.example.")

    def assert_same(self, proxied: Answer, straight: Answer) -> None:
        self.assertEqual(proxied.status, straight.status)
        for section in SECTIONS:
            self.assertEqual(proxied.records(section), straight.records(section))
        self.assertEqual(proxied.question, straight.question)
        self.assertEqual("tc" in proxied.flags, "tc" in straight.flags)

    def assert_values(self, name: str, rdtype: str, value: str) -> None:
        for each in standing():
            for way in ("+notcp", "+tcp"):
                with self.subTest(server=each.peer.name, way=way):
                    words = (way, f"{name}.lab.example", rdtype)
                    self.assertEqual(kdig(each.proxy.port, *words).values, [value])
