"""What is wrong with what was seen; nothing, if all is well."""

from collections.abc import Iterator
from signal import SIGTERM
from typing import NamedTuple

from reliability.questions import Verdict
from soak.tally import Tally
from soak.usage import thirds

GROWTH = 20.0
"""10^6 octets that the memory may grow by, from the second third to the last: 50 for
each query of a third.  Less may be due to what waits in the worst of the storms."""

MOST_AWAKENINGS = 0
"""Turns of the reactor during the seconds in which there is nothing to do."""

STOPPING = 2.0
"""Seconds that the proxy may take to end."""

LEAST_RIGHT = 0.5
"""Of all replies, how many are right at least: else the weather was not what is
meant, or the proxy found no way around it."""

COMPLAINTS = ("Traceback", "Unhandled", "CRITICAL")
"""Words that the log has only if there is a bug."""


class Seen(NamedTuple):
    """What was seen of the proxy, besides its replies."""

    memory: list[float]
    """10^6 octets, once a second."""
    descriptors: tuple[int, int]
    """Open before the first query, and at the end."""
    awakenings: int
    """Turns of the reactor while there was nothing to do."""
    status: int
    """How it ended."""
    stopping: float
    """Seconds that it took to end."""
    log: str


def findings(tally: Tally, seen: Seen) -> Iterator[str]:
    """Return a line for each thing that is not as it must be."""
    wrong, right = tally.verdicts[Verdict.WRONG], tally.verdicts[Verdict.RIGHT]
    if wrong:
        yield f"{wrong} replies are wrong"
    for why, count in tally.silent.items():
        yield f"{count} queries got no reply: {why}"
    if right < LEAST_RIGHT * tally.asked:
        yield f"only {right} of {tally.asked} replies are right"
    before, after = thirds(seen.memory)
    if after - before > GROWTH:
        yield f"memory grew from {before:.1f} to {after:.1f} MB"
    if seen.descriptors[1] > seen.descriptors[0]:
        yield "descriptors grew from {} to {}".format(*seen.descriptors)
    if seen.awakenings > MOST_AWAKENINGS:
        yield f"it woke up {seen.awakenings} times while there was nothing to do"
    if seen.status not in (0, -SIGTERM) or seen.stopping > STOPPING:
        yield f"it ended with {seen.status} after {seen.stopping:.1f} s"
    for word in COMPLAINTS:
        if word in seen.log:
            yield f"its log has {seen.log.count(word)} times {word!r}"
