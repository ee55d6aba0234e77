"""A request of HTTP/1.1, as far as whoever sends clients elsewhere must read it.

What is not spelled as RFC 9112 has it is refused, and not guessed at: all that is read
here goes back to clients.
"""

import re
from typing import NamedTuple

from dotproxy.wire.hostname import read_host_name
from dotproxy.wire.message import FormatError

LONGEST_HEAD = 8192
"""Octets of a request line and all header fields (RFC 9112 section 3 asks for 8000 of a
line)."""

_END = b"\r\n\r\n"

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = re.compile(rb"(" + _TOKEN + rb") (/[!-~]*) HTTP/1\.[01]")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
_HOST = re.compile(rb"([^:]*)(?::[0-9]*)?")


class Request(NamedTuple):
    """What a client asks, and whom: a method, a host in lower case, a path.

    `path` begins with / and has a query in it, if there is one; all of it is visible
    ASCII.
    """

    method: str
    host: str
    path: str


def read_head(octets: bytes | bytearray) -> bytes | None:
    """Return the head of a request, None as long as there is more to come.

    Raises FormatError if it is too long, or begins as no request does.
    """
    end = octets.find(_END, 0, LONGEST_HEAD)
    if end >= 0:
        return bytes(octets[:end])
    if len(octets) >= LONGEST_HEAD:
        raise FormatError(f"a request is longer than {LONGEST_HEAD} octets")
    if octets and not octets[:1].isalpha():
        raise FormatError("it is no request")
    return None


def read_request(head: bytes) -> Request:
    """Read the head of a request; raises FormatError.

    It must name a path, not a whole address, and exactly one host (RFC 9112 sections
    3.2 and 3.2.1).  The port of the host is left out.
    """
    first, *rest = head.split(b"\r\n")
    line = _LINE.fullmatch(first)
    if line is None:
        raise FormatError("it begins with no request line that asks for a path")
    fields = [_FIELD.fullmatch(each) for each in rest]
    if None in fields:
        raise FormatError("a header field is not spelled as one")
    hosts = [field[2] for field in fields if field and field[1].lower() == b"host"]
    if len(hosts) != 1:
        raise FormatError("it names no host, or several")
    host = _HOST.fullmatch(hosts[0])
    if host is None:
        raise FormatError("the host is no name")
    return Request(line[1].decode(), read_host_name(host[1]), line[2].decode())
