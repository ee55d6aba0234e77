"""The load: names to ask for, and dnsperf to ask for them."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

from benchmarks.upstream import ZONE
from tests.functional.processes import PATH

OUTSTANDING = 200
"""Queries that are always under way, unless their rate is given."""

CLIENTS = 10
"""Sockets from which they come."""

FAILED_BORNE = 0.01
"""Share of queries that may be lost or refused before a figure means nothing."""

LONGEST_RUN = 300
"""Seconds after which dnsperf is given up."""


class Failed(Exception):
    """Too many queries were not answered for a figure to mean anything."""


@dataclass(frozen=True)
class Outcome:
    """What came of a load: counts, queries a second, seconds that each one took."""

    sent: int
    good: int
    rate: float
    latencies: tuple[float, ...] = ()

    def quantile(self, share: float) -> float:
        """Return the seconds within which this share of the queries was answered."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@dataclass(frozen=True)
class Names:
    """Files of names, for dnsperf; the upstream knows every one of them."""

    folder: Path
    _serial: "count[int]"

    @classmethod
    def create(cls, folder: Path) -> "Names":
        """Write the files into this folder."""
        return cls(folder, count())

    def fresh(self, amount: int) -> Path:
        """Write names that nobody has asked for yet, in place of those before."""
        serial = next(self._serial)
        lines = (f"n{n}.s{serial}.{ZONE} A\n" for n in range(amount))
        file = self.folder / "names"
        with file.open("w") as written:
            written.writelines(lines)
        return file

    def shuffled(self, file: Path) -> Path:
        """Write the same names in another order, so that memory is not read in turn."""
        lines = file.read_text().splitlines(keepends=True)
        Random(0).shuffle(lines)
        other = file.with_suffix(".shuffled")
        other.write_text("".join(lines))
        return other


def ask(port: int, file: Path, *words: str) -> Outcome:
    """Ask a port of 127.0.0.1 for names; `words` say how fast and for how long.

    Raises Failed if too few are answered.
    """
    server = ("-s", "127.0.0.1", "-p", str(port), "-d", str(file))
    program = shutil.which("dnsperf", path=PATH) or "dnsperf"
    try:
        done = subprocess.run(
            [program, *server, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_RUN,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {LONGEST_RUN} s") from None
    outcome = read_report(done.stdout)
    if outcome.good <= outcome.sent * (1 - FAILED_BORNE):
        raise Failed(f"{outcome.sent - outcome.good} of {outcome.sent} not answered")
    return outcome


def at_full_speed(*words: str) -> tuple[str, ...]:
    """Keep so many queries under way all the time."""
    return ("-q", str(OUTSTANDING), "-c", str(CLIENTS), *words)


def at_rate(rate: int, *words: str) -> tuple[str, ...]:
    """Ask so often in a second, and note how long each answer takes."""
    return ("-Q", str(rate), "-q", str(OUTSTANDING), "-c", "1", "-v", *words)


def read_report(text: str) -> Outcome:
    """Read what dnsperf prints when it is done, with -v or without."""
    found = re.search(r"Queries sent: +(\d+)", text)
    rate = re.search(r"Queries per second: +([\d.]+)", text)
    good = re.search(r"Response codes:.*?NOERROR (\d+)", text)
    if not found or not rate:
        raise Failed(f"dnsperf reports nothing:\n{text}")
    latencies = re.findall(r"^> NOERROR \S+ \S+ ([\d.]+)$", text, re.MULTILINE)
    return Outcome(
        sent=int(found[1]),
        good=int(good[1]) if good else 0,
        rate=float(rate[1]),
        latencies=tuple(map(float, latencies)),
    )
