"""Bodies of requests that are on their way."""

from dataclasses import dataclass, field

from dotproxy.http.frames import BrokenError, Error
from dotproxy.http.request import LARGEST, TOO_LARGE, Request

WINDOW = 65_535
"""Octets of a body that clients may send unasked (RFC 9113 section 6.9.2)."""


MOST = WINDOW // 2
"""Octets of a body, with padding, whose end is waited for: some clients take it ill if
a stream ends before they have said all, though RFC 9113 section 8.1 allows it."""

KEPT = 16 * LARGEST
"""Octets of all unfinished bodies of a client: they come whole, one after another."""


@dataclass(slots=True)
class Unfinished:
    """A request whose body is still to come."""

    request: Request
    body: bytearray = field(default_factory=bytearray)
    taken: int = 0


class Bodies:
    """Keep of each body what may be a query."""

    __slots__ = ("_kept", "_unfinished")

    def __init__(self) -> None:
        self._unfinished: dict[int, Unfinished] = {}
        self._kept = 0

    def awaits(self, stream: int) -> bool:
        """Whether the body of this stream is on its way."""
        return stream in self._unfinished

    def expect(self, stream: int, request: Request) -> None:
        """Wait for the body of a request."""
        self._unfinished[stream] = Unfinished(request)

    def add(self, stream: int, part: bytes, taken: int) -> bool:
        """Keep a part, which took so many octets with its padding.

        False if there is no point in waiting for the end.  Raises BrokenError.
        """
        each = self._unfinished[stream]
        each.taken += taken
        if len(each.body) + len(part) > LARGEST:
            if each.request.refusal is None:
                each.request = Request(refusal=TOO_LARGE)
            return each.taken <= MOST
        each.body += part
        self._kept += len(part)
        if self._kept > KEPT:
            why = f"more than {KEPT} octets of bodies without an end"
            raise BrokenError(Error.ENHANCE_YOUR_CALM, why)
        return each.taken <= MOST

    def end(self, stream: int) -> tuple[Request, bytes]:
        """Return a request that is whole, and its body."""
        each = self._unfinished.pop(stream)
        self._kept -= len(each.body)
        return each.request, bytes(each.body)

    def forget(self, stream: int) -> None:
        """Wait no more, if we did."""
        if stream in self._unfinished:
            self.end(stream)

    def forget_all(self) -> list[int]:
        """Wait for none; return whose they were."""
        streams = [*self._unfinished]
        self._unfinished.clear()
        self._kept = 0
        return streams
