"""The status of several processes, made one."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints
from unittest import TestCase

from msgspec import Struct
from msgspec.structs import replace

from dotproxy.observe.certificate_status import CertificateStatus
from dotproxy.observe.gateway_status import GatewayStatus
from dotproxy.observe.shared_status import SharedStatus
from dotproxy.observe.status import (
    MOST_SHOWN,
    CacheStatus,
    ClientStatus,
    Counted,
    Status,
    WorkerStatus,
)
from dotproxy.observe.upstream_status import (
    Bucket,
    Closed,
    ConnectionStatus,
    UpstreamStatus,
)
from dotproxy.workers.statuses import WAYS, WHOLE, queries_of, together

UPSTREAM = UpstreamStatus(
    *("a", "default", "up", "", True, 5.0),
    *(3, 2, 1, 0, 1, 0, 0),
    latency=(Bucket(1.0, 2), Bucket(None, 0)),
    opened=1,
    closed={"idle": 1},
    last_closed=Closed("idle", 9.0),
)

ONE = Status(
    dotproxy="1",
    uptime_s=5.0,
    ready=False,
    profile="strict",
    listeners=("127.0.0.1:53",),
    certificates=(),
    clients=ClientStatus(*range(1, 15)),
    replies={"cache": 2},
    cache=CacheStatus(*range(9)),
    upstreams=(UPSTREAM,),
    gateway=None,
    rules=1,
    rules_paused_s=0,
    blocked=0,
    reloads=0,
    reloads_failed=0,
)


class TogetherTests(TestCase):
    def test_sums(self) -> None:
        """Counts are sums, and one that is ready makes all ready."""
        workers = [WorkerStatus(1, 10, True, 1, 6, 0)]
        both = together([ONE, replace(ONE, ready=True, replies={"stale": 1})], workers)
        assert both.clients == ClientStatus(*range(2, 30, 2))
        assert both.cache == CacheStatus(*range(0, 18, 2))
        assert both.replies == {"cache": 2, "stale": 1}
        assert (both.ready, both.rules, both.workers) == (True, 1, tuple(workers))
        assert queries_of(both) == 20

    def test_upstreams(self) -> None:
        """Of an upstream the worst is said, with the counts of all."""
        soon = "2026-01-01"
        down = replace(
            UPSTREAM,
            state="down",
            reason="silent",
            usual_ms=None,
            certificate_expires=soon,
            closed={"idle": 1, "lost": 2},
            last_closed=Closed("lost", 1.0),
        )
        new = replace(UPSTREAM, state="new", usual_ms=None, last_closed=None)
        others = [replace(ONE, upstreams=(each,)) for each in (down, new)]
        (upstream,) = together([ONE, *others], []).upstreams
        assert (upstream.state, upstream.reason) == ("down", "silent")
        assert (upstream.queries, upstream.opened, upstream.usual_ms) == (9, 3, 5.0)
        assert upstream.closed == {"idle": 3, "lost": 2}
        assert upstream.last_closed == Closed("lost", 1.0)
        assert upstream.certificate_expires == soon
        assert upstream.latency == (Bucket(1.0, 6), Bucket(None, 0))

    def test_other_upstreams(self) -> None:
        """Others stand beside, in their order."""
        other = replace(UPSTREAM, name="b", state="new")
        both = together([replace(ONE, upstreams=(UPSTREAM, other))] * 2, [])
        assert [(it.name, it.queries) for it in both.upstreams] == [("a", 6), ("b", 6)]

    def test_connections(self) -> None:
        """Connections stand one behind the other, and warnings once each."""
        connection = ConnectionStatus("ready", "TLS 1.3 X", 1.0, 0, None, 3, None)
        odd = replace(UPSTREAM, connections=(connection,), warnings=("odd",))
        both = together([replace(ONE, upstreams=(odd,))] * 2, [])
        assert both.upstreams[0].connections == (connection, connection)
        assert both.upstreams[0].warnings == ("odd",)

    def test_rules(self) -> None:
        """What rules blocked is a sum; the longest pause is what is left of one."""
        paused = replace(ONE, rules_paused_s=9.5, blocked=4)
        both = together([replace(ONE, blocked=3), paused], [])
        assert (both.blocked, both.rules_paused_s) == (7, 9.5)

    def test_certificates(self) -> None:
        """Of a certificate the end that comes first is said: one worker may have read
        the new one already."""
        old = CertificateStatus("a", "2026-03-01", ("expires 2026-03-01",))
        new, other = CertificateStatus("a", "2026-06-01", ()), replace(old, name="b")
        both = together(
            [
                replace(ONE, certificates=(new,)),
                replace(ONE, certificates=(old, other)),
            ],
            [],
        )
        assert both.certificates == (old, other)

    def test_shared_cache(self) -> None:
        """Of a shared cache the worst state is said, with the counts of all."""
        used = SharedStatus("r", "closed", *range(1, 8))
        left = replace(used, state="open")
        statuses = [replace(ONE, shared_cache=each) for each in (used, None, left)]
        both = together(statuses, [])
        assert both.shared_cache == SharedStatus("r", "open", *range(2, 16, 2))

    def test_gateway(self) -> None:
        """Gateways are added up, where there are any."""
        gateway = GatewayStatus(("127.0.0.1:443",), 1, {"relayed": 2}, 3, 4)
        both = together([replace(ONE, gateway=gateway)] * 2, [])
        assert both.gateway == GatewayStatus(
            ("127.0.0.1:443",), 2, {"relayed": 4}, 6, 8
        )

    def test_tops(self) -> None:
        """Those that come most often are added up, and are no more than before."""
        names = [Counted(str(each), 100 - each) for each in range(MOST_SHOWN)]
        other = (Counted("19", 82), Counted("new", 81))
        statuses = [replace(ONE, top_names=(*names,)), replace(ONE, top_names=other)]
        both = together(statuses, [])
        top = both.top_names
        assert top is not None
        assert (top[0], len(top)) == (Counted("19", 163), MOST_SHOWN)
        assert (top[-1], both.top_clients) == (Counted("18", 82), None)


class DecidedTests(TestCase):
    def test_every_field(self) -> None:
        """Of each field somebody has decided how it is made one."""
        kinds = {*kinds_in(Status)}
        assert {CacheStatus, Bucket, SharedStatus, Counted} <= kinds
        assert kinds == {*WAYS, *WHOLE}
        for kind, ways in WAYS.items():
            assert sorted(ways) == sorted(kind.__struct_fields__), kind


def kinds_in(hint: Any) -> Iterator[type[Struct]]:
    """Return the types of which a type is made, itself as well."""
    for part in get_args(hint):
        yield from kinds_in(part)
    if isinstance(hint, type) and issubclass(hint, Struct):
        yield hint
        for each in get_type_hints(hint).values():
            yield from kinds_in(each)
