"""What came out: medians over the runs, ratios to dotproxy, as Markdown and as JSON."""

import json
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, NamedTuple

from benchmarks.contenders import OURS
from benchmarks.trials import Figures


class Row(NamedTuple):
    """One line of the table: a figure, and how it is written."""

    key: str
    title: str
    factor: float
    """What the figure is multiplied by to be in the title's unit."""
    digits: int


def latency_rows(what: str, title: str) -> tuple[Row, ...]:
    """Return the rows of a latency, in milliseconds."""
    return tuple(
        Row(f"{what} {each}", f"{title}, {each}, ms", 1e3, 2)
        for each in ("p50", "p99", "p99.9")
    )


def load_rows(what: str, title: str) -> tuple[Row, ...]:
    """Return the rows of a load: what a query costs, and how many there were."""
    return (
        Row(f"{what} CPU", f"{title}, CPU us each", 1e6, 2),
        Row(f"{what} rate", f"{title}, thousands/s", 1e-3, 1),
    )


ROWS = (
    *load_rows("hit", "hits, UDP"),
    *load_rows("TCP hit", "hits, TCP"),
    *load_rows("DoT hit", "hits, DoT"),
    *load_rows("DoH hit", "hits, DoH"),
    Row("DoT memory", "idle client over TLS, kB", 1e3, 1),
    Row("DoH memory", "idle client over HTTPS, kB", 1e3, 1),
    *load_rows("miss", "misses"),
    *latency_rows("hit", "hit at 200/s"),
    *latency_rows("miss", "miss at 200/s"),
    *latency_rows("far miss", "miss at 200/s, 20 ms"),
    Row("far miss rate", "misses, 20 ms, 200 under way, thousands/s", 1e-3, 1),
    Row("start", "start to first answer, ms", 1e3, 0),
    Row("idle memory", "memory idle, MB", 1, 1),
    Row("full memory", "memory after the misses, MB", 1, 1),
    *load_rows("shared hit", "hits, UDP, two workers on the core"),
    *load_rows("shared miss", "misses, two workers on the core"),
    *load_rows("large hit", "hits in a million names"),
    Row("large memory", "memory with a million names, MB", 1, 1),
    Row("relay first", "first octet of a server, ms", 1e3, 2),
    Row("relay connection", "relayed connection, CPU us each", 1e6, 0),
    Row("relay CPU", "relayed octets, CPU s/GB", 1e9, 2),
    Row("relay rate", "relayed octets, MB/s", 1e-6, 0),
    Row("relay memory", "relayed connection that is idle, kB", 1e-3, 1),
)
"""The table, in its order."""


def medians(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure, over those runs that have it."""
    keys = dict.fromkeys(key for run in runs for key in run)
    return {key: median(run[key] for run in runs if key in run) for key in keys}


def ratios(ours: Figures, theirs: Figures) -> Figures:
    """Divide ours by theirs, wherever there are both and theirs is not 0."""
    return {key: ours[key] / it for key, it in theirs.items() if it and key in ours}


def markdown(results: dict[str, list[Figures]]) -> str:
    """Return a table: a column for each server, a row for each figure that there is.

    Behind a peer's figure is, in brackets, dotproxy's divided by it.
    """
    columns = {name: medians(runs) for name, runs in results.items()}
    lines = [_line(["median", *columns]), _line(["---", *("---:" for _ in columns)])]
    for row in ROWS:
        if any(row.key in column for column in columns.values()):
            cells = (_cell(row, name, columns) for name in columns)
            lines.append(_line([row.title, *cells]))
    return "\n".join(lines)


def as_json(about: dict[str, Any], results: dict[str, list[Figures]]) -> str:
    """Return all figures in seconds, queries a second and 10^6 octets.

    `about` goes first: what was measured, and where.
    """
    return json.dumps({**about, "servers": summary(results)}, indent=2)


def summary(results: dict[str, list[Figures]]) -> dict[str, Any]:
    """Return the figures of each server: all runs, medians, ratios to ours."""
    ours = medians(results.get(OURS, []))
    servers: dict[str, Any] = {}
    for name, runs in results.items():
        middle = medians(runs)
        servers[name] = {"runs": runs, "medians": middle}
        if name != OURS:
            servers[name]["ratios"] = ratios(ours, middle)
    return servers


def _cell(row: Row, name: str, columns: dict[str, Figures]) -> str:
    figure = columns[name].get(row.key)
    if figure is None:
        return "-"
    text = f"{figure * row.factor:.{row.digits}f}"
    ratio = ratios(columns.get(OURS, {}), columns[name]).get(row.key)
    return text if ratio is None or name == OURS else f"{text} ({ratio:.2f})"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
