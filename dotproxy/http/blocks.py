"""Blocks of header fields: read by HPACK, and written without its tables (RFC 7541).

The same question makes the same block, as long as the client has no table of its own:
so `Blocks` remembers what it read, for all the clients of one address.
"""

import re
from http import HTTPStatus

import hpack

from dotproxy.http.frames import BrokenError, Error
from dotproxy.http.request import Fields, Request, judge
from dotproxy.http.senders import forwarded_for

MOST = 2048
"""Blocks to remember, of some hundred octets each."""

LONGEST = 512
"""Octets of a block that is worth it; most of them are the query's own."""

LARGEST_LIST = 16_384
"""Octets of all fields of a request (RFC 9113 section 6.5.2)."""

STATUS, CONTENT_LENGTH, CONTENT_TYPE, CACHE_CONTROL = 8, 28, 31, 24
ALLOW, RETRY_AFTER = 22, 53
"""Names by their place in the table that all have (RFC 7541 appendix A)."""

KNOWN_STATUS = {HTTPStatus.OK: b"\x88", HTTPStatus.BAD_REQUEST: b"\x8c"}
"""What takes an octet there."""

LONGEST_LENGTH = 10
"""Digits of a length that are read: with so many it is too long anyway."""

PSEUDO = (b":method", b":scheme", b":authority", b":path")
"""Each at most once, and before all others (RFC 9113 section 8.3)."""

FORBIDDEN = (
    *(b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding"),
    b"upgrade",
)
"""Fields of HTTP/1.1 alone (RFC 9113 section 8.2.2)."""

NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
"""A name of a field, in small letters (RFC 9110 section 5.1, RFC 9113 section 8.2)."""

UNFIT = re.compile(rb"[\0\r\n]|^[ \t]|[ \t]\Z")
"""What no value has (RFC 9113 section 8.2.1)."""


class MalformedError(Exception):
    """A request breaks the rules: its stream is over, and no other (RFC 9113 8.1.1)."""


class Blocks:
    """Read blocks, where queries have this `path`."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._known: dict[bytes, Request] = {}

    def read(self, block: bytes, decoder: hpack.Decoder) -> Request:
        """Return the request in a block.

        Raises MalformedError, and BrokenError if the client's table is lost.
        """
        known = self._known.get(block)
        if known is not None and is_bare(decoder):
            return known
        request = _judged(_fields(block, decoder), self._path)
        if len(block) <= LONGEST and is_bare(decoder):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[block] = request
        return request


def create_decoder() -> hpack.Decoder:
    """Return what reads the blocks of one client."""
    return hpack.Decoder(max_header_list_size=LARGEST_LIST)


def skim(block: bytes, decoder: hpack.Decoder) -> None:
    """Read a block that is of no use, for the sake of the client's table."""
    _fields(block, decoder)


def is_bare(decoder: hpack.Decoder) -> bool:
    """Whether blocks mean the same for every client: this one has no table."""
    return not decoder.header_table_size


def literal(name: int, value: bytes) -> bytes:
    """Write a field without a trace in the table (RFC 7541 section 6.2.2).

    Values of fewer than 127 octets.
    """
    place = bytes((name,)) if name < 15 else bytes((15, name - 15))
    return place + bytes((len(value),)) + value


def status_field(status: HTTPStatus) -> bytes:
    """Write the status."""
    return KNOWN_STATUS.get(status) or literal(STATUS, b"%d" % status)


def _fields(block: bytes, decoder: hpack.Decoder) -> list[tuple[bytes, bytes]]:
    try:
        return [*decoder.decode(block, raw=True)]
    except hpack.OversizedHeaderListError:
        why = f"more than {LARGEST_LIST} octets of fields"
        raise BrokenError(Error.ENHANCE_YOUR_CALM, why) from None
    except hpack.HPACKError as fault:
        raise BrokenError(Error.COMPRESSION_ERROR, str(fault)) from None


def _judged(fields: list[tuple[bytes, bytes]], path: bytes) -> Request:
    pseudo, others = _sorted(fields)
    if {b":method", b":scheme", b":path"} - pseudo.keys():
        raise MalformedError("method, scheme and path it takes")
    request = judge(pseudo[b":method"], pseudo[b":path"], others, path)
    return request._replace(length=_length(others), forwarded=forwarded_for(others))


def _length(fields: Fields) -> int | None:
    """Return what a body has to have, if that is said."""
    said = {value for name, value in fields if name == b"content-length"}
    if not said:
        return None
    if len(said) > 1 or not (length := said.pop()).isdigit():
        raise MalformedError("a length it cannot have")
    return int(length[:LONGEST_LENGTH])


def _sorted(fields: Fields) -> tuple[dict[bytes, bytes], list[tuple[bytes, bytes]]]:
    pseudo: dict[bytes, bytes] = {}
    others: list[tuple[bytes, bytes]] = []
    for name, value in fields:
        if UNFIT.search(value) or (name == b"te" and value != b"trailers"):
            raise MalformedError("a value is not of HTTP/2")
        if name.startswith(b":"):
            if others or name in pseudo or name not in PSEUDO:
                raise MalformedError("a pseudo-field is out of place")
            pseudo[name] = value
        elif name in FORBIDDEN or not NAME.fullmatch(name):
            raise MalformedError("a field is not of HTTP/2")
        else:
            others.append((name, value))
    return pseudo, others
