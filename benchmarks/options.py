"""What to measure, and for how long: the flags of `python -m benchmarks`."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.contenders import FLOOR, OURS, PEERS
from benchmarks.trials import NAMES as TRIALS
from benchmarks.trials import Plan

GATEWAY = "gateway"
"""What --only takes for the relay, which is measured beside others than the DNS."""

NAMES = (*TRIALS, GATEWAY)

FULL = Plan(runs=3, seconds=5, misses=100_000)
SHORT = Plan(runs=1, seconds=1, misses=5_000)

SHORT_PEERS = ("unbound", "dnsdist")
"""Those that the short form measures, if no others are named."""

SHORT_TRIALS = tuple(name for name in NAMES if name != "large")
"""What the short form measures, if nothing else is named: a million names take long."""


class Options(NamedTuple):
    """What the flags say."""

    plan: Plan
    only: tuple[str, ...]
    peers: tuple[str, ...]
    json: Path | None


def read(words: Sequence[str] | None = None) -> Options:
    """Read the flags; on a fault end the process, and say what is allowed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Measure {OURS} beside other proxies, and beside a mere {FLOOR}.",
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help=f"once, a second for each load, {' and '.join(SHORT_PEERS)} only",
    )
    parser.add_argument(
        "--only",
        type=some_of(NAMES),
        metavar="NAME,...",
        help=f"measure this: {', '.join(NAMES)}",
    )
    parser.add_argument(
        "--peers",
        type=some_of(PEERS),
        metavar="NAME,...",
        help=f"measure these: {', '.join(PEERS)}",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all figures there"
    )
    flags = parser.parse_args(words)
    short = flags.short
    return Options(
        plan=SHORT if short else FULL,
        only=flags.only or (SHORT_TRIALS if short else NAMES),
        peers=flags.peers or (SHORT_PEERS if short else PEERS),
        json=flags.json,
    )


def some_of(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Return what reads names with commas between them."""

    def names(text: str) -> tuple[str, ...]:
        wanted = text.split(",")
        for name in wanted:
            if name not in known:
                allowed = ", ".join(known)
                raise argparse.ArgumentTypeError(f"{name!r} is none of {allowed}")
        return tuple(name for name in known if name in wanted)

    return names
