"""All addresses on which clients come in; some may come and go while others stay."""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from socket import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.logger import Logger

from dotproxy.config.gateway import Gateway
from dotproxy.config.model import Config
from dotproxy.config.setting import ConfigError
from dotproxy.config.spelling import joined
from dotproxy.gateway.counts import Counts

if TYPE_CHECKING:
    from dotproxy.gateway.entrance import Entrance
    from dotproxy.gateway.traffic import Traffic


class Spot(NamedTuple):
    """Where clients come in: an address, a port, and whether to speak plain HTTP."""

    host: str
    port: int
    plain: bool

    def meets(self, other: "Spot") -> bool:
        """Whether the system lets only one of both be listened on at a time."""
        hosts = ip_address(self.host), ip_address(other.host)
        wild = any(host.is_unspecified for host in hosts)
        same = hosts[0] == hosts[1]
        family = hosts[0].version == hosts[1].version
        return self.port == other.port != 0 and family and (wild or same)

    def fault(self, rule: str) -> ConfigError:
        """Return why clients cannot come in here."""
        path = ("gateway", "redirect_http" if self.plain else "listen")
        return ConfigError(f"listen {joined(self.host, self.port)}", rule, path)


Opened = Mapping[Spot, socket]
"""Sockets that are bound and listening, by what they are for."""


class Entrances(MultiService):
    """Let clients in where it is configured, and where it is configured instead.

    `bind` opens a socket for TCP or raises ConfigError.  What becomes of clients is
    up to the traffic, which is made when there is the first address for it.
    """

    log = Logger()

    def __init__(
        self,
        bind: Callable[[str, int], socket],
        create: "Callable[[Counts], Traffic]",
        reactor: Any,
    ) -> None:
        super().__init__()
        self.counts = Counts()
        self._bind = bind
        self._create = create
        self._reactor = reactor
        self._traffic: Traffic | None = None
        self._serving: dict[Spot, Entrance] = {}
        self._drained: Deferred[None] | None = None

    @property
    def addresses(self) -> list[str]:
        """The addresses where clients come in."""
        return [entrance.address for entrance in self._serving.values()]

    def bind(self, config: Config) -> Opened:
        """Bind what is configured and not served; or nothing, and raise ConfigError."""
        opened: dict[Spot, socket] = {}
        try:
            for spot in spots(config.gateway):
                if spot not in self._serving:
                    opened[spot] = self._open(spot)
        except ConfigError:
            close(opened)
            raise
        return opened

    def serve(self, config: Config, opened: Opened) -> None:
        """Serve what is configured, with what was bound for it, and nothing else.

        Who came in by an address that is removed may go on to the end.
        """
        wanted = spots(config.gateway)
        if not wanted and self._traffic is None:
            return
        # What relays is not imported where nothing is relayed.
        from dotproxy.gateway.entrance import Entrance

        traffic = self._traffic = self._traffic or self._create(self.counts)
        for spot in [each for each in self._serving if each not in wanted]:
            closing = maybeDeferred(self._serving.pop(spot).disownServiceParent)
            closing.addErrback(lambda it: self.log.failure("not closed", it))
        added = {
            spot: Entrance(bound, traffic.factory(spot.plain), self._reactor)
            for spot, bound in opened.items()
        }
        self._serving |= added
        traffic.follow(config, [each.place for each in self._serving.values()])
        for entrance in added.values():
            entrance.setServiceParent(self)

    def drain(self) -> Deferred[None]:
        """Accept no more, let those who are there end; fires when none is left."""
        if self._drained is None:
            closing = [maybeDeferred(each.stopService) for each in list(self)]
            self._drained = gatherResults(closing).addCallback(self._let_end)
        return self._drained

    def stopService(self) -> Deferred[None]:
        """End as `drain` does."""
        self.running = False
        return self.drain()

    def _let_end(self, _: object) -> Deferred[None] | None:
        return self._traffic.drain() if self._traffic is not None else None

    def _open(self, spot: Spot) -> socket:
        """Bind a socket, or raise ConfigError."""
        for other, entrance in self._serving.items():
            if spot.meets(other):
                raise spot.fault(
                    f"meets {entrance.address}, which is served until now: remove that"
                    " first, and add this by another reload, or restart"
                )
        bound = self._bind(spot.host, spot.port)
        try:
            # Twisted copies it, when half of a change is made.
            bound.dup().close()
        except OSError as fault:
            bound.close()
            raise spot.fault(fault.strerror or str(fault)) from None
        return bound


def spots(gateway: Gateway) -> tuple[Spot, ...]:
    """Return where clients are to come in."""
    kinds = ((gateway.listeners, False), (gateway.http_listeners, True))
    return tuple(Spot(*place, plain) for places, plain in kinds for place in places)


def close(opened: Opened) -> None:
    """Give back what was bound and is not served."""
    for bound in opened.values():
        bound.close()
