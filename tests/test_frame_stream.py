"""Frame Streams: the octets around dnstap."""

from contextlib import suppress
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.journal.frame_stream import (
    ACCEPT,
    FINISH,
    READY,
    START,
    STOP,
    control_frame,
    control_size,
    control_type,
    data_frame,
)
from dotproxy.wire.message import FormatError

TYPE = b"\0\0\0\1\0\0\0\x16protobuf:dnstap.Dnstap"


class FrameTests(TestCase):
    def test_data(self) -> None:
        """Data stands behind its length."""
        assert data_frame(b"abc") == b"\0\0\0\3abc"

    def test_control(self) -> None:
        """A control frame stands behind an empty length, and says of what it speaks."""
        for kind, number in ((ACCEPT, 1), (START, 2), (READY, 4)):
            size = b"\0\0\0\x22" + bytes((0, 0, 0, number))
            assert control_frame(kind) == b"\0\0\0\0" + size + TYPE
        assert control_frame(STOP) == b"\0\0\0\0\0\0\0\4\0\0\0\3"
        assert control_frame(FINISH) == b"\0\0\0\0\0\0\0\4\0\0\0\5"

    def test_read(self) -> None:
        """What is written can be read."""
        for kind in (ACCEPT, START, STOP, READY, FINISH):
            frame = control_frame(kind)
            assert control_size(frame[:8]) == len(frame) - 8
            assert control_type(frame[8:]) == kind

    def test_faults(self) -> None:
        """Data, what is too long, and who takes something else is refused."""
        for head in (b"", b"\0\0\0\1\0\0\0\4", b"\0\0\0\0\0\0\2\1", bytes(8)):
            self.assertRaises(FormatError, control_size, head)
        self.assertRaises(FormatError, control_type, b"\0\0\0")
        other = b"\0\0\0\1\0\0\0\1\0\0\0\1x"
        self.assertRaises(FormatError, control_type, other)

    @given(st.binary(max_size=20))
    def test_anything(self, octets: bytes) -> None:
        """Whatever comes is read, or is a fault."""
        for read in (control_size, control_type):
            with suppress(FormatError):
                assert read(octets) >= 0
