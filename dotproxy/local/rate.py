"""How often clients may ask: token buckets, as many as there are, and no more.

A client network has its bucket by a keyed hash.  So memory is bounded whoever asks;
nothing is ever thrown out, so nobody gets a new bucket by crowding out the old one;
and nobody who does not know the key can tell whose bucket is whose, to empty it.
Strangers do share one now and then, which hurts only beside somebody who floods.
A sum such as CRC-32 would not do: two that collide do so under every key.
"""

from hashlib import blake2s

from dotproxy.config.access import RateLimit

BUCKETS = 2**16
"""Of these a flood from made-up addresses must fill every one before it shuts out
others: at 20 queries a second for each, 1.3 million a second."""


class Rate:
    """Give each client network `qps` queries a second, and `burst` at once.

    A bucket is one number: when it will be full again, in the time it takes to gain
    a token.  In that unit a query costs 1, and sums stay exact.  `seed` is random, of
    at most 32 octets (RFC 7693 section 2.1); times are in seconds, of a clock that
    nobody sets.
    """

    __slots__ = ("_full_at", "_over", "_qps", "_seed", "_shifts", "_slip", "_spare")

    def __init__(self, limit: RateLimit, seed: bytes) -> None:
        self._qps = limit.qps
        self._spare = limit.burst - 1
        self._slip = limit.slip
        self._shifts = {4: 32 - limit.ipv4_prefix, 16: 128 - limit.ipv6_prefix}
        self._seed = seed
        self._full_at = [float("-inf")] * BUCKETS
        self._over = bytearray(BUCKETS)

    def bucket(self, address: bytes) -> int:
        """Return which bucket is that of an address of 4 or 16 octets."""
        network = int.from_bytes(address) >> self._shifts[len(address)]
        key = network.to_bytes(len(address))
        drawn = blake2s(key, key=self._seed, digest_size=4).digest()
        return int.from_bytes(drawn) % BUCKETS

    def take(self, bucket: int, now: float) -> bool:
        """Take a token; return whether there was one."""
        tick = now * self._qps
        full_at = self._full_at[bucket]
        if full_at > tick + self._spare:
            return False
        self._full_at[bucket] = (full_at if full_at > tick else tick) + 1.0
        return True

    def wait(self, bucket: int, now: float) -> float:
        """Take a token, on credit if there is none; return seconds until it is there.

        Credit goes before those who `take`: so whoever floods in a client's name,
        which they can over UDP, cannot shut it out where it shows that it is real.
        """
        tick = now * self._qps
        full_at = max(self._full_at[bucket], tick)
        self._full_at[bucket] = full_at + 1.0
        return max(full_at - tick - self._spare, 0.0) / self._qps

    def slips(self, bucket: int) -> bool:
        """Count a query that got no token; return whether it is the n-th, which slips.

        Each bucket counts by itself: were there one count, two clients that take
        turns would get all the slips and none.
        """
        if not self._slip:
            return False
        over = (self._over[bucket] + 1) % self._slip
        self._over[bucket] = over
        return over == 0
