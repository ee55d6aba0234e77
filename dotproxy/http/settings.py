"""Settings of HTTP/2: ours, and what clients say (RFC 9113 section 6.5)."""

from collections.abc import Iterator

from dotproxy.http.frames import SETTINGS, BrokenError, Error, frame

STREAMS = 100
"""Requests under way at once, as clients are told (RFC 9113 section 6.5.2)."""

LONGEST_BLOCK = 16_384
"""Octets of a header, over all of its frames."""

TABLE_SIZE, PUSH, MOST_STREAMS, INITIAL_WINDOW, LARGEST_LIST = 1, 2, 3, 4, 6
"""What can be set (RFC 9113 section 6.5.2)."""

SIZE = 6
"""Octets of a setting: two of its name, four of its value."""


def greeting() -> bytes:
    """Return what a server says first."""
    ours = (
        # Without a table the same question makes the same octets.
        (TABLE_SIZE, 0),
        (MOST_STREAMS, STREAMS),
        (LARGEST_LIST, LONGEST_BLOCK),
    )
    written = (key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in ours)
    return frame(SETTINGS, 0, 0, b"".join(written))


def read_settings(payload: bytes) -> Iterator[tuple[int, int]]:
    """Return names and values, in their order.  Raises BrokenError."""
    if len(payload) % SIZE:
        raise BrokenError(Error.FRAME_SIZE_ERROR, "no settings are so long")
    for at in range(0, len(payload), SIZE):
        key = int.from_bytes(payload[at : at + 2], "big")
        value = int.from_bytes(payload[at + 2 : at + SIZE], "big")
        if key == PUSH and value > 1:
            raise BrokenError(Error.PROTOCOL_ERROR, "neither push nor none")
        yield key, value
