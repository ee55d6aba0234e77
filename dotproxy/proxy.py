"""All that runs: started, reloaded and stopped as one."""

import gc
from collections.abc import Callable, Sequence
from contextlib import suppress
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dotproxy import __version__
from dotproxy.clock import uptime
from dotproxy.config.changes import changes, keep_lasting
from dotproxy.config.model import Config, ConfigError
from dotproxy.core import Core, Plan
from dotproxy.gateway.counts import Counts
from dotproxy.gateway.entrances import Entrances, Opened, close
from dotproxy.journal.journal import Journal
from dotproxy.journal.privacy import create_privacy
from dotproxy.local.book import Book
from dotproxy.local.leases import Leases
from dotproxy.local.redirects import Redirects
from dotproxy.local.rules import Rules
from dotproxy.pause import Pause
from dotproxy.rule_files import RuleFiles
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.limits import relays_for
from dotproxy.server.listeners import NOTHING, Bound, Inherited, Listeners
from dotproxy.server.sockets import bind_stream
from dotproxy.server.terms import terms_for
from dotproxy.upstream.asked import Server
from dotproxy.upstream.cleartext import Cleartext
from dotproxy.upstream.ticker import until
from dotproxy.wire.query import Query

if TYPE_CHECKING:
    from dotproxy.cache_file import CacheFile
    from dotproxy.gateway.traffic import Traffic
    from dotproxy.journal.readers import Ranking, Recording
    from dotproxy.lease_file import LeaseFile

SOURCES = {"profile", "upstream", "cache.shared.url", "cache.shared.secret_file"}
"""Settings of where answers come from: with others the cache begins anew."""

YOUNG = 10_000
"""New objects before the garbage collector looks: some thousand queries under way."""

TO_ANSWER, TO_LEAVE = 1.5, 0.4
"""Seconds that upstreams have, at the end, to answer what is under way; and that
replies then have to leave.  Together a little less than 2: whoever stops a service
should not have to wait."""


class Source(NamedTuple):
    """Read the configuration once more, and plan a core for one; both may fail, with
    ConfigError."""

    read: Callable[[], Config]
    plan: Callable[[Config, Book | None], Plan]


class Sockets(NamedTuple):
    """What is bound and not read yet: for the DNS, and for the gateway."""

    listeners: Bound
    gateway: Opened


class Reloaded(NamedTuple):
    """What came of a reload: which settings changed, and which need a restart."""

    changed: tuple[str, ...]
    lasting: tuple[str, ...]
    emptied: bool
    """Whether the cache began anew, since answers come from elsewhere now."""


class Proxy(MultiService):
    """The listeners, the core behind them, the gateway, and what keeps the cache in a
    file."""

    log = Logger()

    def __init__(self, config: Config, source: Source, reactor: Any) -> None:
        super().__init__()
        self._source = source
        self._reactor = reactor
        plan = source.plan(config, None)
        self.rules = Rules(plan.book, Leases(config.gateway.leased, uptime))
        self.core = Core(plan, self.rules, reactor)
        terms = terms_for(config, token_bytes())
        self.factory = ProxyServerFactory(self.core.resolver, reactor, terms)
        self.journal = Journal(reactor, create_privacy(config.query_log))
        self.journal.noting = self.factory.note_in
        self.journal.setServiceParent(self)
        self.recording: Recording | None = None
        self.ranking: Ranking | None = None
        self.listeners = Listeners(self.factory, reactor)
        self.rules.served = self.listeners.designated
        self.gateway = Entrances(bind_stream, self._traffic, reactor)
        self.gateway.setServiceParent(self)
        self.cache_file: CacheFile | None = None
        self._lease_file: LeaseFile | None = None
        self._rule_files = RuleFiles(self.rules, self.factory.flush, reactor)
        self._rule_files.setServiceParent(self)
        self.pause = Pause(self.rules, self.factory.flush, reactor)
        self.pause.setServiceParent(self)
        self.started_at = uptime()
        self.reloads = self.reloads_failed = 0
        self._leaving: set[Core] = set()
        self._stopping = False

    @property
    def summary(self) -> str:
        """Say where it serves, and whom it asks."""
        listeners = ", ".join(self.listeners.addresses)
        return f"serves {listeners}, asks {_asked(self.core.upstreams.upstreams)}"

    def bind(self, config: Config, inherited: Inherited = NOTHING) -> Sockets:
        """Bind what is configured and not served, or `inherited`; or nothing, and raise
        ConfigError."""
        relaying = self.gateway.bind(config)
        try:
            return Sockets(self.listeners.bind(config, inherited), relaying)
        except ConfigError:
            close(relaying)
            raise

    def serve(self, config: Config, sockets: Sockets) -> None:
        """Serve what is configured, with what was bound for it, and nothing else."""
        self.listeners.serve(config, sockets.listeners)
        self.gateway.serve(config, sockets.gateway)
        if self._lease_file is None and config.cache.file and config.gateway.leases:
            self._lease_file = self._keep_leases(f"{config.cache.file}.leases")
            self._lease_file.setServiceParent(self)

    def startService(self) -> None:
        """Serve; say in one line where and from whom.

        What was imported lives as long as the process does, so the garbage collector
        need not look through it again; and what queries leave behind is seldom in
        circles.  Both together were a fifth of the work of a query.
        """
        super().startService()
        gc.freeze()
        gc.set_threshold(YOUNG, 20, 50)
        self._say("dotproxy {version} serves {listeners}, asks {upstreams}")

    def reload(self) -> Reloaded:
        """Read the configuration again, and go on with it; return what is new.

        Raises ConfigError if it has a fault, and then nothing has changed.  Whatever
        may fail is done first; the rest happens in one turn.  Queries under way are
        answered by whom they were asked.
        """
        if self._stopping or not self.running:
            raise ConfigError("reload", "is for a service that runs")
        wanted, before, ruled = self._source.read(), self.core, self.rules.book
        config = keep_lasting(before.config, wanted)
        plan = self._source.plan(config, ruled)
        shown = [it.chain for it in self.listeners.credentials]
        self._swap(plan, self.bind(plan.config))
        changed = changes(before.config, plan.config)
        renewed = [it.chain for it in self.listeners.credentials] != shown
        if renewed and "certificate" not in changed:
            changed += ("certificate.files",)
        emptied = before.forwarder.cache is not self.core.forwarder.cache
        if emptied and not SOURCES & {*changed}:
            # The configuration says the same, and the file that it names does not.
            changed += ("upstream.ca_file",)
        if plan.book.files != ruled.files and not {"rule", "hosts"} & {*changed}:
            changed += ("rule.files",)
        return Reloaded(changed, changes(plan.config, wanted), emptied)

    def reload_or_complain(self) -> None:
        """Reload, as a signal asks for it: only the log hears what came of it."""
        with suppress(ConfigError):
            self.reload_aloud()

    def reload_aloud(self) -> Reloaded:
        """Reload, and let the log hear what came of it; see `reload`."""
        try:
            outcome = self.reload()
        except ConfigError as fault:
            self.reloads_failed += 1
            self.log.error("not reloaded, all stays as it is: {fault}", fault=fault)
            raise
        self.reloads += 1
        self._say(
            "reloaded, {changed} changed{emptied};"
            " serves {listeners}, asks {upstreams}",
            changed=", ".join(outcome.changed) or "nothing",
            emptied=", the cache begins anew" if outcome.emptied else "",
        )
        if outcome.lasting:
            names = ", ".join(outcome.lasting)
            self.log.warn("{names} takes a restart, and stays till then", names=names)
        return outcome

    def stopService(self) -> Deferred[None]:
        """Take nothing new, answer what was asked, then stop; some 2 s at most."""
        self._stopping = True
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self.listeners.drain()
        self.gateway.drain()
        await self._all_replied(TO_ANSWER)
        for core in (self.core, *self._leaving):
            core.stop()
        await self._all_replied(TO_LEAVE)
        await super().stopService()

    def _all_replied(self, limit: float) -> Deferred[None]:
        return until(lambda: not self.listeners.owe, self._reactor, limit)

    def _swap(self, plan: Plan, sockets: Sockets) -> None:
        ruled = self.rules.book
        self.rules.use(plan.book)
        self._rule_files.follow(ruled)
        before, self.core = self.core, self.core.followed_by(plan)
        self.factory.serve(self.core.resolver, terms_for(plan.config, token_bytes()))
        led_elsewhere = self.rules.leases.use(plan.config.gateway.leased)
        self.serve(plan.config, sockets)
        if led_elsewhere or plan.book is not ruled:
            # What was learned went through other rules, or leads elsewhere.
            self.factory.flush()
        if self.cache_file is not None:
            self.cache_file.keep(self.core.forwarder.cache)
        self._leaving.add(before)
        before.drain().addCallback(lambda _: self._leaving.discard(before))

    def _keep_leases(self, path: str) -> "LeaseFile":
        """Return what keeps leases; it is not imported where there are none."""
        from dotproxy.lease_file import LeaseFile

        return LeaseFile(self.rules.leases, path, self._reactor)

    def _traffic(self, counts: Counts) -> "Traffic":
        """Return what relays clients; it is not imported where there is none."""
        from dotproxy.gateway.create import Surroundings
        from dotproxy.gateway.traffic import Traffic

        def resolve(query: Query) -> bytes | Deferred[bytes]:
            # The core is another one after a reload.
            return self.core.origins.resolve(query)

        others = Surroundings(Redirects(self.rules), resolve, relays_for, counts)
        return Traffic(self.core.config, others, self._reactor)

    def _say(self, sentence: str, **words: str) -> None:
        self.log.info(
            sentence,
            version=__version__,
            listeners=", ".join(self.listeners.addresses),
            upstreams=_asked(self.core.upstreams.upstreams),
            **words,
        )


def _asked(upstreams: Sequence[Server]) -> str:
    """Say who is asked over TLS, and who in clear."""
    ways: dict[str, list[str]] = {}
    for upstream in upstreams:
        way = "in clear" if isinstance(upstream, Cleartext) else "over TLS"
        ways.setdefault(way, []).append(upstream.name)
    return ", and ".join(f"{', '.join(names)} {way}" for way, names in ways.items())
