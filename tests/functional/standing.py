"""What stands through a whole run: a proxy for each kind of upstream.

To start them for every test would take most of the time.  A test that kills, stops
or counts has its own.
"""

import atexit
from dataclasses import dataclass
from functools import cache

from tests.functional.peers import Peer, start_dnsdist, start_nsd, start_unbound
from tests.functional.processes import Stage, program
from tests.functional.proxy import Proxy, start_proxy


@dataclass(frozen=True)
class Standing:
    """A server, and proxies that have it as their only upstream.

    The `forgetful` one has no cache, so that every query goes the whole way.
    """

    peer: Peer
    proxy: Proxy
    forgetful: Proxy


@cache
def lab_proxy() -> Proxy:
    """Return a proxy that asks the lab."""
    return start_proxy(Stage.create(atexit.register), "--upstream", "lab")


@cache
def forgetful_lab_proxy() -> Proxy:
    """Return a proxy that asks the lab every time: it has no cache."""
    flags = ("--upstream", "lab", "--cache-size", "0")
    return start_proxy(Stage.create(atexit.register), *flags)


@cache
def standing() -> tuple[Standing, ...]:
    """Return a proxy for each of unbound, nsd and dnsdist."""
    for name in ("unbound", "nsd", "dnsdist"):
        program(name)
    stage = Stage.create(atexit.register)
    nsd = start_nsd(stage)
    peers = (start_unbound(stage), nsd, start_dnsdist(stage, nsd))
    return tuple(
        Standing(
            peer,
            start_proxy(stage, *peer.flags),
            start_proxy(stage, *peer.flags, "--cache-size", "0"),
        )
        for peer in peers
    )
