"""What is worth a warning about a server that is believed."""

from datetime import UTC, datetime
from enum import Enum

from dotproxy.upstream.peer_certificate import PIN_PREFIX
from dotproxy.upstream.proof import Match, Proof

NEWS = 86_400.0
"""Seconds for which a key that was not seen before is shown as new."""

MOST_REMEMBERED = 64
"""Keys, and sentences that were logged, of one server: the oldest are forgotten."""


class Kind(Enum):
    """What there is to warn of."""

    UNAUTHENTICATED = "unauthenticated"
    """It may be anybody; the profile lets it pass."""
    PIN_MISMATCH = "pin_mismatch"
    """It has none of the pins, which are reported only."""
    BACKUP_PIN = "backup_pin"
    """It has a backup pin, and not the first one."""
    NEW_KEY = "new_key"
    """It showed a key that it had not shown before."""
    EXPIRES = "expires"
    """A certificate of its chain ends soon."""


MATCHES = {
    Match.NONE: (Kind.PIN_MISMATCH, "has none of its pins, which are reported only"),
    Match.BACKUP: (Kind.BACKUP_PIN, "has a backup pin, and no more the first one"),
}


class Warnings:
    """Remember what one server showed, and tell each thing that is odd once.

    Keys are remembered for as long as the process lives: the first one after a start
    is no news.  Times are in seconds since 1970.
    """

    def __init__(self) -> None:
        self.proof: Proof | None = None
        """What the last connection showed."""
        self._doubt = ""
        self._new: tuple[str, float] | None = None
        """The key that was new last, and when."""
        self._keys: dict[str, None] = {}
        self._told: dict[str, None] = {}

    def follow(self, before: "Warnings") -> None:
        """Take over what was remembered of the same server, as after a reload."""
        self._new, self._keys, self._told = before._new, before._keys, before._told

    def hear(self, doubt: str, proof: Proof | None) -> list[str]:
        """Take note of a connection; return what is worth a line each in the log.

        A `doubt` is told again when it is back, all else but once.
        """
        was, self._doubt, self.proof = self._doubt, doubt, proof
        if doubt:
            return [] if doubt == was else [_unauthenticated(doubt)]
        if proof is None:
            return []
        self._learn(proof.pins[0], proof.at)
        news = [text for text in self.at(proof.at).values() if text not in self._told]
        for text in news:
            _remember(self._told, text)
        return news

    def at(self, now: float) -> dict[Kind, str]:
        """Return what there is to warn of at this time."""
        found: dict[Kind, str] = {}
        if self._doubt:
            found[Kind.UNAUTHENTICATED] = _unauthenticated(self._doubt)
        if self.proof is None:
            return found
        if self.proof.match in MATCHES:
            kind, text = MATCHES[self.proof.match]
            found[kind] = f"{text}; {self.proof.pins_seen}"
        if self._new is not None and now < self._new[1] + NEWS:
            found[Kind.NEW_KEY] = f"showed a key not seen before: {self._new[0]}"
        if now >= self.proof.expires_soon:
            day = datetime.fromtimestamp(self.proof.expires, UTC)
            found[Kind.EXPIRES] = f"has a certificate that expires {day:%Y-%m-%d}"
        return found

    def _learn(self, key: str, now: float) -> None:
        if self._keys and key not in self._keys:
            self._new = PIN_PREFIX + key, now
        _remember(self._keys, key)


def _unauthenticated(doubt: str) -> str:
    return f"is not authenticated: {doubt}"


def _remember(many: dict[str, None], one: str) -> None:
    many.pop(one, None)
    many[one] = None
    if len(many) > MOST_REMEMBERED:
        del many[next(iter(many))]
