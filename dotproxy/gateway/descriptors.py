"""The descriptors that connections take of the system."""

import resource

RESERVED = 256
"""Descriptors for all else: listeners, upstreams, files, some clients of the DNS."""

PER_RELAY = 2
"""Descriptors of one relay: the client's connection, and the origin's."""


def room_for(connections: int) -> int:
    """Make room for so many relays, as far as the system allows; return for how many.

    The soft limit, 1,024 by habit, is raised to the hard one if need be: it guards
    programs that use select(), which this is not.
    """
    wanted = connections * PER_RELAY + RESERVED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(min(connections, (soft - RESERVED) // PER_RELAY), 1)
