"""Frames of HTTP/2, cut out of a client's octets."""

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.http.frames import (
    ACK,
    LARGEST,
    PING,
    PREFACE,
    SETTINGS,
    BrokenError,
    Error,
    frame,
)
from dotproxy.http.incoming import Incoming
from tests.messages import quick

BEGINNING = PREFACE + frame(SETTINGS, 0, 0)


class IncomingTests(TestCase):
    def fails(self, octets: bytes) -> Error:
        with self.assertRaises(BrokenError) as caught:
            [*Incoming().feed(octets)]
        return caught.exception.error

    @quick
    @given(st.lists(st.integers(1, 60), max_size=9))
    def test_cuts(self, cuts: list[int]) -> None:
        """However octets are cut, the frames are the same."""
        octets = BEGINNING + frame(PING, 0, 0, b"12345678") + frame(77, 3, 2**31 - 1)
        incoming, found = Incoming(), []
        for size in (*cuts, len(octets)):
            found += incoming.feed(octets[:size])
            octets = octets[size:]
        assert found == [
            (SETTINGS, 0, 0, b""),
            (PING, 0, 0, b"12345678"),
            (77, 3, 2**31 - 1, b""),
        ]

    def test_preface(self) -> None:
        """What begins otherwise is not HTTP/2, as soon as that shows."""
        assert self.fails(b"PRO") == Error.PROTOCOL_ERROR
        assert self.fails(PREFACE[:-1] + b"x") == Error.PROTOCOL_ERROR

    def test_settings(self) -> None:
        """Settings are the first frame, and not such as agree with ours."""
        for first in (frame(PING, 0, 0, bytes(8)), frame(SETTINGS, ACK, 0)):
            assert self.fails(PREFACE + first) == Error.PROTOCOL_ERROR

    def test_size(self) -> None:
        """A frame has no more octets than anybody has to take."""
        incoming = Incoming()
        largest = frame(77, 0, 0, bytes(LARGEST))
        assert len([*incoming.feed(BEGINNING + largest)]) == 2
        large = frame(77, 0, 0, bytes(LARGEST + 1))
        assert self.fails(BEGINNING + large[:9]) == Error.FRAME_SIZE_ERROR
        assert self.fails(BEGINNING + b"\1\0\0" + bytes(6)) == Error.FRAME_SIZE_ERROR
