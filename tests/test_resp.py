"""RESP: commands out, replies in."""

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.message import FormatError
from dotproxy.wire.resp import LARGEST, LONGEST_LINE, Refusal, Replies, Reply, command
from tests.messages import quick

EACH: dict[bytes, Reply] = {
    b"+OK\r\n": b"OK",
    b"-ERR no such thing\r\n": Refusal("ERR no such thing"),
    b":-12\r\n": -12,
    b"$-1\r\n": None,
    b"$0\r\n\r\n": b"",
    b"$6\r\na\r\nb\r\n\r\n": b"a\r\nb\r\n",
}
"""One reply of each kind, and what it says."""


def refused(octets: bytes) -> bool:
    """Whether a stream cannot be read."""
    try:
        Replies().feed(octets)
    except FormatError:
        return True
    return False


class CommandTests(TestCase):
    def test_words(self) -> None:
        """A word goes with its length, so none can end a command and begin another."""
        assert command(b"GET", b"a\r\nb") == b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n"


class RepliesTests(TestCase):
    @quick
    @given(st.lists(st.sampled_from(list(EACH))), st.data())
    def test_any_cut(self, chosen: list[bytes], data: st.DataObject) -> None:
        """Any cut of the stream gives the same replies."""
        stream, replies, came = b"".join(chosen), Replies(), list[Reply]()
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            came += replies.feed(stream[:size])
            stream = stream[size:]
        assert came == [EACH[each] for each in chosen]

    @quick
    @given(st.binary())
    def test_any_octets(self, octets: bytes) -> None:
        """Any octets are replies, or raise FormatError."""
        refused(octets)

    def test_faults(self) -> None:
        """What is no reply is refused as soon as that is known."""
        for octets in (
            b"*1\r\n$1\r\na\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"$x\r\n",
            b"$\r\n",
            b"$-2\r\n",
            b":12345678901234567890\r\n",
            b"$1\r\nabc",
            b"$%d\r\n" % (LARGEST + 1),
            b"+" + bytes(LONGEST_LINE - 1),
        ):
            assert refused(octets), octets

    def test_largest(self) -> None:
        """The largest value is taken, whole."""
        value = bytes(LARGEST)
        assert Replies().feed(b"$%d\r\n%b\r\n" % (LARGEST, value)) == [value]
        assert not refused(b"+" + bytes(LONGEST_LINE - 2))

    def test_code(self) -> None:
        """The first word of an error is its code."""
        assert Refusal("WRONGPASS invalid").code == "WRONGPASS"
        assert Refusal("OOM").code == "OOM"
        for words in ("\x1b[2J now", "A" * 21, "", " OOM"):
            assert Refusal(words).code == "ERR"
