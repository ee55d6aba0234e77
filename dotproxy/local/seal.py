"""Answers as they lie in a cache that a fleet shares: with their time, and sealed.

    version  1   of all this; others are not read
    seal    16   keyed BLAKE2b over the key and all that follows
    learned  8   when the answer came from upstream, in ms since 1970
    the rest     the answer, as an entry of the cache (`entry.py`)

The key is a hash of all that makes answers differ: where they come from, the question,
the flags, the subnet.
"""

from collections.abc import Callable
from hashlib import blake2b
from hmac import compare_digest
from math import ceil
from struct import Struct
from typing import NamedTuple

from msgspec.structs import replace

from dotproxy.config.caching import Caching
from dotproxy.local.entry import answer_of, check, pack
from dotproxy.local.lifetime import lifetime
from dotproxy.wire.answer import Answer
from dotproxy.wire.message import FormatError
from dotproxy.wire.query import Query

PREFIX = b"dotproxy:1:"
"""What all keys begin with, so that they are found among others."""

VERSION = 1

LARGEST = 2**14
"""Octets of the largest value.  Hardly an answer has more, and what is larger takes
room from many."""

SKEW = 60.0
"""Seconds by which the clock of whoever wrote a value may be ahead of ours."""

ROUNDING = 2
"""Seconds that counting in whole ones may lose, here and in the cache."""

_HEAD = Struct("!B16sQ")
_UNSEALED = 17
"""Octets before those that the seal is for."""


class Sealed(NamedTuple):
    """What is written: under which key, what, and the seconds for which it holds."""

    key: bytes
    value: bytes
    life: int


class Seal:
    """Seal answers for others, and open what others have sealed.

    Only who has the same `secret` can make a value that opens.  Without any, a seal
    tells damage from answers, and nothing else.  `now` is the time of the calendar, in
    seconds since 1970.
    """

    def __init__(
        self, secret: bytes, bounds: Caching, now: Callable[[], float]
    ) -> None:
        self._secret = blake2b(secret).digest() if secret else b""
        # An answer that holds longer than it says does so for one cache, not for all.
        self._bounds = replace(bounds, min_ttl=0)
        self._now = now
        self.since = float("-inf")
        """What was learned before this time is not believed."""

    def key(self, origin: bytes, query: Query) -> bytes:
        """Return the key for the answer to a query from whoever `origin` stands for."""
        flags = len(query.question)
        asked = query.key[: flags + 1] + query.subnet
        parts = (len(origin).to_bytes(2, "big"), origin, asked)
        digest = blake2b(b"".join(parts), digest_size=20, key=self._secret)
        return PREFIX + digest.hexdigest().encode("ascii")

    def forget(self) -> None:
        """Believe nothing any more that was learned up to now."""
        self.since = self._now()

    def close(self, origin: bytes, query: Query, answer: Answer) -> Sealed | None:
        """Return an answer that came now as it is written; None if it is not to be.

        Failures are not, nor what holds for a part of the network (RFC 7871), or so
        shortly that nobody could make use of it.
        """
        kept_for = lifetime(query, answer, self._bounds)
        if kept_for is None or _over(0, kept_for.seconds):
            return None
        learned = int(self._now() * 1000).to_bytes(8, "big")
        key, rest = self.key(origin, query), learned + pack(answer, kept_for, 0)
        value = bytes((VERSION,)) + self._seal(key, rest) + rest
        return Sealed(key, value, kept_for.seconds) if len(value) <= LARGEST else None

    def open(self, key: bytes, query: Query, value: bytes) -> Answer | None:
        """Return the answer in a value, its TTLs counted down; None if it has none.

        One in the last tenth of its life is none: then it is time to ask upstream, and
        a cache that does so before the end must not be told the same again.  By our own
        bounds it holds, not by those of who wrote it; by its clock and ours, which
        lengthen no life by more than SKEW.
        """
        if len(value) < _HEAD.size or value[0] != VERSION:
            return None
        _, seal, learned = _HEAD.unpack_from(value)
        if not compare_digest(seal, self._seal(key, value[_UNSEALED:])):
            return None
        age = self._now() - learned / 1000
        if age < -SKEW or learned / 1000 < self.since:
            return None
        try:
            return self._aged(query, value[_HEAD.size :], max(ceil(age), 0))
        except FormatError:
            return None

    def _aged(self, query: Query, entry: bytes, age: int) -> Answer | None:
        check(query.key, entry)
        answer = answer_of(entry)
        kept_for = lifetime(query, answer, self._bounds)
        if kept_for is None or _over(age, kept_for.seconds):
            return None
        return answer_of(pack(answer, kept_for, 0), age)

    def _seal(self, key: bytes, rest: bytes) -> bytes:
        return blake2b(key + rest, digest_size=16, key=self._secret).digest()


def _over(age: int, life: int) -> bool:
    return (age + ROUNDING) * 10 >= life * 9
