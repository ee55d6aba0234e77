"""Messages in a stream."""

from itertools import pairwise
from unittest import TestCase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.framing import Frames, frame
from dotproxy.wire.message import FormatError
from tests.messages import quick


@st.composite
def cut(draw: st.DrawFn) -> tuple[list[bytes], bytes, list[bytes]]:
    """Draw messages, the start of one more, and the stream of both in segments."""
    messages = draw(st.lists(st.binary(max_size=300), max_size=6))
    last = frame(draw(st.binary(max_size=300)))
    start = last[: draw(st.integers(0, len(last) - 1))]
    stream = b"".join(map(frame, messages)) + start
    cuts = draw(st.lists(st.integers(0, len(stream)), max_size=12))
    edges = [0, *sorted(cuts), len(stream)]
    segments = [stream[a:b] for a, b in pairwise(edges)]
    return messages, start, segments


class FeedTests(TestCase):
    @quick
    @given(cut())
    def test_any_cut(self, drawn: tuple[list[bytes], bytes, list[bytes]]) -> None:
        """Any cut of the stream gives the same messages (RFC 7766 section 8)."""
        messages, start, segments = drawn
        frames = Frames()
        found = [message for segment in segments for message in frames.feed(segment)]
        assert found == messages
        assert frames.pending == len(start)

    def test_octet_by_octet(self) -> None:
        """A message is complete with its last octet, and not before."""
        frames = Frames()
        *all_but_one, last = frame(b"query") + frame(b"again")
        seen = [frames.feed(bytes([octet])) for octet in all_but_one]
        assert seen == [[]] * 6 + [[b"query"]] + [[]] * 6
        assert frames.feed(bytes([last])) == [b"again"]
        assert frames.pending == 0

    def test_end_and_start_in_one_segment(self) -> None:
        """The rest of one message and the start of the next may come together."""
        frames = Frames()
        stream = frame(b"first") + frame(b"second") + frame(b"third")
        assert frames.feed(stream[:4]) == []
        assert frames.feed(stream[4:-2]) == [b"first", b"second"]
        assert frames.feed(stream[-2:]) == [b"third"]

    def test_empty_message(self) -> None:
        """A length of zero is an empty message, and no reason to stop."""
        assert Frames().feed(b"\0\0\0\1x\0\0") == [b"", b"x", b""]

    def test_longest(self) -> None:
        """The longest message has 65,535 octets, and no more of it is kept."""
        frames = Frames()
        message = bytes(0xFFFF)
        stream = frame(message)
        assert frames.feed(stream[:-1]) == []
        assert frames.pending == 65_536
        assert frames.feed(stream[-1:]) == [message]
        assert frames.pending == 0

    def test_nothing(self) -> None:
        """No octets change nothing."""
        frames = Frames()
        assert frames.feed(b"") == []
        frames.feed(b"\0\2a")
        assert frames.feed(b"") == []
        assert frames.feed(b"b") == [b"ab"]

    @quick
    @given(st.lists(st.binary(max_size=80)))
    def test_whatever_the_octets(self, segments: list[bytes]) -> None:
        """Whatever the octets, each is in a message, a length, or still kept."""
        frames = Frames()
        found = [message for segment in segments for message in frames.feed(segment)]
        stream = b"".join(segments)
        taken = b"".join(map(frame, found))
        assert stream.startswith(taken)
        assert frames.pending == len(stream) - len(taken)


class FrameTests(TestCase):
    def test_length_in_front(self) -> None:
        """Two octets say how long the message is (RFC 1035 section 4.2.2)."""
        assert frame(b"query") == b"\0\5query"
        assert frame(bytes(0xFFFF))[:2] == b"\xff\xff"

    def test_too_long(self) -> None:
        """A message that two octets cannot announce is a fault."""
        with pytest.raises(FormatError, match="65,535"):
            frame(bytes(0x10000))
