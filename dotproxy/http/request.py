"""What a request asks for: a query, a body that has to come, or nothing that is here.

RFC 8484 section 4.1.
"""

import binascii
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple

MEDIA_TYPE = b"application/dns-message"

LARGEST = 4096
"""Octets of a query: padded to 128, they have some hundred.  What is longer could only
fill our memory."""

LONGEST_VALUE = (LARGEST * 4 + 2) // 3
"""Characters of it in a URI: four for three octets."""

METHODS = b"GET, POST"

BASE64URL = re.compile(rb"[A-Za-z0-9_-]+")
"""The alphabet (RFC 4648 section 5); Python itself skips what is not of it."""

Fields = Iterable[tuple[bytes, bytes]]


class Refusal(NamedTuple):
    """Why a request is no query (RFC 9110 section 15.5)."""

    status: HTTPStatus
    why: str


UNREADABLE = Refusal(HTTPStatus.BAD_REQUEST, "this is no query")

TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"no query has more than {LARGEST} octets"
)

NOT_ALLOWED = Refusal(HTTPStatus.FORBIDDEN, "this network may not ask")

TOO_MANY = Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many queries: wait a little")


class Request(NamedTuple):
    """A head that was read: the query that it is, or why it is none.

    With neither, the query is the body that follows.  `length` is what it has to have,
    as far as HTTP/2 leaves that to us; `forwarded` what it says of who sent it, true
    only if a proxy is believed.
    """

    message: bytes | None = None
    refusal: Refusal | None = None
    length: int | None = None
    forwarded: bytes = b""


def judge(method: bytes, target: bytes, fields: Fields, path: bytes) -> Request:
    """Return what a request is, where queries have this `path`.

    The names of `fields` are in small letters.
    """
    if method == b"HEAD":
        # The response to it has no content (RFC 9110 section 9.3.2).
        return _refused(HTTPStatus.METHOD_NOT_ALLOWED, "")
    at, _, query = target.partition(b"?")
    if at != path:
        return _refused(HTTPStatus.NOT_FOUND, "queries have another path here")
    if method == b"GET":
        return _parameter(query)
    if method != b"POST":
        return _refused(HTTPStatus.METHOD_NOT_ALLOWED, "queries come by GET or POST")
    for name, value in fields:
        if name == b"content-type" and _bare(value) == MEDIA_TYPE:
            return Request()
    why = f"queries are {MEDIA_TYPE.decode()}"
    return _refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, why)


def _parameter(query: bytes) -> Request:
    """Read the message in a URI: base64url without padding (RFC 8484 section 6)."""
    values = [each[4:] for each in query.split(b"&") if each.startswith(b"dns=")]
    if len(values) != 1 or b"=" in values[0]:
        why = "a query is one parameter dns, in base64url, unpadded"
        return _refused(HTTPStatus.BAD_REQUEST, why)
    if len(values[0]) > LONGEST_VALUE:
        return Request(refusal=TOO_LARGE)
    why = "the parameter dns is not base64url"
    if not BASE64URL.fullmatch(values[0]):
        return _refused(HTTPStatus.BAD_REQUEST, why)
    try:
        return Request(urlsafe_b64decode(values[0] + b"=" * (-len(values[0]) % 4)))
    except binascii.Error:
        return _refused(HTTPStatus.BAD_REQUEST, why)


def _bare(media_type: bytes) -> bytes:
    return media_type.partition(b";")[0].strip().lower()


def _refused(status: HTTPStatus, why: str) -> Request:
    return Request(refusal=Refusal(status, why))
