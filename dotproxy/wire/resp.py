"""RESP, version 2: how Redis and Valkey are spoken to; commands out, replies in.

What stands in one key is asked for and written, so there are no arrays to be read.
"""

from typing import NamedTuple, TypeAlias

from dotproxy.wire.message import FormatError

LARGEST = 2**16
"""Octets of the longest value that is taken."""

LONGEST_LINE = 512
"""Octets of the longest line: numbers, and what errors have to say."""

LONGEST_CODE = 20
"""Characters of an error's code; a stranger's words are not repeated."""

END = b"\r\n"


class Refusal(NamedTuple):
    """An error, in the server's words: the first is its code (`NOAUTH`, `OOM`)."""

    words: str

    @property
    def code(self) -> str:
        """What kind of error it is, if that can be told."""
        code = self.words.partition(" ")[0]
        return code if code.isalnum() and len(code) <= LONGEST_CODE else "ERR"


Reply: TypeAlias = bytes | int | Refusal | None
"""A value or a status, a number, nothing at all, or an error."""


def command(*words: bytes) -> bytes:
    """Write a command.  Words may hold any octets: each goes with its length."""
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


class Replies:
    """Cut a stream of octets into replies, however the segments fall."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, octets: bytes) -> list[Reply]:
        """Return the replies that are complete once `octets` have come.

        Raises FormatError where there is none to be read, which nothing mends; what
        came before in the same octets is lost with it.  Of an incomplete one no more
        than LARGEST octets are kept, and its first line.
        """
        self._rest += octets
        replies: list[Reply] = []
        at = 0
        while (found := _read(self._rest, at)) is not None:
            reply, at = found
            replies.append(reply)
        del self._rest[:at]
        return replies


def _read(stream: bytearray, at: int) -> tuple[Reply, int] | None:
    """Return the reply that begins here, and where it ends; None if it does not yet."""
    end = stream.find(END, at, at + LONGEST_LINE)
    if end < 0:
        if len(stream) - at >= LONGEST_LINE:
            raise FormatError("a reply begins with a line that does not end")
        return None
    kind, line = stream[at : at + 1], bytes(stream[at + 1 : end])
    behind = end + len(END)
    if kind == b"+":
        return line, behind
    if kind == b"-":
        return Refusal(line.decode("ascii", "replace")), behind
    if kind == b":":
        return _number(line), behind
    if kind == b"$":
        return _value(stream, behind, _number(line))
    raise FormatError("a reply is of no known kind")


def _value(stream: bytearray, at: int, length: int) -> tuple[Reply, int] | None:
    if length == -1:
        return None, at
    if not 0 <= length <= LARGEST:
        raise FormatError(f"a value has {length} octets")
    end = at + length
    if len(stream) < end + len(END):
        return None
    if stream[end : end + len(END)] != END:
        raise FormatError("a value is longer than it says")
    return bytes(stream[at:end]), end + len(END)


def _number(line: bytes) -> int:
    digits = line.removeprefix(b"-")
    # More than 19 digits do not fit the 64 bits that numbers have.
    if not digits.isdigit() or len(digits) > 19:
        raise FormatError("a number has no digits, or too many")
    return int(line)
