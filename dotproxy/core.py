"""What is made of one configuration, and goes when another takes its place."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from dotproxy.clock import uptime
from dotproxy.config.caching import Caching
from dotproxy.config.model import Config, Upstream
from dotproxy.config.upstream import DEFAULT_GROUP
from dotproxy.forwarder import Forwarder
from dotproxy.local.book import Book
from dotproxy.local.cache import Cache
from dotproxy.local.failures import Failures
from dotproxy.local.memory import Memory
from dotproxy.local.rules import Rules
from dotproxy.local.seal import Seal
from dotproxy.loops import refuse_loops
from dotproxy.resolver import DoTResolver, Known, create_forwarder, read_book
from dotproxy.shared import Shared
from dotproxy.sharing import Sharing, sharing_of
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.routes import Routes
from dotproxy.upstream.strategy import Strategy
from dotproxy.upstream.tls import Trust
from dotproxy.upstreams import groups, trusts_of
from dotproxy.wire.query import Query

Sources = frozenset[tuple[Upstream, Trust]]
"""Where answers come from, and what those showed who gave them."""


ORIGINS = Caching(size=2**20)
"""What is remembered of origins' addresses, apart from what clients are told: some
thousand names."""


class Plan(NamedTuple):
    """All that may fail about a core, done before anything changes."""

    config: Config
    groups: Mapping[str, Strategy]
    sources: Sources
    book: Book
    sharing: Sharing | None = None


def plan_for(
    config: Config,
    before: Book | None,
    reactor: Any,
    lab: Callable[[Config], Strategy] | None = None,
) -> Plan:
    """Make the configured upstreams, and read the rules; `before` are those in force.

    ConfigError if a file is no good, or if an upstream would be us.  What `lab` makes
    takes the place of the default group.  Upstreams are made anew, even if they are
    configured as before: no connection, TLS context or address outlives what made it
    trusted.
    """
    refuse_loops(config)
    trusts = trusts_of(config)
    sources = frozenset(zip(config.upstream, trusts, strict=True))
    made = groups(config, reactor, trusts)
    if lab is not None:
        made.pop(DEFAULT_GROUP, None)
        made = {DEFAULT_GROUP: lab(config), **made}
    sharing = sharing_of(config, trusts, reactor)
    return Plan(config, made, sources, read_book(config, before), sharing)


class Core:
    """The way of a query behind the listeners, as one configuration has it."""

    def __init__(
        self, plan: Plan, rules: Rules, reactor: Any, cache: Cache | None = None
    ) -> None:
        self.config, groups, self._sources, _, sharing = plan
        self.upstreams = Routes(groups, DEFAULT_GROUP, rules.route)
        self.shared = sharing and self._share(sharing, rules)
        self._rules = rules
        self._reactor = reactor
        if cache is None:
            cache = Cache(self.config.cache, uptime)
        known = Known(rules, cache)
        upstream = self.shared or self.upstreams
        self.forwarder = create_forwarder(self.config, upstream, reactor, known)
        self.resolver = DoTResolver(
            self.forwarder, reactor, self.config.forward.timeout
        )
        memory = Memory(Cache(ORIGINS, uptime), Failures(uptime))
        self.origins = Forwarder([], memory, self.upstreams, reactor)
        """Says where origins are.  It knows no rules but those that name a group, so
        whoever asks it is not led to the gateway."""
        self._draining: Deferred[None] | None = None

    def followed_by(self, plan: Plan) -> "Core":
        """Return the core that takes this one's place, with the same cache or another.

        It is the same where answers come from the same upstreams, which still have to
        show the same, and the same shared cache, if there was one.  Others may know
        other names; and what was believed of one that is trusted no more must not be
        told on.
        """
        self._remind(plan.groups)
        if plan.sources != self._sources or not self._shares_with(plan.config):
            return Core(plan, self._rules, self._reactor)
        cache = self.forwarder.cache
        cache.configure(plan.config.cache)
        core = Core(plan, self._rules, self._reactor, cache)
        if self.shared and core.shared:
            core.shared.seal.since = self.shared.seal.since
        return core

    def _remind(self, groups: Mapping[str, Strategy]) -> None:
        """Let upstreams know which keys those before them showed, by their names."""
        before = dict(_over_tls(self.upstreams.groups))
        for name, server in _over_tls(groups):
            if name in before:
                server.pool.warnings.follow(before[name].pool.warnings)

    def drain(self) -> Deferred[None]:
        """Answer what was asked, then hang up; fires when that is done, or stopped.

        It takes until the last deadline, and a moment for the goodbye.
        """
        if self.shared:
            # Who waits for it goes on to the upstreams, which must not be gone then.
            self.shared.store.stop()
        self._draining = self.upstreams.drain()
        return self._draining.addErrback(_let_be).addCallback(self._end)

    def stop(self) -> None:
        """Hang up at once; who waits hears of it."""
        if self._draining is not None:
            self._draining.cancel()
        self.upstreams.stop()
        self._end()

    def _end(self, _: None = None) -> None:
        self.forwarder.stop()
        self.origins.stop()
        if self.shared:
            self.shared.store.stop()

    def _share(self, sharing: Sharing, rules: Rules) -> Shared:
        """Stand before the upstreams, and behind the rules: see `Shared`."""
        seal = Seal(sharing.secret, self.config.cache, time.time)

        def origin(query: Query) -> bytes | None:
            return sharing.origins.get(rules.route(query) or DEFAULT_GROUP)

        return Shared(self.upstreams, sharing.store, seal, origin)

    def _shares_with(self, config: Config) -> bool:
        """Whether all that was believed of a shared cache still is."""
        before, after = self.config.cache.shared, config.cache.shared
        same = (before.url, before.secret_file) == (after.url, after.secret_file)
        return same or not before.url


def _over_tls(groups: Mapping[str, Strategy]) -> Iterator[tuple[object, DoT]]:
    """Return the servers that prove who they are; of one name there may be several."""
    seen: Counter[str] = Counter()
    for group, strategy in groups.items():
        for server in strategy.upstreams:
            seen[server.name] += 1
            if isinstance(server, DoT):
                yield (group, server.name, seen[server.name]), server


def _let_be(failure: Failure) -> None:
    failure.trap(CancelledError)
