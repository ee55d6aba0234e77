"""The lines of a TOML file on which its settings stand."""

import tomllib
from bisect import bisect_left
from typing import Any

from dotproxy.config.setting import Path


def line_of(text: str, path: Path) -> int | None:
    """Return the line where the statement begins that first sets `path`, from 1 up.

    None if the text does not set it.  The text must be TOML.  The parser itself is
    asked, about ever longer beginnings of the text: so it holds for every spelling,
    dotted, quoted or inline, and for values of many lines.
    """
    lines = [line + "\n" for line in text.split("\n")]
    ends = _statement_ends(lines)
    first = bisect_left(ends, True, key=lambda end: _sets(lines[:end], path))
    return ends[first - 1] + 1 if first < len(ends) else None


def _statement_ends(lines: list[str]) -> list[int]:
    """Return the numbers of lines after which no value is left open, 0 included."""
    ends = [0]
    for end in range(1, len(lines) + 1):
        try:
            tomllib.loads("".join(lines[ends[-1] : end]))
        except tomllib.TOMLDecodeError:
            continue
        ends.append(end)
    return ends


def _sets(lines: list[str], path: Path) -> bool:
    document: Any = tomllib.loads("".join(lines))
    try:
        for step in path:
            document = document[step]
    except (LookupError, TypeError):
        return False
    return True
