"""Vectors: octets with their length in front (RFC 8446 section 3.4)."""

from dotproxy.wire.message import FormatError


def read_vector(octets: bytes, at: int, width: int) -> tuple[bytes, int]:
    """Read the vector at `at`, whose length has `width` octets.

    Returns what is in it, and the offset behind it.  Raises FormatError if it runs
    off the end.
    """
    start = at + width
    end = start + int.from_bytes(octets[at:start], "big")
    if end > len(octets):
        raise FormatError("a vector runs off the end")
    return octets[start:end], end


def read_sole_vector(octets: bytes, width: int) -> bytes:
    """Read the one vector that all of the octets are; FormatError if they are not."""
    vector, end = read_vector(octets, 0, width)
    if end != len(octets):
        raise FormatError("octets behind a vector")
    return vector


def read_vectors(octets: bytes, width: int) -> tuple[bytes, ...]:
    """Cut octets into vectors, to the last octet; FormatError if one overruns."""
    found = []
    at = 0
    while at < len(octets):
        vector, at = read_vector(octets, at, width)
        found.append(vector)
    return tuple(found)


def write_vector(vector: bytes, width: int) -> bytes:
    """Put the length in front; FormatError if `width` octets cannot say it."""
    if len(vector) >= 1 << 8 * width:
        raise FormatError("a vector is longer than its length can say")
    return len(vector).to_bytes(width, "big") + vector
