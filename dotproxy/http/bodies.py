"""Bodies of requests that are on their way."""

from dataclasses import dataclass, field

from dotproxy.http.frames import BrokenError, Error
from dotproxy.http.request import LARGEST, TOO_LARGE, Request

WINDOW = 65_535
"""Octets of a body that clients may send unasked (RFC 9113 section 6.9.2)."""


@dataclass
class Unfinished:
    """A request whose body is still to come."""

    request: Request
    body: bytearray = field(default_factory=bytearray)
    taken: int = 0


class Bodies:
    """Keep of each body what may be a query, and count the rest."""

    def __init__(self) -> None:
        self._unfinished: dict[int, Unfinished] = {}

    def awaits(self, stream: int) -> bool:
        """Whether the body of this stream is on its way."""
        return stream in self._unfinished

    def expect(self, stream: int, request: Request) -> None:
        """Wait for the body of a request."""
        self._unfinished[stream] = Unfinished(request)

    def add(self, stream: int, part: bytes, taken: int) -> None:
        """Keep a part, which took so many octets with its padding.

        Raises BrokenError.
        """
        each = self._unfinished[stream]
        each.taken += taken
        if each.taken > WINDOW:
            why = "more than there is room for"
            raise BrokenError(Error.FLOW_CONTROL_ERROR, why)
        if len(each.body) + len(part) <= LARGEST:
            each.body += part
        elif each.request.refusal is None:
            each.request = Request(refusal=TOO_LARGE)

    def end(self, stream: int) -> tuple[Request, bytes]:
        """Return a request that is whole, and its body."""
        each = self._unfinished.pop(stream)
        return each.request, bytes(each.body)

    def forget(self, stream: int) -> None:
        """Wait no more, if we did."""
        self._unfinished.pop(stream, None)
