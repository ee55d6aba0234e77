"""Frame Streams, in which dnstap is carried: data in frames, and a few words around.

https://farsightsec.github.io/fstrm/ describes them.  All numbers are of four octets,
the highest first.  An empty length leads a control frame.
"""

from struct import Struct, error

from dotproxy.wire.message import FormatError

ACCEPT, START, STOP, READY, FINISH = range(1, 6)
"""Control frames, by their type."""

CONTENT_TYPE = b"protobuf:dnstap.Dnstap"

LARGEST_CONTROL = 512
"""Octets of a control frame, as others bound it."""

_CONTENT_TYPE_FIELD = 1

_NUMBER = Struct("!I")
_NUMBERS = Struct("!II")


def data_frame(octets: bytes) -> bytes:
    """Return a frame that carries octets."""
    return _NUMBER.pack(len(octets)) + octets


def control_frame(kind: int) -> bytes:
    """Return a control frame; those that speak of what is carried say dnstap."""
    said = _NUMBER.pack(kind)
    if kind in (READY, ACCEPT, START):
        said += _NUMBERS.pack(_CONTENT_TYPE_FIELD, len(CONTENT_TYPE)) + CONTENT_TYPE
    return _NUMBERS.pack(0, len(said)) + said


def control_size(head: bytes) -> int:
    """Return how many octets follow the first eight of a control frame.

    Raises FormatError if that is none, or is too long.
    """
    try:
        escape, size = _NUMBERS.unpack(head)
    except error:
        raise FormatError("the stream ended") from None
    if escape or not _NUMBER.size <= size <= LARGEST_CONTROL:
        raise FormatError("that is no control frame")
    return int(size)


def control_type(said: bytes) -> int:
    """Return the type of a control frame, of which these octets follow the first eight.

    Raises FormatError if it is of another content than dnstap.
    """
    try:
        (kind,) = _NUMBER.unpack_from(said)
    except error:
        raise FormatError("the stream ended") from None
    if kind == ACCEPT and CONTENT_TYPE not in said:
        raise FormatError("dnstap is not taken there")
    return int(kind)
