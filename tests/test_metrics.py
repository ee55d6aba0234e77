"""What is counted, for Prometheus."""

from math import inf
from typing import cast

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from dotproxy.config.access import Access, RateLimit
from dotproxy.config.gateway import Gateway
from dotproxy.config.rule import Rule
from dotproxy.journal.note import TCP
from dotproxy.local.ready import Ready
from dotproxy.observe.metrics import exposition
from dotproxy.upstream.connection import Ending
from dotproxy.upstream.dot import DoT
from dotproxy.upstream.warnings import Kind
from tests.fakes import FakeServer
from tests.observed import Observed


class MetricsTests(TestCase):
    timeout = 20

    def samples(self, observed: Observed) -> list[Sample]:
        text = exposition(observed.proxy).decode()
        families = text_string_to_metric_families(text)
        return [sample for family in families for sample in family.samples]

    def values(self, observed: Observed, name: str) -> dict[tuple[str, ...], float]:
        """Return what a metric says, by the values of its labels but the upstream."""
        return {
            tuple(v for k, v in sorted(it.labels.items()) if k not in LABELS): it.value
            for it in self.samples(observed)
            if it.name == name
        }

    async def test_clients(self) -> None:
        """Queries count once, however they are answered; so do their replies."""
        observed = Observed(self, rule=(Rule("block", names=("blocked.example",)),))
        for name in ("www.lab.example", "WWW.lab.example", "nowhere.lab.example"):
            await observed.ask(name)
        await observed.ask("blocked.example", "TYPE4711")
        queries = self.values(observed, "dotproxy_queries_total")
        assert queries == {("udp",): 4, ("tcp",): 0, ("dot",): 0, ("doh",): 0}
        types = self.values(observed, "dotproxy_query_types_total")
        assert types == {("udp", "A"): 3, ("udp", "other"): 1}
        counts = self.values(observed, "dotproxy_query_duration_seconds_count")
        assert counts == {("at_once",): 2, ("later",): 2}
        lowest = self.values(observed, "dotproxy_query_duration_seconds_bucket")
        assert lowest[("at_once", "0.00025")] == 2
        sums = self.values(observed, "dotproxy_query_duration_seconds_sum")
        assert sums[("at_once",)] == 0 < sums[("later",)]
        replies = self.values(observed, "dotproxy_responses_total")
        assert sum(replies.values()) == 4
        assert replies[("NOERROR", "upstream")] == 1
        assert replies[("NXDOMAIN", "upstream")] == 1
        assert replies[("NXDOMAIN", "local")] == 1
        again = replies[("NOERROR", "cache")] + replies[("NOERROR", "ready")]
        assert again == 1
        assert self.values(observed, "dotproxy_rules") == {(): 1}
        matched = self.values(observed, "dotproxy_rules_matched_total")
        others = ("answer", "forward", "allow", "redirect")
        assert matched == {("block",): 1, **{(each,): 0 for each in others}}
        assert self.values(observed, "dotproxy_rules_paused") == {(): 0}
        observed.proxy.pause.hold(60)
        assert self.values(observed, "dotproxy_rules_paused") == {(): 1}

    async def test_streams(self) -> None:
        """What comes over TCP counts as that, ready or not; what is malformed, too."""
        observed = Observed(self)
        respond = observed.proxy.factory.respond
        assert respond(b"\0\1\0\0\0\0", TCP) is None
        assert respond(bytes(13), TCP) is not None
        queries = self.values(observed, "dotproxy_queries_total")
        assert queries == {("udp",): 0, ("tcp",): 2, ("dot",): 0, ("doh",): 0}
        rejected = self.values(observed, "dotproxy_rejected_total")
        assert rejected[("malformed",)] == 2

    async def test_turned_away(self) -> None:
        """Who may not ask, or not so often, counts by the reason."""
        once = RateLimit(1, burst=1, slip=1)
        observed = Observed(self, rate_limit=once)
        await observed.ask()
        await observed.ask()
        denying = Observed(self, access=Access(("192.0.2.0/24",)))
        await denying.ask()
        rejected = self.values(observed, "dotproxy_rejected_total")
        assert (rejected[("denied",)], rejected[("limited",)]) == (0, 1)
        rejected = self.values(denying, "dotproxy_rejected_total")
        assert (rejected[("denied",)], rejected[("limited",)]) == (1, 0)

    async def test_upstream(self) -> None:
        """An upstream's answers are in a histogram, and its connections are counted."""
        observed = Observed(self)
        await observed.ask()
        buckets = self.values(observed, f"{UPSTREAM}request_duration_seconds_bucket")
        assert buckets[("+Inf",)] == 1
        assert [*buckets.values()] == sorted(buckets.values())
        assert self.values(observed, f"{UPSTREAM}connections") == {(): 1}
        assert self.values(observed, f"{UPSTREAM}queries_total") == {(): 1}
        assert self.values(observed, f"{UPSTREAM}queries_in_clear_total") == {(): 0}
        assert self.values(observed, "dotproxy_hedges_total") == {(): 0}
        handshakes = self.values(observed, f"{UPSTREAM}handshakes_total")
        assert handshakes == {("verified",): 1, ("refused",): 0, ("unreached",): 0}
        (end,) = self.values(observed, EXPIRY).values()
        server = cast(DoT, observed.proxy.core.upstreams.upstreams[0])
        assert server.pool.warnings.proof
        assert end == server.pool.warnings.proof.expires
        matches = self.values(observed, f"{UPSTREAM}pin_matches_total")
        assert matches == {("primary",): 0, ("backup",): 0, ("none",): 0}
        warnings = self.values(observed, f"{UPSTREAM}warning")
        assert warnings == {(kind.value,): 0 for kind in Kind}
        server.pool.stop()
        while server.pool.connections:
            await deferred_turn()
        closed = self.values(observed, f"{UPSTREAM}connections_closed_total")
        assert closed == {(it.value,): it is Ending.STOPPED for it in Ending}

    async def test_gateway(self) -> None:
        """Who leaves the gateway is counted by what became of them."""
        gateway = Gateway(("127.0.0.1:0",), addresses=("127.0.0.1",))
        observed = Observed(self, gateway=gateway)
        relaying = observed.proxy.gateway
        assert relaying is not None
        host, _, port = relaying.addresses[0].rpartition(":")
        endpoint = TCP4ClientEndpoint(reactor, host, int(port))
        client = await endpoint.connect(Factory.forProtocol(Protocol))
        client.transport.loseConnection()
        while relaying.counts.open or not relaying.counts.results:
            await deferred_turn()
        gone = self.values(observed, "dotproxy_gateway_connections_total")
        assert gone == {("done",): 0, ("client_gone",): 1}

    async def test_same_name(self) -> None:
        """Two servers of one name have labels of their own, else nothing is taken."""
        observed = Observed(self)
        group = observed.proxy.core.upstreams.groups["default"]
        twin = FakeServer(group.upstreams[0].name, reactor)
        group.upstreams = [*group.upstreams, twin]
        names = [
            it.labels["upstream"]
            for it in self.samples(observed)
            if it.name == f"{UPSTREAM}up"
        ]
        assert names == ["dns.lab.example", "dns.lab.example#2"]

    async def test_reload(self) -> None:
        """A reload is counted, and what is in front of the upstreams counts on."""
        observed = Observed(self)
        await observed.ask()
        observed.proxy.reload_or_complain()
        assert self.values(observed, "dotproxy_reloads_total")[("done",)] == 1
        assert self.values(observed, "dotproxy_queries_total")[("udp",)] == 1

    def test_unbounded(self) -> None:
        """No histogram ends before infinity."""
        observed = Observed(self)
        bounds = {
            float(it.labels["le"])
            for it in self.samples(observed)
            if it.name.endswith("_bucket")
        }
        assert max(bounds) == inf
        assert isinstance(observed.proxy.factory.ready[TCP], Ready)


LABELS = ("upstream", "group")

UPSTREAM = "dotproxy_upstream_"

EXPIRY = f"{UPSTREAM}certificate_expiry_timestamp_seconds"


async def deferred_turn() -> None:
    """Let the reactor go round."""
    from twisted.internet.task import deferLater

    await deferLater(reactor, 0.005)
