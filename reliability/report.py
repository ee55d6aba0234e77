"""The table, as Markdown."""

from collections.abc import Mapping

from reliability.figures import Figures
from reliability.situations import Situation

Results = Mapping[Situation, Figures]

HEAD = (
    "situation", "right %", "SERVFAIL %", "other %", "silent %", "wrong", "handed",
    "worst ms", "recovery s", "heard", "known %", "what you may count on",
)  # fmt: skip


def markdown(results: Results) -> str:
    """Write a line for each situation."""
    rule = ["---"] + ["---:"] * (len(HEAD) - 2) + ["---"]
    lines = [_line(it, results[it]) for it in results]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (HEAD, rule, *lines))


def _line(situation: Situation, figures: Figures) -> list[str]:
    return [
        situation.title,
        f"{figures.right:.1f}",
        f"{figures.servfail:.1f}",
        f"{figures.other:.1f}",
        f"{figures.silent:.1f}",
        f"{figures.wrong}",
        f"{figures.handed}",
        f"{figures.worst:.0f}",
        f"{figures.recovery:.2f}",
        f"{figures.heard:.2f}",
        f"{figures.known:.1f}",
        situation.promise,
    ]
