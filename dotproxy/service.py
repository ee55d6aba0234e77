"""The whole: the only module that knows all the others."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any, NamedTuple

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred

from dotproxy.clock import uptime
from dotproxy.config.admin import Admin
from dotproxy.config.model import Config, ConfigError
from dotproxy.config.options import Options
from dotproxy.config.query_log import OFF
from dotproxy.config.upstream import MOST_IN_FLIGHT
from dotproxy.core import plan_for
from dotproxy.observe.doors import Door, bind_doors
from dotproxy.proxy import Proxy, Source
from dotproxy.reports import Notices, Reports, parse_address, watchdog_period
from dotproxy.server.credentials import read_credentials
from dotproxy.server.encryption import check
from dotproxy.server.inherited import inherit, listening
from dotproxy.server.listeners import NOTHING, Inherited, bind_all
from dotproxy.signals import Signal
from dotproxy.tracing.tracing import Tracing
from dotproxy.upstream.addresses import Addresses
from dotproxy.upstream.connection import Connection
from dotproxy.upstream.dial import connector
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.pool import Pool
from dotproxy.upstream.strategy import Strategy
from dotproxy.upstream.tls import Authenticator, Trust
from dotproxy.upstreams import group, limits
from dotproxy.workers.share import number_of, share_of

__all__ = ["Options", "assemble", "makeService"]


class Shown(NamedTuple):
    """What callers see and steer: by their own calls, if it is not one proxy."""

    subject: MultiService
    admin: Admin
    calls: Callable[[], Mapping[str, Any]] | None = None


def makeService(options: Options) -> IService:
    """Return the service that `twistd dotproxy` runs.

    A fault ends the process with one line and status 1, before it becomes a daemon.
    From then on SIGHUP does not end it: it reloads, as soon as the service runs.
    """
    from twisted.internet import reactor

    # Twisted counts by the wall clock.  Were that put back by an hour, which happens
    # where a machine starts without a clock, no timer would fire for as long.
    reactor.seconds = uptime  # type: ignore[method-assign]
    try:
        inherited = _handed_over()

        def again() -> Config:
            return listening(options.again(), inherited)

        config = listening(options.config, inherited)
        if number_of(config) > 1:
            return _supervised(config, reactor, again, inherited)
        proxy = assemble(config, reactor, again, inherited)
    except ConfigError as fault:
        raise SystemExit(f"dotproxy: {fault}") from None
    _hear_hangup(proxy, _reported(proxy, reactor), reactor)
    if proxy.recording is not None:
        _hear_moved(proxy, proxy.recording.reopen, reactor)
    return proxy


def assemble(
    config: Config,
    reactor: Any,
    again: Callable[[], Config] | None = None,
    inherited: Inherited = NOTHING,
) -> Proxy:
    """Join the parts; ConfigError, and nothing stays bound.

    The sockets are bound here and now, or `inherited`; clients are served once the
    service starts.  `again` reads the configuration for a reload; without it, that is
    the same again.
    """
    again = again or (lambda: config)
    if config.lab:
        proxy = _with_lab(config, reactor, again)
    else:
        source = Source(again, partial(plan_for, reactor=reactor))
        proxy = Proxy(config, source, reactor)
    if config.cache.file:
        _keep_cache(proxy, reactor)
    _keep_journal(proxy)
    if config.trace:
        _trace(proxy, reactor)
    with ExitStack() as undo:
        doors = bind_doors(config.admin, os.environ, reactor)
        undo.callback(_close, doors)
        bound = proxy.bind(config, inherited)
        undo.pop_all()
    proxy.serve(config, bound)
    proxy.listeners.setServiceParent(proxy)
    _open(doors, Shown(proxy, config.admin), reactor)
    return proxy


def _supervised(
    config: Config, reactor: Any, again: Callable[[], Config], inherited: Inherited
) -> IService:
    """Have several processes serve; what does so is not imported where one does."""
    from dotproxy.journal.create import check_recording
    from dotproxy.workers.calls import merged_calls
    from dotproxy.workers.rolling import Source as Checked
    from dotproxy.workers.supervisor import Supervisor

    def look_over(config: Config) -> None:
        plan_for(config, None, reactor)
        check(read_credentials(config.certificate))

    look_over(config)
    for number in range(1, number_of(config) + 1):
        check_recording(share_of(config, config.listen, number).query_log)
    with ExitStack() as undo:
        doors = bind_doors(config.admin, os.environ, reactor)
        undo.callback(_close, doors)
        bound = bind_all(config, inherited)
        undo.pop_all()
    supervisor = Supervisor(config, bound, Checked(again, look_over), reactor)
    _open(doors, Shown(supervisor, config.admin, merged_calls), reactor)
    reports = _reports(lambda: supervisor.summary, reactor)
    reload: Callable[[], object] = supervisor.reload_or_complain
    if reports is not None:
        # Their manager hears of them once all serve.
        supervisor.on_ready = partial(reports.setServiceParent, supervisor)
        reload = partial(reports.reload, reload)
    _hear_hangup(supervisor, reload, reactor)
    if config.query_log.format != OFF:
        _hear_moved(supervisor, supervisor.reopen, reactor)
    return supervisor


def _hear_hangup(
    parent: MultiService, reload: Callable[[], object], reactor: Any
) -> None:
    hangup = Signal(signal.SIGHUP, reload, reactor)
    hangup.setServiceParent(parent)
    hangup.install()


def _hear_moved(
    parent: MultiService, reopen: Callable[[], object], reactor: Any
) -> None:
    """Hear that somebody has moved the file of the query log."""
    moved = Signal(signal.SIGUSR1, reopen, reactor)
    moved.setServiceParent(parent)
    moved.install()


def _handed_over() -> Inherited:
    """Return the sockets that a service manager has bound for us, if any.

    Twisted takes LISTEN_PID and LISTEN_FDS out of the environment when it is imported,
    so that nobody takes them twice.  It keeps what they said for its endpoints alone.
    """
    from twisted.internet.endpoints import _SystemdParser

    descriptors = _SystemdParser._sddaemon.inheritedDescriptors()
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    return inherit(descriptors, names[: len(descriptors)])


def _reported(proxy: Proxy, reactor: Any) -> Callable[[], None]:
    """Have the service manager hear of it, if there is one; return how to reload."""
    reports = _reports(lambda: proxy.summary, reactor)
    if reports is None:
        return proxy.reload_or_complain
    reports.setServiceParent(proxy)
    return partial(reports.reload, proxy.reload_or_complain)


def _reports(status: Callable[[], str], reactor: Any) -> Reports | None:
    """Return what tells the service manager, if there is one."""
    address = parse_address(os.environ)
    if not address:
        return None
    period = watchdog_period(os.environ, os.getpid())
    return Reports(Notices(address), status, reactor, period)


def _close(sockets: Sequence[Door]) -> None:
    for each in sockets:
        each.close()


def _open(doors: Sequence[Door], shown: Shown, reactor: Any) -> None:
    """Show it; what does so is not imported where nobody can look."""
    if not doors:
        return
    from dotproxy.observe.actions import CALLS
    from dotproxy.observe.guard import Guard, Owner
    from dotproxy.observe.site import create_site

    subject, admin, calls = shown
    for door in doors:
        judge = Owner() if door.private else Guard(admin.hosts, admin.token)
        door.site = create_site(subject, judge, reactor, calls() if calls else CALLS)
        door.setServiceParent(subject)


def _keep_journal(proxy: Proxy) -> None:
    """Read along; what does so is not imported where nobody is to."""
    settings, journal = proxy.core.config.query_log, proxy.journal
    if settings.format == OFF and not settings.top:
        return
    from dotproxy.journal.create import create_ranking, create_recording

    if settings.format != OFF:
        proxy.recording = create_recording(settings, journal)
        journal.enter(proxy.recording)
    if settings.top:
        proxy.ranking = create_ranking(journal)
        journal.enter(proxy.ranking)


def _trace(proxy: Proxy, reactor: Any) -> None:
    """Let the log tell of some names; who reads the log is to know."""
    names = proxy.core.config.trace
    proxy.factory.trace_with(Tracing(names, reactor.seconds))


def _keep_cache(proxy: Proxy, reactor: Any) -> None:
    """Keep the cache in a file; what does so is not imported where there is none."""
    from dotproxy.cache_file import CacheFile

    cache, path = proxy.core.forwarder.cache, proxy.core.config.cache.file
    proxy.cache_file = CacheFile(cache, path, reactor, proxy.rules.admits)
    proxy.cache_file.setServiceParent(proxy)


def _with_lab(config: Config, reactor: Any, again: Callable[[], Config]) -> Proxy:
    """Put the lab's server into the process, and make it the default group.

    It is trusted by its own throw-away authority, checked like any other.
    """
    from dotproxy.lab.server import create_lab

    lab = create_lab(reactor, datetime.now(UTC))
    trust = Trust(server_name=lab.server_name, roots=lab.ca_pem)
    authenticator = Authenticator(trust, lambda: datetime.now(UTC).timestamp())

    def attempt(address: str) -> Deferred[Connection]:
        # Its port is known once it listens.
        return connector(authenticator, lab.server.port, reactor, Random())(address)

    def in_place(config: Config) -> Strategy:
        bounds = limits(config.forward, MOST_IN_FLIGHT)
        pool = Pool(Addresses(["127.0.0.1"]), attempt, reactor, bounds)
        return group([DoT(lab.server_name, pool, reactor)], config, reactor)

    plan = partial(plan_for, reactor=reactor, lab=in_place)
    proxy = Proxy(config, Source(again, plan), reactor)
    lab.server.setServiceParent(proxy)
    return proxy
