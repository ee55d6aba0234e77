"""What a process uses, as Linux counts it."""

import os
import re
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
"""Units in which /proc counts, in a second."""


def cpu_seconds(pid: int) -> float:
    """Return the time that a process has had, its threads and the kernel included."""
    return read_cpu(Path(f"/proc/{pid}/stat").read_text())


def cpu_seconds_of_all(pid: int) -> float:
    """Return the time that a process has had, and those that it started and run."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_seconds(pid) + sum(cpu_seconds(int(child)) for child in children)


def read_cpu(stat: str) -> float:
    """Read the seconds from /proc/PID/stat (proc(5): utime and stime, 14 and 15)."""
    # The name of the program, the second field, may have blanks and brackets in it.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int) -> float:
    """Return the memory of a process that is in use, in 10^6 octets."""
    return read_resident(Path(f"/proc/{pid}/status").read_text())


def read_resident(status: str) -> float:
    """Read it from /proc/PID/status, which counts in units of 1,024 octets."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0
