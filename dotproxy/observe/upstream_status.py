"""How each upstream fares at this moment, as types; see `status.py`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import zip_longest

from msgspec import Struct

from dotproxy.observe.subject import Named
from dotproxy.upstream.asked import Server
from dotproxy.upstream.connection import Connection
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.durations import Durations


class ConnectionStatus(Struct, frozen=True):
    """One connection to an upstream; times in seconds."""

    state: str
    tls: str
    """The version of TLS and the cipher suite."""
    age_s: float
    in_flight: int
    oldest_unanswered_s: float | None
    answers: int
    keepalive_s: float | None


class Bucket(Struct, frozen=True):
    """How many answers took so long, and longer than the bucket before says."""

    up_to_ms: float | None
    """None is no limit."""
    count: int


class Closed(Struct, frozen=True):
    """Why a connection ended, and how long ago."""

    reason: str
    ago_s: float


class UpstreamStatus(Struct, frozen=True):
    """One upstream server."""

    name: str
    group: str
    state: str
    """`up`, `down`, or `new` before it was first heard of."""
    reason: str
    """Why it is down."""
    encrypted: bool
    usual_ms: float | None
    queries: int
    answers: int
    timed_out: int
    replayed: int
    in_flight: int
    waiting: int
    queries_in_clear: int
    latency: tuple[Bucket, ...] = ()
    certificate_expires: str | None = None
    """The day, as `2026-12-31`, on which the first certificate of its chain ends."""
    warnings: tuple[str, ...] = ()
    """What is odd about a server that is believed."""
    opened: int = 0
    closed: dict[str, int] = {}
    last_closed: Closed | None = None
    connections: tuple[ConnectionStatus, ...] = ()


def status_of_upstream(named: Named, now: float) -> UpstreamStatus:
    """Look at an upstream; `now` is in seconds since 1970."""
    name, group, server = named
    health = server.health
    return UpstreamStatus(
        name=name,
        group=group,
        state=state_of(server),
        reason=health.reason if health.down else "",
        encrypted=isinstance(server, DoT),
        usual_ms=None if health.usual is None else health.usual * 1000,
        queries=server.queries,
        answers=len(health.durations),
        timed_out=server.timed_out,
        in_flight=server.in_flight,
        waiting=server.waiting,
        queries_in_clear=server.queries_in_clear,
        latency=tuple(_buckets(health.durations)),
        **(_over_tls(server, now) if isinstance(server, DoT) else {"replayed": 0}),
    )


def _buckets(durations: Durations) -> Iterator[Bucket]:
    for bound, count in zip_longest(durations.bounds, durations.counts):
        yield Bucket(bound and bound * 1000, count)


def state_of(server: Server) -> str:
    """Say in a word how a server fares."""
    if server.health.down:
        return "down"
    return "new" if server.health.usual is None else "up"


def iso_date(seconds: float) -> str:
    """Spell a day in UTC: `2026-12-31`."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _over_tls(server: DoT, today: float) -> dict[str, object]:
    pool, now = server.pool, server.now
    proof, last = pool.warnings.proof, pool.last_closed
    return {
        "replayed": server.replayed,
        "certificate_expires": proof and iso_date(proof.expires),
        "warnings": tuple(pool.warnings.at(today).values()),
        "opened": pool.opened,
        "closed": {ending.value: count for ending, count in pool.closed.items()},
        "last_closed": last and Closed(last[0].value, now - last[1]),
        "connections": tuple(_connection(each, now) for each in pool.connections),
    }


def _connection(connection: Connection, now: float) -> ConnectionStatus:
    oldest, tls = connection.pending.oldest, connection.transport.getHandle()
    version = tls.get_protocol_version_name()
    return ConnectionStatus(
        state=connection.state.value,
        tls=f"{version.replace('TLSv', 'TLS ')} {tls.get_cipher_name()}",
        age_s=now - connection.since,
        in_flight=len(connection.pending),
        oldest_unanswered_s=None if oldest is None else now - oldest,
        answers=connection.answers,
        keepalive_s=connection.keepalive,
    )
