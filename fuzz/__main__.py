"""Search all targets for inputs that break their rules: `python -m fuzz --help`."""

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from fuzz.targets import TARGETS

ROOT = Path(__file__).parents[1]
"""Where the code stands that is searched."""

CORPUS = Path(".fuzz")
"""Where inputs are kept from one run to the next."""

GRACE = 60.0
"""Seconds beyond its time after which a search counts as stuck."""

LACKING = (
    "fuzz: atheris is missing: pip install 'atheris>=3'; it has wheels for Linux on"
    " x86-64, elsewhere tests/test_fuzz.py searches a little without it"
)


def main(words: Sequence[str]) -> int:
    """Search for a while in each target; the status is 1 if something was found."""
    options = read(words)
    if find_spec("atheris") is None:
        print(LACKING, file=sys.stderr)
        return 2
    seconds = max(1, round(options.seconds / len(options.targets)))
    return max(search(name, seconds, options.corpus) for name in options.targets)


def read(words: Sequence[str]) -> Namespace:
    """Read the command line."""
    parser = ArgumentParser("python -m fuzz", description=main.__doc__)
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help=f"one of {', '.join(TARGETS)}; all of them if none is named",
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="for all together")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="where inputs go")
    options = parser.parse_args(words)
    options.targets = options.targets or [*TARGETS]
    for name in options.targets:
        if name not in TARGETS:
            parser.error(f"{name!r} is no target: write {', '.join(TARGETS)}")
    return options


def search(name: str, seconds: int, corpus: Path) -> int:
    """Search one target in a process of its own; show its last words if it fails."""
    corpus.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "fuzz.search", name, str(seconds)]
    try:
        done = subprocess.run(
            [*command, str(corpus / name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=seconds + GRACE,
        )
    except subprocess.TimeoutExpired:
        print(f"{name}: stuck", flush=True)
        return 1
    if done.returncode:
        print(f"{name}: found something\n{telling(done.stdout)}", flush=True)
        return 1
    print(f"{name}: {tried(done.stdout)} inputs, nothing found", flush=True)
    return 0


def tried(said: str) -> int:
    """Return how many inputs were tried, as the search has said at its end."""
    counts = [line for line in said.splitlines() if "number_of_executed_units" in line]
    return int(counts[-1].split()[-1]) if counts else 0


def telling(said: str) -> str:
    """Leave out of what a search said the lines on how it went on."""
    return "\n".join(it for it in said.splitlines() if not it.startswith(("#", "INFO")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
