"""All addresses that are served; some may come and go while the others stay."""

import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dotproxy.config.model import Config, Listen
from dotproxy.config.setting import ConfigError
from dotproxy.local.designation import Designated, Way
from dotproxy.server.credentials import Credentials, read_credentials
from dotproxy.server.encryption import Encryption, check
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.listener import Listener
from dotproxy.server.renewal import Renewal
from dotproxy.server.sockets import ListenError, Sockets, bind, bind_stream
from dotproxy.server.stream_listener import StreamListener
from dotproxy.upstream.ticker import until
from dotproxy.wire.dotted import read_name
from dotproxy.wire.message import FormatError

LONGEST_DRAIN = 31.0
"""Seconds that an address lasts after it was removed: a little more than the longest
time-out that can be configured."""

Opened = Sockets | socket.socket

Served = Listener | StreamListener


class Bound(NamedTuple):
    """Sockets that are bound and not read yet, by what is configured for them; and
    what clients are shown who come over TLS."""

    sockets: Mapping[Listen, Opened]
    credentials: Credentials


Inherited = Mapping[Listen, Opened]
"""Sockets that somebody else has bound, by what they stand for."""

NOTHING: Inherited = MappingProxyType({})


class Listeners(MultiService):
    """Serve what is configured, and what is configured instead."""

    log = Logger()

    def __init__(self, factory: ProxyServerFactory, reactor: Any) -> None:
        super().__init__()
        self._factory = factory
        self._reactor = reactor
        self._encryption = Encryption()
        self._renewal = Renewal(self._encryption, reactor)
        self._renewal.setServiceParent(self)
        self._serving: dict[Listen, Served] = {}
        self._leaving: dict[Served, Deferred[None]] = {}

    @property
    def addresses(self) -> list[str]:
        """The addresses that are served."""
        return [listener.address for listener in self._serving.values()]

    @property
    def credentials(self) -> Credentials:
        """What clients are shown who come over TLS."""
        return self._encryption.credentials

    def designated(self) -> list[Designated]:
        """Return where clients may come encrypted: each port once, and its addresses.

        It takes a certificate for a name, which they are to insist on.
        """
        try:
            name = read_name(self._encryption.name)
        except FormatError:
            return []
        ports: dict[tuple[int, Way], list[str]] = {}
        for each in self._serving.values():
            if isinstance(each, StreamListener) and each.way:
                ports.setdefault((each.port, each.way), []).append(each.host)
        return [
            Designated(name, port, tuple(hosts), way)
            for (port, way), hosts in ports.items()
        ]

    @property
    def owe(self) -> bool:
        """Whether some client still waits; see `Listener`."""
        return any(listener.owes for listener in self._all())

    def bind(self, config: Config, inherited: Inherited = NOTHING) -> Bound:
        """Bind what is configured and not served; or nothing, and raise ConfigError.

        What is inherited is bound already.  Certificates are read before.
        """
        credentials = read_credentials(config.certificate)
        check(credentials)
        bound = bind_all(config, inherited, self._serving, self._explained)
        return Bound(bound, credentials)

    def serve(self, config: Config, bound: Bound) -> None:
        """Serve what is configured, with what was bound for it, and nothing else.

        Who asked at an address that is removed still gets a reply.
        """
        self._renewal.use(config.certificate, bound.credentials)
        for listen, opened in bound.sockets.items():
            self._serving[listen] = self._listener(listen, opened)
            self._serving[listen].setServiceParent(self)
        for listen in [each for each in self._serving if each not in config.listen]:
            self._remove(self._serving.pop(listen))

    def drain(self) -> None:
        """Take no new queries and clients; see `Listener`."""
        for listener in self._serving.values():
            listener.drain()

    def stopService(self) -> Deferred[None]:
        """Close all, at once; fires when that is done."""
        for leaving in list(self._leaving.values()):
            leaving.cancel()
        stopping: Deferred[None] = super().stopService()
        return stopping

    def _listener(self, listen: Listen, opened: Opened) -> Served:
        if isinstance(opened, Sockets):
            return Listener(opened, self._factory, self._reactor)
        factory, encryption = self._factory, self._encryption
        return StreamListener(opened, listen, factory, encryption, self._reactor)

    def _all(self) -> list[Served]:
        return [*self._serving.values(), *self._leaving]

    def _explained(self, fault: ListenError, listen: Listen) -> ConfigError:
        """Say so where it is ourselves who have the address."""
        for other in self._all():
            if fault.taken and other.address.endswith(f":{listen.port}"):
                return ConfigError(
                    f"listen {listen}",
                    f"meets {other.address}, which is served until now: remove that"
                    " first, and add this by another reload, or restart",
                    ("listen",),
                )
        return fault

    def _remove(self, listener: Served) -> None:
        """Close one when nobody waits any more."""
        listener.drain()
        drained = until(lambda: not listener.owes, self._reactor, LONGEST_DRAIN)
        self._leaving[listener] = drained
        # Where it is cancelled, everything is closed.
        drained.addCallbacks(partial(self._close, listener), lambda _: None)
        drained.addErrback(partial(self.log.failure, "an address was not closed"))

    def _close(self, listener: Served, _: None) -> Deferred[None]:
        del self._leaving[listener]
        closing: Deferred[None] = listener.disownServiceParent()
        return closing


def bind_all(
    config: Config,
    inherited: Inherited = NOTHING,
    serving: Collection[Listen] = (),
    explained: Callable[[ListenError, Listen], ConfigError] = lambda fault, _: fault,
) -> Mapping[Listen, Opened]:
    """Bind what is configured and not served; or nothing, and raise what `explained`
    makes of the fault."""
    bound: dict[Listen, Opened] = {}
    for listen in config.listen:
        if listen in serving:
            continue
        try:
            bound[listen] = inherited.get(listen) or _open(listen)
            _check_copies(str(listen), bound[listen])
        except ListenError as fault:
            if fault.absent and config.listens_by_default and (bound or serving):
                # Nobody asked for IPv6, so a machine without it is no fault.
                continue
            for sockets in bound.values():
                sockets.close()
            raise explained(fault, listen) from None
    return bound


def _open(listen: Listen) -> Opened:
    opens = bind_stream if listen.streams_only else bind
    return opens(listen.host, listen.port)


def _check_copies(where: str, opened: Opened) -> None:
    """See that there is room for the copies that Twisted makes of all.

    Else a process short of descriptors would find out when half of a change is made.
    """
    sockets = opened if isinstance(opened, Sockets) else (opened,)
    try:
        with ExitStack() as copies:
            for each in sockets:
                copies.enter_context(each.dup())
    except OSError as fault:
        raise ListenError(where, fault) from None
