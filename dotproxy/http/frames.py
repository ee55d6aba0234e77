"""Frames of HTTP/2, and what connections end by (RFC 9113 sections 4, 6 and 7)."""

from enum import IntEnum
from struct import Struct

HEADER = Struct("!BHBBI")
"""The length, in 8 and 16 bits; type, flags, stream."""

LARGEST = 16_384
"""Octets of the largest frame that anybody takes unasked (RFC 9113 section 4.2)."""

LARGEST_WINDOW = 2**31 - 1
"""Octets (RFC 9113 section 6.9.1)."""

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = range(5)
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(5, 10)

ABOUT_ALL = (SETTINGS, PING, GOAWAY)
"""Frames that are about the connection."""

END_STREAM = ACK = 0x01
END_HEADERS = 0x04
PADDED = 0x08
WITH_PRIORITY = 0x20

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client says first (RFC 9113 section 3.4)."""


class Error(IntEnum):
    """Why a stream or a connection ended (RFC 9113 section 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    FLOW_CONTROL_ERROR = 3
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class BrokenError(Exception):
    """The client broke the protocol, or a limit: the connection is over."""

    def __init__(self, error: Error, why: str) -> None:
        super().__init__(why)
        self.error = error


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write a frame."""
    size = len(payload)
    return HEADER.pack(size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def reset(stream: int, error: Error) -> bytes:
    """Write the end of a stream."""
    return frame(RST_STREAM, 0, stream, error.to_bytes(4, "big"))


def suits(kind: int, stream: int, last: int) -> bool:
    """Whether a frame may come for a stream, where the `last` of the client is known.

    For others than headers and bodies: some are about a stream, which must have begun
    but for PRIORITY, some about the connection, and a window may be either's.
    """
    if kind in ABOUT_ALL or (kind == WINDOW_UPDATE and not stream):
        return not stream
    if kind == PRIORITY:
        return stream > 0
    if kind in (RST_STREAM, WINDOW_UPDATE):
        return stream <= last and stream & 1 == 1
    return True


def number(octets: bytes) -> int:
    """Read 31 bits in 4 octets: the first bit is nobody's.  Raises BrokenError."""
    if len(octets) != 4:
        raise BrokenError(Error.FRAME_SIZE_ERROR, "four octets it should have been")
    return int.from_bytes(octets, "big") & 0x7FFF_FFFF


def content(flags: int, payload: bytes) -> bytes:
    """Return what DATA or HEADERS hold besides padding.  Raises BrokenError."""
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise BrokenError(Error.PROTOCOL_ERROR, "more padding than frame")
    return payload[1 : len(payload) - payload[0]]
