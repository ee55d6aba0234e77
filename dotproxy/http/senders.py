"""What requests say of who sent them, kept until they are answered.

Only where the client is a proxy that is believed: others could fill our memory.
"""

from collections.abc import Container

from dotproxy.http.request import Fields

FORWARDED_FOR = b"x-forwarded-for"

LONGEST = 512
"""Octets of the field that are kept, its last: a proxy adds to the end."""

MOST = 256
"""Requests at a time, more than a client may have; beyond, those that are over go."""


class Senders:
    """Keep who sent the requests of one client, by their numbers."""

    def __init__(self, believed: bool) -> None:
        self._believed = believed
        self._said: dict[int, bytes] = {}

    def add(self, number: int, said: bytes, awaited: Container[int]) -> None:
        """Keep what a request says; `awaited` are those that have no answer yet."""
        if not self._believed:
            return
        if len(self._said) >= MOST:
            kept = self._said.items()
            self._said = {each: said for each, said in kept if each in awaited}
        self._said[number] = said

    def take(self, number: int) -> bytes:
        """Return what a request said, and forget it."""
        return self._said.pop(number, b"")


NOBODY = Senders(believed=False)
"""For clients that are not believed, all of them."""


def forwarded_for(fields: Fields) -> bytes:
    """Return X-Forwarded-For: one list, on however many lines it comes.

    Of one that is too long, what is left begins with a whole entry.
    """
    said = b",".join(value for name, value in fields if name == FORWARDED_FOR)
    return said if len(said) <= LONGEST else said[-LONGEST:].partition(b",")[2]
