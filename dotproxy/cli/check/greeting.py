"""One connection to one address, made as the proxy makes it, and what came of it."""

from dataclasses import dataclass
from errno import EADDRNOTAVAIL
from random import Random
from typing import Any, cast

from OpenSSL import SSL
from twisted.internet.error import ConnectError, ConnectionRefusedError, NoRouteError
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from dotproxy.cli.check.witness import Witness
from dotproxy.upstream.connection import Connection
from dotproxy.upstream.dial import connector
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.tls import Authenticator

PLAIN_TEXT = ("wrong version number", "packet length too long", "record layer failure")
"""OpenSSL's words for what comes of a server that speaks no TLS."""


@dataclass(frozen=True)
class Place:
    """Where a server is, and the proxy's own judge of who it must be."""

    address: str
    port: int
    authenticator: Authenticator


@dataclass(frozen=True)
class Greeting:
    """What came of connecting: a `connection` that was verified, or a `reason`.

    Times are in milliseconds, None for what did not come about.  `unreached` if
    this machine has no way to such an address.
    """

    witness: Witness
    connection: Connection | None = None
    reason: str = ""
    unreached: bool = False
    connect_ms: float | None = None
    handshake_ms: float | None = None

    @property
    def verified(self) -> bool:
        """Whether the server proved to be who it must be, beyond all doubt."""
        return self.connection is not None and not self.reason


async def greet(
    place: Place, reactor: Any, timeout: float, session: SSL.Session | None = None
) -> Greeting:
    """Connect and have the server verified; a failure is a finding, not an error."""
    clock = IReactorTime(reactor)
    witness = Witness(place.authenticator.expect(place.address), clock.seconds, session)
    attempt = connector(cast(Authenticator, witness), place.port, reactor, Random())
    begin = clock.seconds()
    connecting = attempt(place.address).addTimeout(timeout, clock, _late)
    try:
        connection = await connecting
    except (UpstreamError, ConnectError) as fault:
        return Greeting(
            witness,
            reason=_reason(fault, witness),
            unreached=_has_no_way(fault),
            connect_ms=_milliseconds(begin, witness.connected_at),
        )
    return Greeting(
        witness,
        connection,
        connection.doubt,
        connect_ms=_milliseconds(begin, witness.connected_at),
        handshake_ms=_milliseconds(witness.connected_at, clock.seconds()),
    )


def _late(_: object, seconds: float) -> Failure:
    return Failure(UpstreamError(f"in {seconds:g} s"))


def _has_no_way(fault: Exception) -> bool:
    """Whether this machine cannot even send, as over IPv6 where it has no address."""
    if isinstance(fault, NoRouteError):
        return True
    return isinstance(fault, ConnectError) and fault.osError == EADDRNOTAVAIL


def _reason(fault: Exception, witness: Witness) -> str:
    """Say in one line why there is no connection."""
    if _has_no_way(fault):
        return "this machine has no route there"
    if isinstance(fault, ConnectionRefusedError):
        return "connection refused: nothing listens there"
    words = " ".join(str(fault).split())
    if words.startswith("in "):
        # Our own time-out, which cannot know how far things had come.
        if witness.connected_at is None:
            return f"no TCP connection {words}"
        return f"no TLS {words}: it accepts connections and then says nothing"
    if any(sign in words for sign in PLAIN_TEXT):
        return f"{words}: it answers in something else, maybe plain text"
    return words


def _milliseconds(begin: float | None, end: float | None) -> float | None:
    if begin is None or end is None:
        return None
    return round((end - begin) * 1000, 1)
