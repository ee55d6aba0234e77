"""Who came in and has not said where to go, the one that came first in front.

To refuse newcomers would let those who came first keep out all others, by silence
alone.  So one of these makes room.
"""

from collections.abc import Callable
from typing import Protocol as TypingProtocol

MADE_ROOM = "made_room"
"""Result: it had not said where to go, and another needed the place."""


class Guest(TypingProtocol):
    """A client that was let in."""

    @property
    def on_its_way(self) -> bool:
        """Whether it goes where the table leads it, or is there."""


class Waiting:
    """Those of the clients that are not on their way."""

    def __init__(self) -> None:
        self._guests: dict[Guest, Callable[[], None]] = {}

    def add(self, guest: Guest, turn_out: Callable[[], None]) -> None:
        """Take note of a newcomer, and of how it is turned out."""
        self._guests[guest] = turn_out

    def remove(self, guest: Guest) -> None:
        """Forget a client that left; it may be forgotten already."""
        self._guests.pop(guest, None)

    def make_room(self) -> bool:
        """Turn out the one that has waited longest; return whether there was any."""
        while self._guests:
            guest = next(iter(self._guests))
            turn_out = self._guests.pop(guest)
            if not guest.on_its_way:
                turn_out()
                return True
        return False
