"""The status of several processes, made one."""

from unittest import TestCase

from msgspec.structs import replace

from dotproxy.observe.status import (
    CacheStatus,
    ClientStatus,
    Status,
    WorkerStatus,
)
from dotproxy.observe.upstream_status import Bucket, Closed, UpstreamStatus
from dotproxy.workers.statuses import queries_of, together

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
    clients=ClientStatus(*range(1, 13)),
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
        assert both.clients == ClientStatus(*range(2, 26, 2))
        assert both.cache == CacheStatus(*range(0, 18, 2))
        assert both.replies == {"cache": 2, "stale": 1}
        assert (both.ready, both.rules, both.workers) == (True, 1, tuple(workers))
        assert queries_of(both) == 12

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
