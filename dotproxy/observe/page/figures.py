"""What the page shows beside the keys of the status: sums, shares, quantiles.

`page.js` reckons the same; a test compares them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dotproxy.observe.page.numerals import milliseconds

KNOWN = ("ready", "cache", "stale")
"""Sources of replies for which nobody was asked, and no rule neither."""

WAYS = ("udp", "tcp", "tls", "https")

TURNED_AWAY = ("denied", "limited", "malformed", "dropped", "shed")

Shown = Mapping[str, Any]
"""The status as JSON has it."""


def figures(status: Shown) -> Shown:
    """Return what follows from a status; None where nothing does yet."""
    clients, replies, cache = status["clients"], status["replies"], status["cache"]
    queries = sum(clients[f"{way}_queries"] for way in WAYS)
    replied = sum(replies.values())
    latency = _added([it["latency"] for it in status["upstreams"]])
    most = max((count for _, count in latency), default=0)
    return {
        "state": "ready" if status["ready"] else "not ready",
        "rules": "paused" if status["rules_paused_s"] else "in force",
        "paused_s": status["rules_paused_s"] or None,
        "queries": queries,
        "rate": queries / max(status["uptime_s"], 1),
        "known": share(sum(replies[source] for source in KNOWN), replied),
        "blocked": share(status["blocked"], queries - replies["ready"]),
        "cache_used": share(cache["octets"], cache["size"]),
        "in_clear": sum(it["queries_in_clear"] for it in status["upstreams"]),
        "turned_away": sum(clients[reason] for reason in TURNED_AWAY),
        "shares": {source: share(it, replied) for source, it in replies.items()},
        "answers": sum(count for _, count in latency),
        "half": quantile(latency, 0.5),
        "most": quantile(latency, 0.95),
        "heights": [share(count, most) or 0 for _, count in latency],
    }


def share(part: float, whole: float) -> float | None:
    """Return how many of a hundred a part is; None of nothing."""
    return 100 * part / whole if whole > 0 else None


Buckets = Sequence[tuple[float | None, int]]


def quantile(buckets: Buckets, part: float) -> str | None:
    """Say within what time so many answers came, as closely as buckets tell."""
    needed = part * sum(count for _, count in buckets)
    last = 0.0
    for up_to, count in buckets:
        needed -= count
        if needed <= 0 and count:
            return milliseconds(up_to) if up_to else f"over {milliseconds(last)}"
        last = up_to or last
    return None


def _added(latencies: Sequence[Sequence[Mapping[str, Any]]]) -> Buckets:
    """Add up the buckets of several upstreams."""
    return [
        (same[0]["up_to_ms"], sum(bucket["count"] for bucket in same))
        for same in zip(*latencies, strict=True)
    ]
