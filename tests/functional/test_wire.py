"""What anybody on the way to the upstream could see."""

import secrets
from unittest import TestCase

from tests.functional.capture import Capture, Packet, parse_records, streams_to
from tests.functional.clients import dig
from tests.functional.peers import start_unbound
from tests.functional.processes import Stage
from tests.functional.proxy import start_proxy

APPLICATION_DATA = 23
"""The type of TLS records that hold messages, and in TLS 1.3 also what ends the
handshake (RFC 8446 section 5.1)."""


class WireTests(TestCase):
    def setUp(self) -> None:
        stage = Stage.create(self.addCleanup)
        self.unbound = start_unbound(stage)
        self.proxy = start_proxy(stage, *self.unbound.flags)
        self.labels = [secrets.token_hex(length) for length in (4, 10, 17, 30)]

    def capture(self) -> list[Packet]:
        """Ask for a name with each of the labels, and return all that passed."""
        capture = Capture()
        try:
            for label in self.labels:
                answer = dig(self.proxy.port, f"{label}.lab.example")
                self.assertEqual(answer.status, "NXDOMAIN")
        finally:
            packets = capture.stop()
        return packets

    def test_clear(self) -> None:
        """No name that was asked for is seen, except between client and proxy."""
        clear = {
            (label, self.proxy.port in (packet.source, packet.destination))
            for packet in self.capture()
            for label in self.labels
            if label.encode() in packet.payload.lower()
        }
        self.assertEqual(clear, {(label, True) for label in self.labels})

    def test_records(self) -> None:
        """Only TLS leaves for the upstream, and the length of a name does not show."""
        [stream] = streams_to(self.unbound.port, self.capture())
        records = parse_records(stream)
        data = [it.length for it in records if it.type == APPLICATION_DATA]
        queries = data[-len(self.labels) :]
        self.assertEqual(len(queries), len(self.labels))
        self.assertEqual(len(set(queries)), 1, records)
