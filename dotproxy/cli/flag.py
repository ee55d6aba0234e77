"""What flags say: read, or refused in one line that names the flag."""

import getopt
from collections.abc import Callable, Sequence
from difflib import get_close_matches

from twisted.python import usage


def flags_first(options: usage.Options, arguments: Sequence[str]) -> list[str]:
    """Put flags before all else, where Twisted looks for them; UsageError if unknown.

    People write `check quad9 --json` as often as the other way round.
    """
    try:
        flags, others = getopt.gnu_getopt(arguments, "", options.longOpt)
    except getopt.GetoptError as fault:
        raise usage.UsageError(advice(fault, options)) from None
    valued = (
        f"{flag}={value}" if f"{flag[2:]}=" in options.longOpt else flag
        for flag, value in flags
    )
    return [*valued, "--", *others]


def advice(fault: getopt.GetoptError, options: usage.Options) -> str:
    """Add to what getopt says of a flag the one that was perhaps meant."""
    flags = sorted(name.rstrip("=") for name in options.longOpt)
    if fault.opt in flags:
        return f"{fault.msg}: write --{fault.opt}=VALUE"
    return f"{fault.msg}, {suggestion(f'--{fault.opt}', [f'--{it}' for it in flags])}"


def suggestion(word: str, known: Sequence[str]) -> str:
    """Say what was perhaps meant, or where to find what there is."""
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else "see --help"


def seconds(least: float, most: float) -> Callable[[str], float]:
    """Return how to read a number of seconds within these bounds."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            # What is no number is out of every range.
            number = float("nan")
        if not least <= number <= most:
            raise ValueError(f"must be a number of seconds from {least:g} to {most:g}")
        return number

    return read
