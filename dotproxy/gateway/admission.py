"""Who is let in: from which networks, how many at once, and how fast."""

from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address

from dotproxy.gateway.limits import GatewayLimits
from dotproxy.gateway.waiting import Waiting

MOST_REMEMBERED = 10_000
"""Clients whose new connections are counted."""

BURST = 2
"""Seconds' worth of new connections that may come at once."""


class Admission:
    """Let clients in within the limits.

    A client is an IPv4 address, or the /64 of an IPv6 one, which one machine may
    have to itself.
    """

    def __init__(self, limits: GatewayLimits, allows: Callable[[str], bool]) -> None:
        self._limits = limits
        self._allows = allows
        self._open: Counter[str] = Counter()
        self._buckets: dict[str, tuple[float, float]] = {}
        self.in_all = 0
        self.waiting = Waiting()

    def use(self, limits: GatewayLimits, allows: Callable[[str], bool]) -> None:
        """Go by these from now on; who is in already stays, and counts."""
        self._limits = limits
        self._allows = allows

    def admit(self, host: str, now: float) -> str:
        """Let a client in and return nothing, or else the word for why not.

        Where all places are taken, one that is waiting makes room: it leaves within a
        turn.  Whoever is let in must `leave`.
        """
        if not self._allows(host):
            return "denied"
        client = client_of(host)
        if not self._take(client, now):
            return "too_fast"
        if self._open[client] >= self._limits.per_client:
            return "too_many"
        if self.in_all >= self._limits.in_all and not self.waiting.make_room():
            return "full"
        self._open[client] += 1
        self.in_all += 1
        return ""

    def leave(self, host: str) -> None:
        """Make room again."""
        client = client_of(host)
        self.in_all -= 1
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]

    def _take(self, client: str, now: float) -> bool:
        """Take a token out of a client's bucket, if one is left."""
        rate = self._limits.new_per_second
        most = rate * BURST
        tokens, at = self._buckets.pop(client, (most, now))
        tokens = min(tokens + (now - at) * rate, most)
        if len(self._buckets) >= MOST_REMEMBERED:
            # The one that came longest ago: its bucket is the fullest, or near it.
            del self._buckets[next(iter(self._buckets))]
        self._buckets[client] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1


def client_of(host: str) -> str:
    """Return what stands for one client: its address, or its /64."""
    if ":" not in host:
        return host
    address = IPv6Address(host.partition("%")[0])
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else str(IPv6Address(address.packed[:8] + bytes(8)))


def shortened(host: str) -> str:
    """Return an address without the part that tells one household from another: a /24
    or a /48 is left of it, for the log."""
    if ":" not in host:
        return f"{host.rpartition('.')[0]}.0"
    address = IPv6Address(host.partition("%")[0])
    return str(IPv6Address(address.packed[:6] + bytes(10)))
