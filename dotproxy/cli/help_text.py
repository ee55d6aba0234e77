"""The text of --help, laid out as twistd's own for dotproxy."""

import textwrap
from collections.abc import Mapping
from typing import Protocol as TypingProtocol

WIDTH, TEXT_COLUMN = 80, 22
"""Characters of a line, and of its part that holds the flag or the command."""


class Explained(TypingProtocol):
    """Options that say what they are for, as Twisted's do."""

    synopsis: str
    longdesc: str
    docs: dict[str, str]
    """What each flag means."""


def help_text(options: Explained, values: Mapping[str, str]) -> str:
    """Return the synopsis, what it is for, then each flag in the order of `values`.

    `values` has a word for what each flag takes, '' if it takes nothing.
    """
    flags = (
        laid_out(f"--{flag}={value}" if value else f"--{flag}", options.docs[flag])
        for flag, value in values.items()
    )
    purpose = textwrap.fill(options.longdesc, WIDTH)
    return "\n".join((f"Usage: {options.synopsis}", "", purpose, "", *flags))


def laid_out(term: str, meaning: str) -> str:
    """Set a term, and what it means in the column beside it."""
    return textwrap.fill(
        " ".join(meaning.split()),
        WIDTH,
        initial_indent=f"  {term} ".ljust(TEXT_COLUMN),
        subsequent_indent=" " * TEXT_COLUMN,
        break_on_hyphens=False,
    )
