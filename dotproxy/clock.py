"""The clock that answers are kept by, and that all time-outs are counted by."""

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def uptime() -> float:
    """Return seconds that nobody sets, and that go on while the machine sleeps.

    Python's own monotonic clock stands still meanwhile, and a laptop would wake up
    with hours-old answers.  Linux has a clock of its own for that; elsewhere it is
    the system's monotonic one that goes on (macOS), or the best there is.
    """
    return time.clock_gettime(_CLOCK)
