"""What a server has shown."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from cryptography.x509 import Certificate

from dotproxy.upstream.peer_certificate import (
    PIN_PREFIX,
    begins,
    ends,
    pin,
    warned_from,
)


class Match(Enum):
    """Which of the configured pins is of a key of the chain."""

    PRIMARY = "primary"
    """The first one: the key that is expected."""
    BACKUP = "backup"
    """Another one, and not the first: the day that backups are for has come."""
    NONE = "none"


class Proof(NamedTuple):
    """What a chain shows; times in seconds since 1970."""

    at: float
    """When it was seen."""
    pins: tuple[str, ...]
    """Those of its keys, the server's own first."""
    expires: float
    """When the first certificate of the chain ends."""
    expires_soon: float
    """When it is time to warn of that."""
    match: Match | None = None
    """None where nothing is pinned, and of a chain that did not pass."""

    @property
    def pins_seen(self) -> str:
        """Its pins, ready to be pasted."""
        return "pins seen: " + ", ".join(f"{PIN_PREFIX}{each}" for each in self.pins)


def proof_of(chain: Sequence[Certificate], at: float) -> Proof:
    """Return what a chain shows, the server's own certificate first."""
    first = min(chain, key=ends)
    soon = warned_from(begins(first), ends(first))
    pins = tuple(map(pin, chain))
    return Proof(at, pins, ends(first).timestamp(), soon.timestamp())
