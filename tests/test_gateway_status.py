"""What can be seen of the gateway."""

from types import SimpleNamespace
from typing import Any, cast
from unittest import TestCase

from dotproxy.gateway.counts import Counts
from dotproxy.observe.gateway_status import GatewayStatus, gateway_status
from dotproxy.observe.subject import Subject


def subject(gateway: Any) -> Subject:
    return cast(Subject, SimpleNamespace(gateway=gateway))


def a_gateway() -> Any:
    """Return one with clients that are there, and such that are gone."""
    counts = Counts()
    counts.open, counts.up, counts.down = 2, 517, 4000
    counts.hellos, counts.hello_octets, counts.hello_records = 3, 1551, 4
    counts.results["not_in_table"] = 5
    return SimpleNamespace(addresses=["127.0.0.1:443"], counts=counts)


class GatewayTests(TestCase):
    def test_status(self) -> None:
        """Where it listens, who is there, and what became of the others is shown."""
        shown = GatewayStatus(("127.0.0.1:443",), 2, {"not_in_table": 5}, 517, 4000)
        assert gateway_status(subject(a_gateway())) == shown

    def test_none(self) -> None:
        """Where it listens nowhere its status is null."""
        off = a_gateway()
        off.addresses = []
        assert gateway_status(subject(off)) is None
