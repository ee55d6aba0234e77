"""Play every situation, and print what a client saw: `python -m reliability --help`."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.internet.task import react

from reliability.figures import Figures, broken, figures
from reliability.report import markdown
from reliability.scene import Scene, Times
from reliability.situations import SITUATIONS, Situation
from tests.functional.processes import Stage

AT_ONCE = 6
"""Situations played at the same time; each is some percent of a core's work."""

SHORT = Times(before=1.0, fault=2.0, after=1.5)

TABLES = {"One upstream of two is faulty": False, "Both upstreams are faulty": True}
"""The tables, and whether no upstream is well."""


def main(words: Sequence[str]) -> None:
    """Play every situation, and print what a client saw; fail if a promise broke."""
    react(lambda reactor: Deferred.fromCoroutine(play(reactor, read(words))))


def read(words: Sequence[str]) -> Namespace:
    """Read the command line."""
    parser = ArgumentParser("python -m reliability", description=main.__doc__)
    parser.add_argument("--only", metavar="WORDS", default="", help="part of a title")
    parser.add_argument("--short", action="store_true", help="faults of two seconds")
    parser.add_argument("--seconds", type=float, default=5.0, help="faults so long")
    return parser.parse_args(words)


async def play(reactor: Any, options: Namespace) -> None:
    """Play each situation twice: with one upstream that is well, and with none."""
    times = SHORT if options.short else Times(fault=options.seconds)
    wanted = [it for it in SITUATIONS if options.only in it.title]
    faults: list[str] = []
    for title, both in TABLES.items():
        results = dict(
            zip(wanted, await played(reactor, wanted, both, times), strict=True)
        )
        print(f"\n### {title}\n\n{markdown(results)}\n", flush=True)
        faults += [
            f"{title}, {situation.title}: {promise}"
            for situation, seen in results.items()
            for promise in broken(seen, both)
        ]
    if faults:
        raise SystemExit("\n".join(faults))


def played(
    reactor: Any, situations: Sequence[Situation], both: bool, times: Times
) -> Deferred[list[Figures]]:
    """Play some at a time; fires with the figures of all, in their order."""
    stage = Stage.create(partial(reactor.addSystemEventTrigger, "after", "shutdown"))
    room = DeferredSemaphore(AT_ONCE)

    async def figures_of(situation: Situation) -> Figures:
        seen = figures(await Scene(reactor, situation, both).play(stage, times))
        print(".", end="", file=sys.stderr, flush=True)
        return seen

    def start(situation: Situation) -> Deferred[Figures]:
        return Deferred.fromCoroutine(figures_of(situation))

    return gatherResults([room.run(start, situation) for situation in situations])


if __name__ == "__main__":
    main(sys.argv[1:])
