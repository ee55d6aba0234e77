"""How the proxy fares at this moment, as types."""

from twisted.trial.unittest import TestCase

from dotproxy.observe.status import status_of
from tests.observed import Observed


class StatusTests(TestCase):
    timeout = 20

    async def test_latency(self) -> None:
        """Each answer is in one bucket; the last of these has no limit."""
        observed = Observed(self)
        await observed.ask()
        await observed.ask("mail.lab.example")
        (upstream,) = status_of(observed.proxy).upstreams
        assert sum(bucket.count for bucket in upstream.latency) == 2
        assert upstream.latency[1].up_to_ms == 2.5
        assert upstream.latency[-1].up_to_ms is None

    async def test_tls(self) -> None:
        """A connection says by which TLS it is encrypted."""
        observed = Observed(self)
        await observed.ask()
        (upstream,) = status_of(observed.proxy).upstreams
        (connection,) = upstream.connections
        assert connection.tls.startswith("TLS 1.3 TLS_")
