"""The proxy, as those see it who look at it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from typing import Protocol as TypingProtocol

from dotproxy.core import Core
from dotproxy.gateway.counts import Counts
from dotproxy.journal.journal import Journal
from dotproxy.journal.readers import Ranking, Recording
from dotproxy.local.rules import Rules
from dotproxy.pause import Pause
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.listeners import Listeners
from dotproxy.upstream.asked import Server


class Outcome(TypingProtocol):
    """What came of a reload; see `Reloaded`."""

    @property
    def changed(self) -> tuple[str, ...]:
        """The settings that are others now."""

    @property
    def lasting(self) -> tuple[str, ...]:
        """The settings that take a restart."""

    @property
    def emptied(self) -> bool:
        """Whether the cache began anew."""


class Relaying(TypingProtocol):
    """The gateway."""

    @property
    def addresses(self) -> Sequence[str]:
        """Where it listens."""

    @property
    def counts(self) -> Counts:
        """What it counts."""


class Subject(TypingProtocol):
    """All that is looked at.  `core` is another one after a reload."""

    core: Core
    factory: ProxyServerFactory
    listeners: Listeners
    rules: Rules
    journal: Journal
    recording: Recording | None
    """The query log, if there is one."""
    ranking: Ranking | None
    """What counts names and clients, if that is configured."""
    pause: Pause
    started_at: float
    """A time of `uptime`."""
    reloads: int
    reloads_failed: int

    @property
    def gateway(self) -> Relaying:
        """The gateway; where it listens nowhere it is off."""

    def reload_aloud(self) -> Outcome:
        """Reload; raises ConfigError, and then nothing has changed."""


def can_answer(subject: Subject) -> bool:
    """Whether there is reason to hope for answers.

    That is an upstream of the default group that does not fail, or something stale to
    serve.  One that was never asked has not failed.
    """
    core = subject.core
    stale = core.config.cache.serve_stale and len(core.forwarder.cache) > 0
    return stale or any(not each.health.down for each in core.upstreams.first)


class Named(NamedTuple):
    """An upstream server, by a name that no other has, and its group."""

    name: str
    group: str
    server: Server


def servers_of(subject: Subject) -> Iterator[Named]:
    """Return the upstreams of all groups.

    Several may go by one name at other addresses: the second is called `name#2`.
    """
    seen: Counter[str] = Counter()
    for group, strategy in subject.core.upstreams.groups.items():
        for server in strategy.upstreams:
            seen[server.name] += 1
            nth = seen[server.name]
            name = f"{server.name}#{nth}" if nth > 1 else server.name
            yield Named(name, group, server)
