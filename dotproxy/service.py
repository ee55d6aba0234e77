"""The whole: the only module that knows all the others."""

import gc
from datetime import UTC, datetime
from random import Random
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dotproxy import __version__
from dotproxy.config.model import Config, ConfigError
from dotproxy.config.options import Options
from dotproxy.forwarder import Forwarder
from dotproxy.local.cache import Cache
from dotproxy.resolver import DoTResolver, create_forwarder
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.listener import Listener
from dotproxy.server.sockets import ListenError, Sockets, bind
from dotproxy.upstream.addresses import Addresses
from dotproxy.upstream.connection import Connection
from dotproxy.upstream.dial import connector
from dotproxy.upstream.strategy import Strategy
from dotproxy.upstream.tls import Authenticator, Trust
from dotproxy.upstreams import group, group_of, server

YOUNG = 10_000
"""New objects before the garbage collector looks: some thousand queries under way."""

__all__ = ["Options", "assemble", "makeService"]


def makeService(options: Options) -> IService:
    """Return the service that `twistd dotproxy` runs.

    A fault ends the process with one line and status 1, before it becomes a daemon.
    """
    from twisted.internet import reactor

    try:
        return assemble(options.config, reactor)
    except (ConfigError, ListenError) as fault:
        raise SystemExit(f"dotproxy: {fault}") from None


def assemble(config: Config, reactor: Any) -> "Proxy":
    """Join the parts; ConfigError or ListenError, and nothing stays bound.

    The sockets are bound here and now, clients are served once the service starts.
    """
    proxy = Proxy()
    if config.lab:
        proxy.upstreams = _lab(proxy, config, reactor)
    else:
        proxy.upstreams = group_of(config, reactor)
    proxy.forwarder = create_forwarder(config, proxy.upstreams, reactor)
    resolver = DoTResolver(proxy.forwarder, reactor, config.forward.timeout)
    if config.cache.file:
        _keep(proxy.forwarder.cache, config.cache.file, reactor).setServiceParent(proxy)
    factory = ProxyServerFactory(resolver, reactor, config.forward.timeout)
    for sockets in _bind_all(config):
        Listener(sockets, factory, reactor).setServiceParent(proxy)
    return proxy


class Proxy(MultiService):
    """All that runs, started and stopped as one."""

    log = Logger()
    upstreams: Strategy
    forwarder: Forwarder

    def startService(self) -> None:
        """Serve; say in one line where and from whom.

        What was imported lives as long as the process does, so the garbage collector
        need not look through it again; and what queries leave behind is seldom in
        circles.  Both together were a fifth of the work of a query.
        """
        super().startService()
        gc.freeze()
        gc.set_threshold(YOUNG, 20, 50)
        self.log.info(
            "dotproxy {version} serves {listeners}, asks {upstreams} over TLS",
            version=__version__,
            listeners=", ".join(self.addresses),
            upstreams=", ".join(u.name for u in self.upstreams.upstreams),
        )

    def stopService(self) -> Deferred[None]:
        """Stop serving, then fail what is under way."""
        stopping: Deferred[None] = super().stopService()
        self.upstreams.stop()
        self.forwarder.stop()
        return stopping

    @property
    def addresses(self) -> list[str]:
        """The addresses that are served."""
        return [part.address for part in self if isinstance(part, Listener)]


def _bind_all(config: Config) -> list[Sockets]:
    bound: list[Sockets] = []
    for listen in config.listen:
        try:
            bound.append(bind(listen.host, listen.port))
        except ListenError as fault:
            if fault.absent and config.listens_by_default and bound:
                # Nobody asked for IPv6, so a machine without it is no fault.
                continue
            for sockets in bound:
                sockets.close()
            raise
    return bound


def _keep(cache: Cache, path: str, reactor: Any) -> Service:
    """Return what keeps the cache in a file; not imported where there is none."""
    from dotproxy.cache_file import CacheFile

    return CacheFile(cache, path, reactor)


def _lab(proxy: Proxy, config: Config, reactor: Any) -> Strategy:
    """Put the lab's server into the process, and make it the one to ask.

    It is trusted by its own throw-away authority, checked like any other.
    """
    from dotproxy.lab.server import create_lab

    lab = create_lab(reactor, datetime.now(UTC))
    lab.server.setServiceParent(proxy)
    trust = Trust(server_name=lab.server_name, roots=lab.ca_pem)
    authenticator = Authenticator(trust, lambda: datetime.now(UTC).timestamp())

    def attempt(address: str) -> Deferred[Connection]:
        # Its port is known once it listens.
        return connector(authenticator, lab.server.port, reactor, Random())(address)

    addresses = Addresses(["127.0.0.1"])
    upstream = server(lab.server_name, addresses, attempt, config, reactor)
    return group([upstream], config, reactor)
