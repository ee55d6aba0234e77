"""Messages in a stream: two octets of length, then the message (RFC 1035 4.2.2)."""

from dotproxy.wire.message import LONGEST, FormatError


class Frames:
    """Cut a stream of octets into messages, however the segments fall."""

    __slots__ = ("_needed", "_rest")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._needed = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete once `data` has come.

        Nothing is judged here: a message may be empty.  At most one incomplete
        message is kept, so less than 65,537 octets.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return []
            data = bytes(self._rest)
        messages = []
        at, size = 0, len(data)
        needed = 2
        while size - at >= 2:
            needed = 2 + (data[at] << 8 | data[at + 1])
            if size - at < needed:
                break
            messages.append(data[at + 2 : at + needed])
            at += needed
            needed = 2
        self._rest = bytearray(data[at:])
        self._needed = needed
        return messages

    @property
    def pending(self) -> int:
        """Count the octets kept of a message that is still incomplete."""
        return len(self._rest)


def frame(message: bytes) -> bytes:
    """Put the length in front of a message; FormatError if it is too long."""
    if len(message) > LONGEST:
        raise FormatError("message is longer than 65,535 octets")
    return len(message).to_bytes(2, "big") + message
