"""Settings of HTTP/2: ours, and what clients say (RFC 9113 section 6.5)."""

from dotproxy.http.frames import (
    LARGEST,
    LARGEST_WINDOW,
    SETTINGS,
    BrokenError,
    Error,
    frame,
)

STREAMS = 100
"""Requests under way at once, as clients are told (RFC 9113 section 6.5.2)."""

LONGEST_BLOCK = 16_384
"""Octets of a header, over all of its frames."""

TABLE_SIZE, PUSH, MOST_STREAMS, INITIAL_WINDOW, LARGEST_FRAME, LARGEST_LIST = range(
    1, 7
)
"""What can be set (RFC 9113 section 6.5.2)."""

ALLOWED = {
    PUSH: (range(2), Error.PROTOCOL_ERROR),
    INITIAL_WINDOW: (range(LARGEST_WINDOW + 1), Error.FLOW_CONTROL_ERROR),
    LARGEST_FRAME: (range(LARGEST, 2**24), Error.PROTOCOL_ERROR),
}
"""Values that are bounded, and what another is."""

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


def read_settings(payload: bytes) -> dict[int, int]:
    """Return the values by name, of several the last.  Raises BrokenError."""
    if len(payload) % SIZE:
        raise BrokenError(Error.FRAME_SIZE_ERROR, "no settings are so long")
    found = {}
    for at in range(0, len(payload), SIZE):
        key = int.from_bytes(payload[at : at + 2], "big")
        value = int.from_bytes(payload[at + 2 : at + SIZE], "big")
        if key in ALLOWED and value not in ALLOWED[key][0]:
            raise BrokenError(ALLOWED[key][1], f"setting {key} is never {value}")
        found[key] = value
    return found
