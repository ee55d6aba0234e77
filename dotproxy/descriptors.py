"""The descriptors that connections take of the system."""

import resource
from contextlib import suppress

PER_RELAY = 2
"""Descriptors of one relay: the client's connection, and the origin's."""


def room(descriptors: int, reserved: int, wished: int) -> int:
    """Return how many clients there may be; at least half of all is left for us."""
    return max(min(wished, descriptors - min(reserved, descriptors // 2)), 1)


def raise_descriptors(wanted: int) -> int:
    """Let this process open so many files if it may; return how many it may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    # Some systems allow less than they say (macOS: kern.maxfilesperproc).
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft
