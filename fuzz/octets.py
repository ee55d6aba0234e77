"""Decisions and messages, out of the octets of one input."""

from dotproxy.wire.message import HEADER, QR


class Octets:
    """Take decisions from the beginning of an input; at its end all are 0."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._octets)

    def number(self, below: int = 256) -> int:
        """Take an octet, as a number below this one."""
        self._at += 1
        return sum(self._octets[self._at - 1 : self._at]) % below

    def word(self) -> int:
        """Take two octets as a number."""
        return self.number() << 8 | self.number()

    def some(self) -> bytes:
        """Take octets with two octets of length before them."""
        return self.take(self.word())

    def take(self, length: int) -> bytes:
        """Take so many octets, or what is left."""
        self._at += length
        return self._octets[self._at - length : self._at]

    def rest(self) -> bytes:
        """Take all that is left."""
        return self.take(len(self._octets))


def answered(query: bytes, question: bytes, rest: bytes) -> bytes:
    """Make an answer to a query out of octets: two of flags, six of counts, records."""
    head, records = rest[:8].ljust(8, b"\0"), rest[8:]
    flags = bytes((head[0] | QR, head[1]))
    return query[:2] + flags + b"\0\1" + head[2:8] + question + records


def unanswered(answer: bytes, question: bytes) -> bytes:
    """Return the octets of which `answered` makes this answer; see there."""
    return answer[2:4] + answer[6:12] + answer[HEADER.size + len(question) :]
