"""EDNS: the OPT record and its options (RFC 6891).

OPT speaks between neighbours, so it is read here and written anew for the next
hop; nothing of it is ever passed on as it came, but for what `explanations` picks.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from dotproxy.wire.message import OPT, RECORD, FormatError, Record

KEEPALIVE, PADDING, EXPLANATION = 11, 12, 15
"""Option codes (RFC 7828, RFC 7830, RFC 8914)."""

UDP_PAYLOAD = 1232
"""Octets that we take, and send at most, in a datagram (RFC 9715 section 3)."""

LEAST_PAYLOAD = 512
"""Octets that every client takes (RFC 1035 4.2.1, RFC 6891 6.2.3)."""

DNSSEC_OK = 0x8000
"""The DO bit in OPT's flags (RFC 3225)."""

LONGEST_TEXT = 400
"""Octets of an explanation, so that it leaves room for what it explains."""

LONGEST_KEEPALIVE = 0xFFFF
"""Tenths of a second that the option can say: almost two hours."""

_OPTION = struct.Struct("!HH")
_FIXED = struct.Struct("!HBBHH")


class Opt(NamedTuple):
    """What an OPT record says (RFC 6891 6.1.2)."""

    payload: int
    """Octets that the sender takes in a datagram."""
    rcode: int
    """The upper eight bits of the RCODE, in their place: a multiple of 16."""
    version: int
    flags: int
    options: tuple[tuple[int, bytes], ...]
    """The code and the value of each option, in the order they came."""


def read_opt(wire: bytes, record: Record) -> Opt:
    """Read an OPT record that was found in a message.

    Raises FormatError if its name is not the root or an option overruns it.
    """
    if record.fixed - record.at != 1:
        raise FormatError("OPT has a name other than the root")
    payload, high, version, flags, _ = _FIXED.unpack_from(wire, record.fixed + 2)
    options = tuple(_options(wire, record.fixed + RECORD.size, record.end))
    return Opt(payload, high << 4, version, flags, options)


def write_opt(payload: int, rcode: int, flags: int, rdata: bytes) -> bytes:
    """Write an OPT record, version 0; `rcode` is the whole RCODE."""
    fixed = _FIXED.pack(payload, rcode >> 4, 0, flags, len(rdata))
    return b"\0" + OPT.to_bytes(2, "big") + fixed + rdata


def option(code: int, value: bytes) -> bytes:
    """Write one option."""
    return _OPTION.pack(code, len(value)) + value


def explanation(code: int, text: str) -> bytes:
    """Write an Extended DNS Error: an INFO-CODE and a text (RFC 8914 section 2)."""
    short = text.encode()[:LONGEST_TEXT].decode(errors="ignore")
    return option(EXPLANATION, code.to_bytes(2, "big") + short.encode())


def explanations(opt: Opt) -> bytes:
    """Pick the Extended DNS Errors out of a neighbour's OPT, to hand them on.

    One whose text is not UTF-8 is left out: a client may refuse the whole reply for
    it (RFC 8914 section 2).
    """
    explained = b""
    for code, value in opt.options:
        if code == EXPLANATION and len(value) >= 2 and _is_text(value[2:]):
            explained += option(code, value)
    return explained


def keepalive(opt: Opt) -> float | None:
    """Return the seconds for which the sender keeps an idle connection, if it says so.

    The option counts in tenths of a second (RFC 7828 section 3.1).
    """
    for code, value in opt.options:
        if code == KEEPALIVE and len(value) == 2:
            return int.from_bytes(value, "big") / 10
    return None


def keepalive_option(seconds: float) -> bytes:
    """Write for how long an idle connection is kept, in tenths of a second, rounded
    down: nobody is to come too late (RFC 7828 section 3.1)."""
    tenths = min(int(seconds * 10), LONGEST_KEEPALIVE)
    return option(KEEPALIVE, tenths.to_bytes(2, "big"))


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _options(wire: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Walk over the options between two offsets; FormatError if one overruns."""
    while at < end:
        try:
            code, length = _OPTION.unpack_from(wire, at)
        except struct.error:
            raise FormatError("an EDNS option is cut short") from None
        at += _OPTION.size + length
        if at > end:
            raise FormatError("an EDNS option runs off the end of OPT")
        yield code, wire[at - length : at]
