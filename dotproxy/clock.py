"""The clock that answers are kept by."""

import time

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", None)


def uptime() -> float:
    """Return seconds that nobody sets, and that go on while the machine sleeps.

    Python's own monotonic clock stands still meanwhile on Linux, and a laptop would
    wake up with hours-old answers.
    """
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)
