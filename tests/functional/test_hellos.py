"""The hellos of real clients, said to this very test, however they may be cut."""

import socket
import subprocess
from collections.abc import Iterable
from typing import NamedTuple
from unittest import TestCase

from dotproxy.wire.clienthello import Hello, HelloReader
from dotproxy.wire.vector import read_sole_vector
from tests.functional.chromium import browse
from tests.functional.processes import PATIENCE, Stage, program
from tests.hellos import extensions, pairs, pieces, record

NAME = "www.origin.example"

SEGMENT = 1460
"""Octets in a TCP segment of an Ethernet (RFC 6691)."""

ECH, KEY_SHARE = 0xFE0D, 51
"""Extensions (RFC 9849 section 5, RFC 8446 section 4.2.8)."""

X25519MLKEM768 = 0x11EC
"""A group, whose share of a client has 1,216 octets (draft-ietf-tls-ecdhe-mlkem)."""


class Said(NamedTuple):
    """What a client said first, and what was read of it."""

    octets: bytes
    hello: Hello

    @property
    def handshake(self) -> bytes:
        """The message, out of its one record."""
        return self.octets[5:]


class HelloTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        self.server.settimeout(2 * PATIENCE)
        self.place = "{}:{}".format(*self.server.getsockname())

    def test_openssl(self) -> None:
        """The name is found in a hello of openssl's, and the protocols."""
        names = ("-servername", NAME, "-alpn", "h2,http/1.1")
        said = self.said(
            [program("openssl"), "s_client", "-connect", self.place, *names]
        )
        self.assertEqual(said.hello.alpn, (b"h2", b"http/1.1"))
        self.assertFalse(said.hello.ech)
        self.each_cut(said)

    def test_curl(self) -> None:
        """It is in one of curl's."""
        there = ("--connect-to", f"::{self.place}", f"https://{NAME}/")
        said = self.said([program("curl"), "--silent", "--max-time", "10", *there])
        self.assertEqual(said.hello.alpn, (b"h2", b"http/1.1"))
        self.each_cut(said)

    def test_chromium(self) -> None:
        """It is in one of a browser's: ECH or GREASE like it, a share for X25519 with
        ML-KEM, and so more than a segment holds."""
        rules = f"--host-resolver-rules=MAP {NAME} {self.place}, MAP * ~NOTFOUND"
        said = self.said(browse(self.stage, f"https://{NAME}/", rules))
        self.assertTrue(said.hello.ech)
        found = extensions(said.handshake[4:])
        self.assertEqual(found[ECH][:1], b"\0")
        self.assertEqual(shares(found[KEY_SHARE])[X25519MLKEM768], 1216)
        self.assertGreater(len(said.octets), SEGMENT)
        self.assertEqual(read(pieces(said.octets, SEGMENT)), said.hello)
        self.each_cut(said)

    def said(self, command: list[str]) -> Said:
        """Let a client connect to us; return what it says."""
        client = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            said = self.listen()
        finally:
            client.terminate()
            client.wait(PATIENCE)
        self.assertEqual(said.hello.server_name, NAME)
        self.assertEqual((said.hello.records, said.hello.size), (1, len(said.octets)))
        return said

    def listen(self) -> Said:
        """Hear the first client out, up to the end of its hello."""
        client, _ = self.server.accept()
        client.settimeout(PATIENCE)
        reader = HelloReader()
        with client:
            while (hello := reader.feed(client.recv(65536))) is None:
                pass
        return Said(bytes(reader.octets), hello)

    def each_cut(self, said: Said) -> None:
        """Wherever two segments meet, or two records, the same is found."""
        octets, handshake = said.octets, said.handshake
        for cut in range(1, len(octets)):
            self.assertEqual(read([octets[:cut], octets[cut:]]), said.hello)
            self.assertIsNone(read([octets[:cut]]))
        for cut in range(1, len(handshake)):
            split = record(handshake[:cut]) + record(handshake[cut:])
            expected = said.hello._replace(records=2, size=len(split))
            self.assertEqual(read([split]), expected)


def read(segments: Iterable[bytes]) -> Hello | None:
    """Feed segments until there is a hello, or there are no more."""
    reader = HelloReader()
    return next((hello for each in segments if (hello := reader.feed(each))), None)


def shares(value: bytes) -> dict[int, int]:
    """Return how long the share for each group is (RFC 8446 section 4.2.8)."""
    return {group: len(it) for group, it in pairs(read_sole_vector(value, 2))}
