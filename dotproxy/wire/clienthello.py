"""A TLS client's first words: the server's name and the protocols, read in passing.

Nothing is decrypted or altered: who relays the stream sends on every octet of it.
"""

import struct
from enum import Enum
from typing import NamedTuple

from dotproxy.wire import ech
from dotproxy.wire.hostname import read_host_name
from dotproxy.wire.message import FormatError
from dotproxy.wire.vector import read_sole_vector, read_vector, read_vectors

LONGEST_RECORD = 2**14
"""Octets in the longest record, its header aside (RFC 8446 section 5.1)."""

LONGEST_HELLO = 2**14
"""Octets in the longest hello that is read, as in other relays.  Post-quantum shares
and ECH make some 2,000 of it; OpenSSL's servers would take 131,396."""

LONGEST_START = 2**16
"""Octets of the stream, within which the hello must end: its records may be small."""

MOST_EXTENSIONS = 128
"""Extensions in a hello; browsers send some 20, and fewer than 128 are registered."""

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_TLS = 3
"""The major version, of SSL 3.0 and of all TLS (RFC 8446 appendix D)."""

_RECORD = struct.Struct("!BBBH")
_RANDOM_END = 34

_SERVER_NAME, _ALPN, _VERSIONS = 0, 16, 43
"""Extensions (RFC 6066 section 3, RFC 7301 section 3.1, RFC 8446 section 4.2.1)."""

_METHODS = (
    *(b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELET"),
    *(b"CONNE", b"OPTIO", b"TRACE", b"PATCH", b"PRI *"),
)
"""How HTTP begins, as far as a record's header reaches (RFC 9110 section 9, RFC 5789,
RFC 9113 section 3.4)."""


class Reason(Enum):
    """Why a hello is refused: a word for it, and the TLS alert that tells the client.

    There is no alert for who does not speak TLS.  Alerts are those of RFC 8446
    section 6.
    """

    HTTP = "http", None
    SSLV2 = "sslv2", None
    GARBAGE = "garbage", None
    UNEXPECTED_MESSAGE = "unexpected_message", 10
    RECORD_OVERFLOW = "record_overflow", 22
    ILLEGAL_PARAMETER = "illegal_parameter", 47
    TOO_LONG = "too_long", 47
    DECODE_ERROR = "decode_error", 50
    PROTOCOL_VERSION = "protocol_version", 70
    UNRECOGNIZED_NAME = "unrecognized_name", 112

    def __init__(self, word: str, alert: int | None) -> None:
        self.word = word
        self.alert = alert


class HelloError(FormatError):
    """The octets are no hello that may be relayed; `reason` is why."""

    def __init__(self, reason: Reason, what: str) -> None:
        super().__init__(what, rcode=None)
        self.reason = reason


class Hello(NamedTuple):
    """What a client says before anything is encrypted (RFC 8446 section 4.1.2)."""

    server_name: str | None
    """A host name in lower case; with ECH, it may be but the public one."""
    alpn: tuple[bytes, ...]
    """The protocols in the order of the client's preference, GREASE left out."""
    ech: bool
    """Whether an encrypted hello is in it, or GREASE that looks like one: they cannot
    be told apart (RFC 9849 section 6.2)."""
    legacy_version: int
    versions: tuple[int, ...]
    """The versions that are offered, GREASE left out: 0x0304 is TLS 1.3."""
    records: int
    """Records that it takes."""
    size: int
    """Octets of the stream that it takes, headers included."""


class HelloReader:
    """Find the hello at the start of a stream, however segments and records fall."""

    __slots__ = ("_at", "_handshake", "_needed", "_records", "octets")

    def __init__(self) -> None:
        self.octets = bytearray()
        """All that came, to be sent on as it is: more than the hello, perhaps."""
        self._at = 0
        self._needed = _RECORD.size
        self._handshake = bytearray()
        self._records = 0

    def feed(self, data: bytes) -> Hello | None:
        """Return the hello once it is complete; None while octets are missing.

        Either outcome, a hello or a HelloError, is the last: there is no feeding
        after it.  At most LONGEST_START octets and one segment are kept.
        """
        self.octets += data
        while len(self.octets) >= self._needed:
            end = self._at + _RECORD.size + self._record_length()
            if len(self.octets) < end:
                self._needed = end
                return None
            self._handshake += self.octets[self._at + _RECORD.size : end]
            self._at = end
            self._needed = end + _RECORD.size
            self._records += 1
            if _is_complete(self._handshake):
                return _read_hello(bytes(self._handshake[4:]), self._records, end)
        return None

    def _record_length(self) -> int:
        """Judge the header of the record under way; return how much is behind it."""
        header = bytes(self.octets[self._at : self._at + _RECORD.size])
        kind, major, _, length = _RECORD.unpack(header)
        if major != _TLS or kind != _HANDSHAKE:
            raise _stranger(header, first=not self._at)
        if length > LONGEST_RECORD:
            raise HelloError(Reason.RECORD_OVERFLOW, "a record is too long")
        if not length:
            raise HelloError(Reason.DECODE_ERROR, "a handshake record is empty")
        if self._at + _RECORD.size + length > LONGEST_START:
            raise HelloError(Reason.TOO_LONG, "a hello is spread over too many records")
        return int(length)


def _stranger(header: bytes, first: bool) -> HelloError:
    """Say what a record is that should have been a handshake's."""
    kind, major = header[:2]
    if not first or (major == _TLS and 20 <= kind <= 24):
        return HelloError(Reason.UNEXPECTED_MESSAGE, "a record of another kind")
    if header.startswith(_METHODS):
        return HelloError(Reason.HTTP, "HTTP without TLS")
    # Two octets of length with the highest bit set, then the kind of message (RFC
    # 5246 appendix E.2).
    if kind & 0x80 and header[2] == _CLIENT_HELLO:
        return HelloError(Reason.SSLV2, "a hello of SSL 2.0")
    return HelloError(Reason.GARBAGE, "neither TLS nor anything known")


def _is_complete(handshake: bytearray) -> bool:
    """Whether a hello is all there; HelloError if it is something else."""
    if len(handshake) < 4:
        return False
    if handshake[0] != _CLIENT_HELLO:
        raise HelloError(Reason.UNEXPECTED_MESSAGE, "a message other than a hello")
    length = int.from_bytes(handshake[1:4], "big")
    if length > LONGEST_HELLO:
        raise HelloError(Reason.TOO_LONG, "a hello is longer than 16 KiB")
    if len(handshake) - 4 > length:
        # Keys may change behind it, so it ends with its record (RFC 8446 5.1).
        raise HelloError(Reason.UNEXPECTED_MESSAGE, "octets behind the hello")
    return len(handshake) - 4 == length


def _read_hello(body: bytes, records: int, size: int) -> Hello:
    """Read a hello, which took so many records and octets of the stream."""
    try:
        found = _extensions(body, _fixed_end(body))
        legacy = int.from_bytes(body[:2], "big")
        return Hello(
            server_name=_server_name(found.get(_SERVER_NAME)),
            alpn=_alpn(found.get(_ALPN)),
            ech=found.get(ech.VERSION, b"")[:1] == b"\0",
            legacy_version=legacy,
            versions=_versions(found.get(_VERSIONS), legacy),
            records=records,
            size=size,
        )
    except HelloError:
        raise
    except FormatError as fault:
        raise HelloError(Reason.DECODE_ERROR, str(fault)) from None


def _fixed_end(body: bytes) -> int:
    """Return the offset of the extensions, or of the end, if there are none."""
    if body[:1] != bytes((_TLS,)):
        raise HelloError(Reason.PROTOCOL_VERSION, "neither SSL 3.0 nor TLS")
    session, at = read_vector(body, _RANDOM_END, 1)
    suites, at = read_vector(body, at, 2)
    compression, at = read_vector(body, at, 1)
    if len(session) > 32 or not suites or len(suites) % 2 or not compression:
        raise FormatError("a part of the hello has a wrong length")
    return at


def _extensions(body: bytes, at: int) -> dict[int, bytes]:
    """Read the extensions, of which each stands once (RFC 8446 section 4.2)."""
    found: dict[int, bytes] = {}
    listed = read_sole_vector(body[at:], 2) if at < len(body) else b""
    at = 0
    while at < len(listed):
        kind = int.from_bytes(listed[at : at + 2], "big")
        value, at = read_vector(listed, at + 2, 2)
        if kind in found:
            raise HelloError(Reason.ILLEGAL_PARAMETER, f"extension {kind} stands twice")
        if len(found) == MOST_EXTENSIONS:
            raise HelloError(Reason.TOO_LONG, "more than 128 extensions")
        found[kind] = value
    return found


def _server_name(value: bytes | None) -> str | None:
    """Read the one name that there may be, and it of a host (RFC 6066 section 3)."""
    if value is None:
        return None
    listed = read_sole_vector(value, 2)
    name, end = read_vector(listed, 1, 2)
    if not name:
        raise FormatError("the server's name is empty")
    if listed[0] != 0 or end != len(listed):
        raise HelloError(Reason.ILLEGAL_PARAMETER, "other than one name of a host")
    try:
        return read_host_name(name)
    except FormatError as fault:
        raise HelloError(Reason.UNRECOGNIZED_NAME, str(fault)) from None


def _alpn(value: bytes | None) -> tuple[bytes, ...]:
    """Read the protocols, none of which is empty (RFC 7301 section 3.1)."""
    if value is None:
        return ()
    protocols = read_vectors(read_sole_vector(value, 2), 1)
    if not protocols or b"" in protocols:
        raise FormatError("a protocol is empty, or none is listed")
    return tuple(each for each in protocols if not _is_grease(each))


def _versions(value: bytes | None, legacy: int) -> tuple[int, ...]:
    """Read the versions on offer: `legacy` alone, if that is all the client says."""
    if value is None:
        return (legacy,)
    listed = read_sole_vector(value, 1)
    if not listed or len(listed) % 2:
        raise FormatError("the versions on offer are no list of versions")
    pairs = [listed[at : at + 2] for at in range(0, len(listed), 2)]
    return tuple(int.from_bytes(each, "big") for each in pairs if not _is_grease(each))


def _is_grease(value: bytes) -> bool:
    """Whether two octets are there to be ignored: 0x0a0a, 0x1a1a, ... (RFC 8701 2)."""
    return len(value) == 2 and value[0] == value[1] and value[0] & 0x0F == 0x0A
