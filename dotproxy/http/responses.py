"""Responses, as HTTP/2 has them: a head that is written once for the same reply."""

from http import HTTPStatus

from dotproxy.http.blocks import (
    ALLOW,
    CACHE_CONTROL,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    RETRY_AFTER,
    literal,
    status_field,
)
from dotproxy.http.request import MEDIA_TYPE, METHODS, Refusal
from dotproxy.wire.freshness import freshness

MOST, LONGEST = 1024, 4096
"""Replies to remember, and the octets of the longest that is worth it."""

RETRY = b"1"
"""Seconds until a client that asks too much should try again."""


class Heads:
    """Write the header blocks of replies; those that go out often are ready."""

    def __init__(self) -> None:
        self._ready: dict[bytes, bytes] = {}

    def of(self, reply: bytes) -> bytes:
        """Return the block that goes before a reply (RFC 8484 sections 4.2 and 5.1)."""
        block = self._ready.get(reply)
        if block is not None:
            return block
        block = (
            status_field(HTTPStatus.OK)
            + literal(CONTENT_TYPE, MEDIA_TYPE)
            + literal(CONTENT_LENGTH, b"%d" % len(reply))
            + literal(CACHE_CONTROL, b"max-age=%d" % freshness(reply))
        )
        if len(reply) <= LONGEST:
            if len(self._ready) >= MOST:
                self._ready.clear()
            self._ready[reply] = block
        return block


def refusal_fields(refusal: Refusal) -> list[tuple[int, bytes, bytes]]:
    """Return what goes with a refusal: places in the table, names and values."""
    fields = [
        (CONTENT_TYPE, b"content-type", b"text/plain"),
        (CONTENT_LENGTH, b"content-length", b"%d" % len(refusal_body(refusal))),
    ]
    if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
        fields.append((ALLOW, b"allow", METHODS))
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        fields.append((RETRY_AFTER, b"retry-after", RETRY))
    return fields


def refusal_block(refusal: Refusal) -> bytes:
    """Return the header block of a refusal."""
    fields = (literal(place, value) for place, _, value in refusal_fields(refusal))
    return status_field(refusal.status) + b"".join(fields)


def refusal_body(refusal: Refusal) -> bytes:
    """Say it in a line, unless nothing may be said."""
    return refusal.why.encode() + b"\n" if refusal.why else b""
