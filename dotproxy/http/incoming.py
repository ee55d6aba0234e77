"""Frames of HTTP/2, cut out of a client's octets (RFC 9113 sections 3.4 and 4.1)."""

from collections.abc import Iterator

from dotproxy.http.frames import (
    ACK,
    HEADER,
    LARGEST,
    PREFACE,
    SETTINGS,
    BrokenError,
    Error,
)

Frame = tuple[int, int, int, bytes]
"""The type, the flags, the stream, and what is in it."""


class Incoming:
    """Cut frames out of octets; the preface goes before, and settings are the first."""

    __slots__ = ("_greeted", "_rest", "_set")

    def __init__(self) -> None:
        self._rest = b""
        self._greeted = self._set = False

    def feed(self, octets: bytes) -> Iterator[Frame]:
        """Return the frames that are whole now.  Raises BrokenError."""
        octets = self._rest + octets if self._rest else octets
        self._rest, at = octets, 0
        if not self._greeted:
            if not PREFACE.startswith(octets[: len(PREFACE)]):
                raise BrokenError(Error.PROTOCOL_ERROR, "this is not HTTP/2")
            if len(octets) < len(PREFACE):
                return
            self._greeted, at = True, len(PREFACE)
        while len(octets) - at >= HEADER.size:
            high, low, kind, flags, stream = HEADER.unpack_from(octets, at)
            if high or low > LARGEST:
                raise BrokenError(Error.FRAME_SIZE_ERROR, f"over {LARGEST} octets")
            behind = at + HEADER.size + low
            if behind > len(octets):
                break
            if not self._set:
                self._begin(kind, flags)
            payload = octets[at + HEADER.size : behind]
            yield kind, flags, stream & 0x7FFF_FFFF, payload
            at = behind
        self._rest = octets[at:]

    def _begin(self, kind: int, flags: int) -> None:
        if kind != SETTINGS or flags & ACK:
            raise BrokenError(Error.PROTOCOL_ERROR, "settings come first")
        self._set = True
