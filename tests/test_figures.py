"""What the page shows beside the keys of the status."""

from typing import Any
from unittest import TestCase

from dotproxy.observe.page.figures import Shown, figures, quantile


def upstream(*counts: int, in_clear: int = 0) -> dict[str, Any]:
    """Return what matters of one: answers within 1 ms, 10 ms, and longer ones."""
    bounds = (1.0, 10.0, None)
    latency = [
        {"up_to_ms": up_to, "count": count}
        for up_to, count in zip(bounds, counts, strict=True)
    ]
    return {"queries_in_clear": in_clear, "latency": latency}


def status(*upstreams: dict[str, Any], **settings: Any) -> Shown:
    """Return a status with 100 queries, 80 of them looked at."""
    reasons = ("denied", "limited", "malformed", "dropped", "shed")
    return {
        "uptime_s": 50.0,
        "ready": True,
        "rules_paused_s": 0.0,
        "blocked": 20,
        "clients": {
            "udp_queries": 90,
            "tcp_queries": 7,
            "tls_queries": 1,
            "https_queries": 2,
            **dict.fromkeys(reasons, 1),
        },
        "replies": {
            **{"ready": 20, "cache": 10, "stale": 2},
            **{"upstream": 30, "local": 36, "error": 2},
        },
        "cache": {"octets": 5, "size": 20},
        "upstreams": upstreams,
        **settings,
    }


class FiguresTests(TestCase):
    def test_shares(self) -> None:
        """Shares are of what they are part of."""
        found = figures(status(upstream(0, 0, 0, in_clear=2), upstream(0, 0, 0)))
        assert (found["queries"], found["rate"]) == (100, 2)
        assert found["known"] == 32
        assert found["blocked"] == 25
        assert found["cache_used"] == 25
        assert found["turned_away"] == 5
        assert found["in_clear"] == 2
        assert found["shares"]["local"] == 36

    def test_states(self) -> None:
        """What is on and off is said in words."""
        found = figures(status())
        assert (found["state"], found["rules"]) == ("ready", "in force")
        found = figures(status(ready=False, rules_paused_s=9.0))
        assert (found["state"], found["rules"]) == ("not ready", "paused")

    def test_nothing_yet(self) -> None:
        """Of nothing there are no shares."""
        nothing = {"ready": 0, "cache": 0, "stale": 0}
        found = figures(status(upstream(0, 0, 0), replies=nothing))
        assert (found["known"], found["half"], found["most"]) == (None, None, None)
        assert found["heights"] == [0, 0, 0]

    def test_latency(self) -> None:
        """Answers of all upstreams are in one picture; its highest bar is full."""
        found = figures(status(upstream(2, 1, 0), upstream(6, 0, 1)))
        assert found["answers"] == 10
        assert found["heights"] == [100, 12.5, 12.5]
        assert (found["half"], found["most"]) == ("1 ms", "over 10 ms")

    def test_quantile(self) -> None:
        """A part that is just reached is within."""
        buckets = ((1.0, 1), (10.0, 0), (100.0, 1), (None, 0))
        assert quantile(buckets, 0.5) == "1 ms"
        assert quantile(buckets, 0.51) == "100 ms"
