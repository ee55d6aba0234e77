"""The addresses of a host, as the system finds them."""

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IHostnameResolver,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from dotproxy.cli.host import look_up


@implementer(IHostnameResolver)
class Resolver:
    """Know some hosts."""

    hosts = {  # noqa: RUF012
        "dns.example": (
            IPv6Address("TCP", "2001:db8::1", 0),
            IPv4Address("TCP", "192.0.2.1", 0),
            IPv6Address("TCP", "2001:db8::1", 0),
        )
    }

    def resolveHostName(
        self, receiver: IResolutionReceiver, name: str, *_: Any, **__: Any
    ) -> Any:
        receiver.resolutionBegan(Any)
        for address in self.hosts.get(name, ()):
            receiver.addressResolved(address)
        receiver.resolutionComplete()


@implementer(IReactorPluggableNameResolver)
class Reactor:
    nameResolver = Resolver()


class LookupTests(SynchronousTestCase):
    def test_addresses(self) -> None:
        """Each address is there once, in the order in which it was found."""
        found = self.successResultOf(look_up("dns.example", Reactor()))
        assert found == ["2001:db8::1", "192.0.2.1"]

    def test_none(self) -> None:
        """A host that is not known has none."""
        assert self.successResultOf(look_up("nowhere.example", Reactor())) == []
