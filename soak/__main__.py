"""Play it, and say what was found: `python -m soak --help`."""

import secrets
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from soak.findings import findings
from soak.report import report
from soak.scene import Plan, Scene
from tests.functional.processes import Stage

RATE = 2000.0
"""Queries a second, nearly a third of them misses.  5,000 were seen to take half of a
core while no upstream answers; this leaves room for a machine that is slow, or busy."""


def main(words: Sequence[str]) -> None:
    """Soak a proxy for a while; the status is 1 if anything is not as it must be."""
    plan = read(words)
    print(f"seed {plan.seed}, {plan.seconds:g} s, {plan.rate:g} queries/s", flush=True)
    react(lambda reactor: Deferred.fromCoroutine(play(reactor, plan)))


def read(words: Sequence[str]) -> Plan:
    """Read the command line."""
    parser = ArgumentParser("python -m soak", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="so long")
    parser.add_argument("--rate", type=float, default=RATE, help="queries a second")
    parser.add_argument("--seed", type=int, help="begin as an earlier run did")
    options = parser.parse_args(words)
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    return Plan(options.seconds, options.rate, seed)


async def play(reactor: Any, plan: Plan) -> None:
    """Play the scene, and print what came of it."""
    stage = Stage.create(lambda *words, **named: _at_end(reactor, *words, **named))
    outcome = await Scene(reactor, stage, plan).play()
    print(report(outcome))
    found = [*findings(outcome.tally, outcome.seen)]
    for line in (*outcome.tally.examples, *found):
        print(f"soak: {line}", file=sys.stderr)
    if found:
        for number, diary in enumerate(outcome.diaries):
            print(f"upstream {number}", *diary, sep="\n", file=sys.stderr)
        print(outcome.seen.log, file=sys.stderr)
        raise SystemExit(1)


def _at_end(reactor: Any, *words: Any, **named: Any) -> None:
    reactor.addSystemEventTrigger("after", "shutdown", *words, **named)


if __name__ == "__main__":
    main(sys.argv[1:])
