"""Who may ask, and how often: decided before a query is looked at."""

from enum import Enum

from dotproxy.config.access import Access, RateLimit
from dotproxy.local.networks import Networks, Source, octets
from dotproxy.local.rate import Rate

MOST_SOURCES = 2**15
"""Addresses that are known, some 5 MB of them; then all are forgotten.  Any sender can
make up addresses, and it takes but two microseconds to know one again."""

SHUT_OUT = -1
"""In place of the bucket of an address that may not ask."""


class Verdict(Enum):
    """What becomes of a query that came in a datagram."""

    PASS = "answer it"
    REFUSE = "say REFUSED"
    SLIP = "reply with TC and no answer, so that the client asks again over TCP"
    DROP = "say nothing"


PASS, REFUSE, SLIP, DROP = Verdict


class Gate:
    """Let queries in by where they come from.

    What an address may do is found out once and then known.  Without a rate, an
    address may ask as often as it likes.
    """

    __slots__ = ("_known", "_networks", "_rate", "denied", "limited", "refusal")

    def __init__(self, access: Access, rate: Rate | None) -> None:
        self._networks = Networks(access.networks)
        self.refusal = REFUSE if access.deny == "refuse" else DROP
        """What those get who may not ask at all."""
        self._rate = rate
        self._known: dict[Source, int] = {}
        self.denied = self.limited = 0
        """Queries that were turned away: for where they came from, and for the rate."""

    def __len__(self) -> int:
        return len(self._known)

    def admit(self, source: Source, now: float) -> Verdict:
        """Say what becomes of a query over UDP, which counts.

        This is the hot path; `now` may be the same for all of a turn.
        """
        bucket = self._known.get(source)
        if bucket is None:
            bucket = self._look_up(source)
        if bucket < 0:
            self.denied += 1
            return self.refusal
        rate = self._rate
        if rate is None or rate.take(bucket, now):
            return PASS
        self.limited += 1
        return SLIP if rate.slips(bucket) else DROP

    def allows(self, source: Source) -> bool:
        """Whether an address may ask at all: for TCP, where nothing is dropped."""
        return self._bucket(source) != SHUT_OUT

    def wait(self, source: Source, now: float) -> float:
        """Count a query over TCP; return for how many seconds to hold it back.

        Whoever is told to wait should be read no further meanwhile: so a connection
        owes one token at most.
        """
        bucket = self._bucket(source)
        if self._rate is None or bucket == SHUT_OUT:
            return 0.0
        return self._rate.wait(bucket, now)

    def _bucket(self, source: Source) -> int:
        bucket = self._known.get(source)
        return self._look_up(source) if bucket is None else bucket

    def _look_up(self, source: Source) -> int:
        """Find the bucket of an address, and remember it."""
        address = octets(source)
        if address is None or address not in self._networks:
            bucket = SHUT_OUT
        else:
            bucket = 0 if self._rate is None else self._rate.bucket(address)
        if len(self._known) >= MOST_SOURCES:
            self._known.clear()
        self._known[source] = bucket
        return bucket


def create_gate(access: Access, limit: RateLimit, seed: bytes) -> Gate | None:
    """Return the gate that is configured; None if nobody is ever turned away.

    `seed` is random; see `Rate`.
    """
    rate = Rate(limit, seed) if limit.qps else None
    if rate is None and Networks(access.networks).everything:
        return None
    return Gate(access, rate)
