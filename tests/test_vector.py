"""Vectors: octets with their length in front."""

from contextlib import suppress
from unittest import TestCase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.message import FormatError
from dotproxy.wire.vector import (
    read_sole_vector,
    read_vector,
    read_vectors,
    write_vector,
)
from tests.messages import quick

widths = st.integers(1, 3)


class VectorTests(TestCase):
    def test_in_the_middle(self) -> None:
        """A vector is read where it stands, with the offset of what comes next."""
        assert read_vector(b"..\2abrest", 2, 1) == (b"ab", 5)
        assert read_vector(b"..\0\2abrest", 2, 2) == (b"ab", 6)
        assert read_vector(b"\0", 0, 1) == (b"", 1)

    def test_runs_off(self) -> None:
        """Neither the length nor what it counts may run off the end."""
        for octets, at in ((b"", 0), (b"\0", 0), (b"\0\1", 0), (b"\0\0", 1), (b"", 9)):
            with pytest.raises(FormatError, match="runs off"):
                read_vector(octets, at, 2)

    def test_sole(self) -> None:
        """One that is all there is has nothing behind it."""
        assert read_sole_vector(b"\0\1a", 2) == b"a"
        with pytest.raises(FormatError, match="behind"):
            read_sole_vector(b"\0\1ab", 2)

    def test_longest(self) -> None:
        """A length of one octet counts to 255, and no further."""
        assert write_vector(bytes(255), 1) == b"\xff" + bytes(255)
        with pytest.raises(FormatError, match="longer"):
            write_vector(bytes(256), 1)

    @quick
    @given(st.lists(st.binary(max_size=20)), widths)
    def test_there_and_back(self, vectors: list[bytes], width: int) -> None:
        """What is written one after another is read again."""
        written = b"".join(write_vector(each, width) for each in vectors)
        assert read_vectors(written, width) == tuple(vectors)

    @quick
    @given(st.binary(max_size=40), widths)
    def test_whatever_the_octets(self, octets: bytes, width: int) -> None:
        """Whatever the octets, they are vectors to the last octet or a fault."""
        with suppress(FormatError):
            found = read_vectors(octets, width)
            assert b"".join(write_vector(each, width) for each in found) == octets
