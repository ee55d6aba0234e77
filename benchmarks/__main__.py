"""Measure dotproxy beside others: `python -m benchmarks --help`."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks import gateway
from benchmarks.contenders import CONTENDERS, FLOOR, OURS
from benchmarks.load import Failed, Names
from benchmarks.options import GATEWAY, Options, read
from benchmarks.report import as_json, markdown, summary
from benchmarks.servers import Mute, running
from benchmarks.trials import ENCRYPTED, FAR, LARGE, NEAR, SHARED, Bench, Figures, Plan
from benchmarks.upstream import start_relay, start_upstream
from tests.functional.processes import PATH, Stage

NEEDED = {
    "dnsperf": "dnsperf",
    "h2load": "nghttp2-client",
    "taskset": "util-linux",
    "unbound": "unbound",
}
"""The programs without which nothing can be measured, and their Debian packages."""

ROUND_TRIP = 0.02
"""Seconds to the far upstream and back."""


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print the table; return 1 if something could not be measured."""
    options = read(words)
    names = [OURS, *installed(options.peers), FLOOR]
    results: dict[str, list[Figures]] = {name: [] for name in names}
    faults: list[str] = []
    relays: dict[str, list[Figures]] = {}
    with ExitStack() as ending:
        bench = set_up(Stage.create(ending.callback), options.plan)
        for run in range(options.plan.runs if set(options.only) - {GATEWAY} else 0):
            for name in names:
                say(f"run {run + 1} of {options.plan.runs}: {name}")
                results[name].append(visit(bench, name, options.only, faults))
        if GATEWAY in options.only:
            relays = compare_relays(bench, faults)
    print(
        "\n\n".join(markdown(each) for each in (results, relays) if any(each.values()))
    )
    if options.json:
        told = about(options) | {GATEWAY: summary(relays)}
        options.json.write_text(as_json(told, results) + "\n")
    for fault in faults:
        say(fault)
    return 1 if faults else 0


def visit(bench: Bench, name: str, only: Sequence[str], faults: list[str]) -> Figures:
    """Measure one server by the trials that are wanted; add what fails to `faults`."""
    contender = CONTENDERS[name]
    figures: Figures = {}
    for command, upstream, trials in (
        (contender.command, bench.near, NEAR),
        (contender.encrypted, bench.near, ENCRYPTED),
        (contender.command, bench.far, FAR),
        (contender.shared, bench.near, SHARED),
        (contender.large, bench.near, LARGE),
    ):
        wanted = [it for it in trials if it.name in only and it.suits(contender)]
        if command is None or not wanted:
            continue
        with noted(faults, name), running(bench.stage, command, upstream) as server:
            for trial in wanted:
                with noted(faults, f"{name}, {trial.name}"):
                    figures |= trial.run(bench, server)
    return figures


def compare_relays(bench: Bench, faults: list[str]) -> dict[str, list[Figures]]:
    """Measure the gateway's relay beside others; add what fails to `faults`."""
    results: dict[str, list[Figures]] = {}
    if gateway.PEER not in gateway.relays():
        say(f"for the relay's peer: apt install {gateway.PACKAGES}")
    with noted(faults, GATEWAY):
        for name, figures in gateway.measure(bench.stage, bench.plan):
            say(f"{GATEWAY}: {name}")
            results.setdefault(name, []).append(figures)
    return results


@contextmanager
def noted(faults: list[str], what: str) -> Iterator[None]:
    """Note what could not be measured, and go on."""
    try:
        yield
    except (Failed, Mute, OSError) as fault:
        faults.append(f"{what}: {fault}")


def set_up(stage: Stage, plan: Plan) -> Bench:
    """Keep one core for the servers under test, and run all else on another."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("benchmarks: two cores are needed, the load has one of them")
    os.sched_setaffinity(0, {cores[1]})
    near = start_upstream(stage)
    far = start_relay(stage, near, ROUND_TRIP)
    on_its_core = stage.behind("taskset", "--cpu-list", str(cores[0]))
    return Bench(on_its_core, near, far, Names.create(stage.folder), plan)


def installed(peers: Sequence[str]) -> list[str]:
    """Return those of the peers that are there; say how to get the others."""
    lacking = [NEEDED[name] for name in NEEDED if not shutil.which(name, path=PATH)]
    if lacking:
        raise SystemExit(f"benchmarks: missing: apt install {' '.join(lacking)}")
    absent = [CONTENDERS[name] for name in peers if not CONTENDERS[name].installed]
    if absent:
        packages = " ".join(each.package for each in absent)
        say(f"for the peers that are missing: apt install {packages}")
    return [name for name in peers if CONTENDERS[name].installed]


def about(options: Options) -> dict[str, Any]:
    """Tell what was measured, and where."""
    return {
        "plan": options.plan._asdict(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def say(text: str) -> None:
    """Tell the one who waits; the table alone goes to stdout."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
