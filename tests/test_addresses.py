"""Where an upstream is to be found."""

from twisted.trial.unittest import SynchronousTestCase

from dotproxy.upstream.addresses import Addresses


class AddressesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.addresses = Addresses(["192.0.2.1", "192.0.2.2", "2001:db8::1"])

    def order(self) -> list[str]:
        return self.successResultOf(self.addresses.resolve())

    def test_as_given(self) -> None:
        """They are known at once, in the order given."""
        assert self.order() == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]

    def test_worked(self) -> None:
        """The one that was connected last is tried first."""
        self.addresses.worked("2001:db8::1")
        assert self.order() == ["2001:db8::1", "192.0.2.1", "192.0.2.2"]
        self.addresses.worked("192.0.2.2")
        assert self.order() == ["192.0.2.2", "2001:db8::1", "192.0.2.1"]

    def test_failed(self) -> None:
        """One that failed is tried last."""
        self.addresses.failed("192.0.2.1")
        assert self.order() == ["192.0.2.2", "2001:db8::1", "192.0.2.1"]

    def test_all_failed(self) -> None:
        """When all failed, the one that failed first is tried first."""
        for address in ("192.0.2.2", "192.0.2.1", "2001:db8::1"):
            self.addresses.failed(address)
        assert self.order() == ["192.0.2.2", "192.0.2.1", "2001:db8::1"]

    def test_same_again(self) -> None:
        """What is first already stays so when it works, what is last when it fails."""
        self.addresses.worked("192.0.2.1")
        self.addresses.failed("2001:db8::1")
        assert self.order() == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]

    def test_came_back(self) -> None:
        """Nothing is asked to find them, so no question can be our own."""
        assert not Addresses(["192.0.2.1"]).came_back(b"\3dns\7example\0\0\1\0\1")

    def test_own_list(self) -> None:
        """What a caller does with the list it got is its own affair."""
        self.order().clear()
        assert len(self.order()) == 3
