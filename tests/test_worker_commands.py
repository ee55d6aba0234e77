"""What the supervisor and a worker say to each other."""

from typing import Any
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.workers.commands import PIECE, Octets


class OctetsTests(TestCase):
    def through(self, octets: bytes) -> tuple[dict[bytes, bytes], bytes]:
        """Return the box, and what is read from it."""
        box: dict[bytes, bytes] = {}
        Octets().toBox(b"config", box, {"config": octets}, None)
        read: dict[str, Any] = {}
        Octets().fromBox(b"config", box, read, None)
        return box, read["config"]

    @given(st.integers(0, 3), st.integers(-1, 1))
    def test_any_length(self, pieces: int, more: int) -> None:
        """Octets of any length come through, and no piece is too long for a box."""
        octets = bytes(range(256)) * (PIECE // 256 + 1)
        octets = (octets[:PIECE] * (pieces + 1))[: max(PIECE * pieces + more, 0)]
        box, read = self.through(octets)
        assert read == octets
        assert all(0 < len(piece) <= PIECE for piece in box.values())
