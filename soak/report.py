"""What came of a soak, in a few lines."""

from reliability.questions import Verdict
from soak.scene import Outcome
from soak.usage import thirds


def report(outcome: Outcome) -> str:
    """Say what was asked and answered, and what the proxy used."""
    tally, seen = outcome.tally, outcome.seen
    verdicts = ", ".join(f"{tally.verdicts[it]} {it.value}" for it in Verdict)
    storms = sorted(outcome.storms.items())
    before, after = thirds(seen.memory)
    opened, left = seen.descriptors
    theirs, ours = outcome.waited
    return "\n".join(
        (
            f"asked {tally.asked}: {verdicts}, {tally.silent.total()} silent,"
            f" {tally.left} not waited for; the slowest took {tally.slowest:.2f} s",
            f"faults: {', '.join(f'{name} {count}' for name, count in storms)}",
            f"reloads: {outcome.reloads}; load: {outcome.load:.0%} of a core",
            f"without a core: the proxy {theirs:.1f} s, the clients {ours:.1f} s;"
            f" the kernel dropped {outcome.dropped} datagrams",
            f"memory: {before:.1f} MB in the second third, {after:.1f} MB in the last",
            f"descriptors: {opened} before, {left} after",
            f"woke up {seen.awakenings} times with nothing to do",
            f"ended with {seen.status} in {seen.stopping:.2f} s",
        )
    )
