"""What the proxy uses, looked at once a second."""

import re
from pathlib import Path
from statistics import mean

from twisted.internet.task import LoopingCall

from benchmarks.usage import resident

INTERVAL = 1.0
"""Seconds between two looks at the memory."""


class Usage:
    """Watch the memory of a process, in 10^6 octets."""

    def __init__(self, pid: int) -> None:
        self.samples: list[float] = []
        self._pid = pid
        self._looking = LoopingCall(self._look)

    def start(self) -> None:
        """Begin to look."""
        self._looking.start(INTERVAL)

    def stop(self) -> None:
        """Look no more."""
        self._looking.stop()

    def _look(self) -> None:
        self.samples.append(resident(self._pid))


def thirds(samples: list[float]) -> tuple[float, float]:
    """Return the averages of the second third and of the last."""
    size = len(samples) // 3
    return mean(samples[size : 2 * size]), mean(samples[-size:])


def descriptors(pid: int) -> int:
    """Count the descriptors that a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def awakenings(pid: int) -> int:
    """Count how often a process went to sleep so far: it does after each turn.

    One that has nothing to do, and no delayed call, sleeps on.
    """
    return read_awakenings(Path(f"/proc/{pid}/status").read_text())


def read_awakenings(status: str) -> int:
    """Read it from /proc/PID/status (proc(5))."""
    found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)$", status, re.MULTILINE)
    return int(found[1]) if found else 0


def waited(pid: int) -> float:
    """Return the seconds for which a process had to wait for a core so far."""
    return read_waited(Path(f"/proc/{pid}/schedstat").read_text())


def read_waited(schedstat: str) -> float:
    """Read it from /proc/PID/schedstat: the second number, in nanoseconds."""
    return int(schedstat.split()[1]) / 1e9


def dropped() -> int:
    """Count the datagrams that the kernel dropped so far, whosesoever they were."""
    return read_dropped(Path("/proc/net/snmp").read_text())


def read_dropped(snmp: str) -> int:
    """Read it from /proc/net/snmp: buffers of receivers that were full."""
    titles, counts = (it.split() for it in snmp.splitlines() if it.startswith("Udp:"))
    return int(counts[titles.index("RcvbufErrors")])
