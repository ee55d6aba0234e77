"""The figures of one situation, out of what was played."""

from typing import NamedTuple

from reliability.questions import Verdict
from reliability.scene import Played, is_right

LEAST_RIGHT = 99.5
"""Percent of queries that are answered right while one upstream of two is well."""


class Figures(NamedTuple):
    """Shares in percent of the queries of the faulty time and after it."""

    right: float
    servfail: float
    other: float
    silent: float
    wrong: int
    """Replies to something else, or with another address."""
    handed: int
    """Queries heard by an upstream that could not prove who it is."""
    worst: float
    """Milliseconds until the slowest right answer."""
    recovery: float
    """Seconds after the end of the fault until every query is answered right."""
    heard: float
    """Queries that upstreams heard, for each query of the client."""
    known: float
    """Share of right answers for names that were known before, stale ones included."""


def broken(figures: Figures, both: bool) -> list[str]:
    """Name the promises that were not kept; `both`: no upstream was well."""
    kept = {
        "a wrong reply": figures.wrong == 0,
        "a query handed to a stranger": figures.handed == 0,
        "a query without a reply": figures.silent == 0,
        f"less than {LEAST_RIGHT} % right": both or figures.right >= LEAST_RIGHT,
    }
    return [promise for promise, is_kept in kept.items() if not is_kept]


def figures(played: Played) -> Figures:
    """Judge what was played."""
    concerned = [it for it in played.asked if it.sent >= played.began]
    known = [it for it in concerned if it.known]
    verdicts = [it.verdict for it in concerned]
    late = [it.sent for it in concerned if it.sent >= played.ended and not is_right(it)]

    def share(verdict: Verdict | None) -> float:
        return 100 * verdicts.count(verdict) / len(verdicts)

    return Figures(
        right=share(Verdict.RIGHT),
        servfail=share(Verdict.SERVFAIL),
        other=share(Verdict.OTHER),
        silent=share(None),
        wrong=verdicts.count(Verdict.WRONG),
        handed=played.handed,
        worst=1e3
        * max((it.seconds or 0 for it in concerned if is_right(it)), default=0),
        recovery=max(late, default=played.ended) - played.ended,
        heard=played.heard / len(played.asked),
        known=100 * sum(map(is_right, known)) / len(known),
    )
