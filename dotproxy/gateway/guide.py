"""Where a connection goes: from the name to an origin that answers.

The value of the name alone decides.  That a hello holds an ECH extension says nothing,
since clients put one in that means nothing, too (RFC 9849 section 6.2).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from twisted.internet.interfaces import IReactorTime

from dotproxy.config.spelling import joined
from dotproxy.gateway.attempts import Attempts, Connect
from dotproxy.gateway.end import End
from dotproxy.gateway.limits import GatewayLimits
from dotproxy.gateway.origins import Origins
from dotproxy.gateway.refusal import MISSING_EXTENSION, UNRECOGNIZED_NAME, Refusal
from dotproxy.gateway.targets import Targets
from dotproxy.local.redirects import Redirect
from dotproxy.upstream.dial import Dial
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.clienthello import Hello, HelloError, Reason

STRANGERS = (Reason.HTTP, Reason.SSLV2, Reason.GARBAGE)
"""Who speaks something else, which the default backend may know."""


class Connects(NamedTuple):
    """How to connect: to backends, which are near, and to origins, which a proxy may
    stand in front of."""

    backends: Connect
    origins: Connect


class Way(NamedTuple):
    """The way of one connection."""

    name: str
    """The server that is meant; empty for what goes to the default backend."""
    redirect: Redirect
    port: int


@dataclass(frozen=True)
class Signposts:
    """What shows the way.

    `find` is the table.  `name_at` knows the name that an address of ours was handed
    out for, if any: a client that connected to it means that name, whatever it says,
    for with ECH it says but a public one.  `default` is for those who name nobody.
    `port` is that of the origins; 0 stands for the one connected to.
    """

    find: Callable[[str], Redirect | None]
    name_at: Callable[[str], str | None] = lambda _: None
    default: Redirect | None = None
    port: int = 0


class Guide:
    """Find the way of each connection, and go it."""

    def __init__(
        self,
        signposts: Signposts,
        origins: Origins,
        targets: Targets,
        connects: Connects,
    ) -> None:
        self._signposts = signposts
        self._origins = origins
        self._targets = targets
        self._connects = connects

    def knows(self, name: str) -> bool:
        """Whether a name is in the table."""
        return self._signposts.find(name) is not None

    def way(self, hello: Hello, reached: tuple[str, int]) -> Way:
        """Return the way of a client that reached us there; Refusal if it has none."""
        host, port = reached
        name = self._signposts.name_at(host) or hello.server_name
        if name is None:
            refusal = Refusal("no_name", "no server is named", MISSING_EXTENSION)
            return self._default_way(refusal)
        redirect = self._signposts.find(name)
        if redirect is None:
            what = f"{name} is not in the table"
            raise Refusal("not_in_table", what, UNRECOGNIZED_NAME)
        return Way(name, redirect, self._signposts.port or port)

    def way_of_stranger(self, fault: HelloError) -> Way:
        """Return the way of who said no hello that can be read; Refusal if none."""
        reason = fault.reason
        refusal = Refusal(reason.word, str(fault), reason.alert)
        if reason in STRANGERS:
            return self._default_way(refusal)
        raise refusal

    async def go(
        self, way: Way, clock: IReactorTime, limits: GatewayLimits
    ) -> tuple[str, End]:
        """Return the place that answered first, and the connection; or Refusal."""
        if way.redirect.backend is not None:
            host, port = way.redirect.backend
            attempts = Attempts(self._connects.backends, port)
            addresses = self._checked(host, port)
        else:
            port = way.port
            attempts = Attempts(self._connects.origins, port)
            addresses = await self._addresses(way)
        dial = Dial(attempts.begin, clock)
        try:
            address, origin = await dial.run(addresses, limits.connect)
        except UpstreamError as fault:
            raise Refusal(attempts.word, str(fault)) from None
        return joined(address, port), origin

    def _default_way(self, refusal: Refusal) -> Way:
        if self._signposts.default is None:
            raise refusal
        return Way("", self._signposts.default, 0)

    def _checked(self, host: str, port: int) -> list[str]:
        """Return a backend's address; Refusal if that is the relay itself."""
        if self._targets.is_relay(host, port):
            raise Refusal("address_refused", f"{host} is the relay itself")
        return [host]

    async def _addresses(self, way: Way) -> list[str]:
        """Look the origin up."""
        redirect = way.redirect
        try:
            found = await self._origins.addresses(redirect.origin or way.name)
        except UpstreamError as fault:
            raise Refusal("no_address", str(fault)) from None
        return self._judged(found, way.port, redirect.private)

    def _judged(self, addresses: Sequence[str], port: int, private: bool) -> list[str]:
        """Return where one may be led to; Refusal if that is nowhere."""
        judged = {
            address: self._targets.refusal(address, port, private)
            for address in addresses
        }
        allowed = [address for address, refusal in judged.items() if not refusal]
        if not allowed:
            reasons = (f"{address} {why}" for address, why in judged.items())
            raise Refusal("address_refused", ", ".join(reasons))
        return allowed
