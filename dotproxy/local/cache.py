"""The DNS cache: what upstreams said, for as long as it holds, and a little longer."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from dotproxy.config.caching import Caching
from dotproxy.local.entry import (
    REFRESHED,
    USED,
    aged_reply,
    answer_of,
    flagged,
    pack,
    restamped,
    stale_reply,
    times,
)
from dotproxy.local.lifetime import lifetime, settles
from dotproxy.wire.answer import Answer
from dotproxy.wire.message import fold
from dotproxy.wire.query import Query, question_of

OVERHEAD = 176
"""Octets of memory that an entry takes beside what is in it: two objects, their place
in the dictionary, and in the row before the hand."""

SLACK = 16
"""Keys beyond twice the entries that the hand may have before it, gone or twice."""

BEGINNING = 2**30
"""The cache's time when it is made, so that what was kept before is still positive."""


class Kept(NamedTuple):
    """What is kept for a question, since when, and for how long it holds: seconds."""

    answer: Answer
    age: int
    life: int


class Cache:
    """Keep answers, and give them to whoever asks the same.

    It is bounded by memory.  What leaves first is chosen by SIEVE: a hand goes from
    the oldest entry to the newest, lets off what was used since it last came by, and
    takes out what was not.  A hit reorders nothing, as it would with LRU; and names
    that are asked once, which come right before the hand, push out each other and
    not those that are asked again.
    """

    def __init__(self, options: Caching, seconds: Callable[[], float]) -> None:
        self._options = options
        self._seconds = seconds
        self._beginning = int(seconds()) - BEGINNING
        self._entries: dict[bytes, bytes] = {}
        self._ahead: deque[bytes] = deque()
        """What the hand has not passed yet, the oldest first."""
        self.octets = 0
        self.hits = self.misses = self.stale_hits = self.evictions = 0
        self.on_due: Callable[[Query], object] = _ignore
        """Hears, once, of a query for what is in the last tenth of its life."""
        self.on_learned: Callable[[bytes, bytes], object] = _unheard
        """Hears the key and the entry of what was learned and may be kept."""

    def __len__(self) -> int:
        return len(self._entries)

    def answer(self, query: Query) -> bytes | None:
        """Return the reply to `query`, its TTLs counted down; None if none holds."""
        entry = self._entries.get(query.key)
        if entry is not None:
            stored, life = times(entry)
            age = self._now() - stored
            if age < life:
                self.hits += 1
                due = age * 10 >= life * 9 and self._options.prefetch
                self._flag(query, entry, USED | REFRESHED if due else USED)
                return aged_reply(query, entry, age)
        self.misses += 1
        return None

    def stale(self, query: Query) -> bytes | None:
        """Return a reply that may have outlived its TTL; None if there is none.

        It is for when nobody can be asked, or not in time (RFC 8767 section 5).
        """
        entry = self._entries.get(query.key)
        if entry is None or not self._may_serve(entry):
            return None
        self.stale_hits += 1
        self._flag(query, entry, USED)
        return stale_reply(query, entry, self._options.stale_ttl)

    def has_stale(self, query: Query) -> bool:
        """Whether `stale` would have a reply."""
        entry = self._entries.get(query.key)
        return entry is not None and self._may_serve(entry)

    def learn(self, query: Query, answer: Answer, exact: bool = False) -> None:
        """Keep the answer to `query`, if it may be kept; `exact` heeds no `min_ttl`.

        One that may not, but settles the question, ends what was known before (RFC
        8767 section 4).
        """
        bounds = replace(self._options, min_ttl=0) if exact else self._options
        kept_for = lifetime(query, answer, bounds)
        if kept_for is not None:
            entry = pack(answer, kept_for, self._now())
            self._put(query.key, entry)
            self.on_learned(query.key, entry)
        elif settles(answer) and query.key in self._entries:
            self._drop(query.key)

    def flush(self, name: bytes | None = None, subtree: bool = False) -> int:
        """Forget a name, with all below it if `subtree`, or everything.

        `name` is as on the wire.  Returns how many answers were forgotten.
        """
        gone = [
            key
            for key in self._entries
            if name is None or _is_under(question_of(key)[:-4], name.lower(), subtree)
        ]
        for key in gone:
            self._drop(key)
        return len(gone)

    def configure(self, options: Caching) -> None:
        """Keep to other options from now on; what a smaller size has no room for goes.

        The times of what is kept already stay as they are.
        """
        self._options = options
        while self.octets > options.size:
            self._evict()

    def look(self, question: bytes) -> Iterator[Kept]:
        """Return what is kept for a question, whatever the flags of those who ask.

        What holds for a part of the network only is left out.
        """
        for flags in range(256):
            kept = self.kept(fold(question) + bytes((flags,)))
            if kept is not None:
                yield kept

    def kept(self, key: bytes) -> Kept | None:
        """Return what is kept for queries with this key, whether it holds or not."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        stored, life = times(entry)
        return Kept(answer_of(entry), self._now() - stored, life)

    def entries(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Return the age in seconds, the key and the entry of all, for `restore`.

        They are taken now and looked at later, in another thread if need be.
        """
        now, items = self._now(), list(self._entries.items())
        return ((now - times(entry)[0], key, entry) for key, entry in items)

    def restore(self, age: int, key: bytes, entry: bytes) -> None:
        """Take back what `entries` gave, unless something newer has come."""
        if key not in self._entries and age <= BEGINNING:
            self._put(key, restamped(entry, self._now() - age))

    def adopt(self, age: int, key: bytes, entry: bytes) -> None:
        """Take what another cache learned, unless this one learned it later."""
        stored = self._now() - age
        known = self._entries.get(key)
        if known is None or times(known)[0] <= stored:
            self._put(key, restamped(entry, stored))

    def _now(self) -> int:
        return int(self._seconds()) - self._beginning

    def _may_serve(self, entry: bytes) -> bool:
        over = self._now() - sum(times(entry))
        return self._options.serve_stale and over <= self._options.stale_max_age

    def _flag(self, query: Query, entry: bytes, flags: int) -> None:
        """Set flags, and ask for a refresh if that one is new."""
        before = entry[0]
        if flags & ~before:
            self._entries[query.key] = flagged(entry, before | flags)
            if flags & ~before & REFRESHED:
                self.on_due(query)

    def _put(self, key: bytes, entry: bytes) -> None:
        """Keep an entry; one that is renewed was not used less for it."""
        known = key in self._entries
        if known and self._drop(key)[0] & USED:
            entry = flagged(entry, USED)
        cost = _cost(key, entry)
        if cost > self._options.size:
            return
        while self.octets + cost > self._options.size:
            self._evict()
        self._entries[key] = entry
        if not known:
            self._ahead.append(key)
            if len(self._ahead) > 2 * len(self._entries) + SLACK:
                kept = (key for key in self._ahead if key in self._entries)
                self._ahead = deque(dict.fromkeys(kept))
        self.octets += cost

    def _drop(self, key: bytes) -> bytes:
        entry = self._entries.pop(key)
        self.octets -= _cost(key, entry)
        return entry

    def _evict(self) -> None:
        """Move SIEVE's hand on by one; it starts over when it has seen all."""
        if not self._ahead:
            self._ahead.extend(self._entries)
        key = self._ahead.popleft()
        entry = self._entries.get(key)
        if entry is None:
            return
        if entry[0] & USED:
            self._entries[key] = flagged(entry, entry[0] & ~USED)
        else:
            self.evictions += 1
            self._drop(key)


def _cost(key: bytes, entry: bytes) -> int:
    return len(key) + len(entry) + OVERHEAD


def _is_under(name: bytes, parent: bytes, subtree: bool) -> bool:
    """Whether a name is `parent` or, with `subtree`, below it; both folded."""
    while subtree and len(name) > len(parent):
        name = name[1 + name[0] :]
    return name == parent


def _ignore(query: Query) -> None:
    """Stand where nobody listens."""


def _unheard(key: bytes, entry: bytes) -> None:
    """Stand where nobody listens."""
