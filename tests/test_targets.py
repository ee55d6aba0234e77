"""Where nobody is led to."""

from ipaddress import ip_address, ip_network
from unittest import TestCase

from dotproxy.gateway.targets import Targets, is_of_this_machine, is_public
from dotproxy.local.networks import Networks

PUBLIC = ("9.9.9.9", "1.1.1.1", "2620:fe::fe", "64:ff9b::909:909")

NOT_PUBLIC = (
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254"),
    *("172.16.0.1", "192.168.1.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("192.0.2.1", "198.18.0.1", "192.88.99.1"),
    *("192.0.0.192", "168.63.129.16", "64:ff9b::a83f:8110"),
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:9.9.9.9", "::7f00:1", "64:ff9b::7f00:1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1"),
)


class PublicTests(TestCase):
    def test_public(self) -> None:
        """What is one host's on the Internet is public, behind NAT64 too."""
        for text in PUBLIC:
            assert is_public(ip_address(text)), text

    def test_not_public(self) -> None:
        """What is not is none, however it is dressed up."""
        for text in NOT_PUBLIC:
            assert not is_public(ip_address(text)), text


class TargetsTests(TestCase):
    def setUp(self) -> None:
        self.local = {"203.0.113.1", "127.0.0.1", "1.0.0.1"}
        listening = [("192.0.2.1", 443), ("0.0.0.0", 8443)]
        own = Networks(list(map(ip_network, ("1.0.0.9", "127.64.0.0/16"))))
        self.targets = Targets(listening, own, self.local.__contains__)

    def test_others(self) -> None:
        """A public address of another's is fine."""
        assert self.targets.refusal("9.9.9.9", 443, private=False) == ""

    def test_private(self) -> None:
        """One that is not public is refused, unless that is allowed."""
        assert self.targets.refusal("10.0.0.1", 443, False) == "is not public"
        assert self.targets.refusal("10.0.0.1", 443, True) == ""

    def test_this_machine(self) -> None:
        """So is a public one of this machine, on any port."""
        assert self.targets.refusal("1.0.0.1", 443, False) == "is this machine"
        assert self.targets.refusal("1.0.0.1", 443, True) == ""

    def test_relay(self) -> None:
        """The relay itself is refused, whatever is allowed."""
        for private in (False, True):
            for place in (("192.0.2.1", 443), ("1.0.0.1", 8443), ("127.0.0.1", 8443)):
                refusal = self.targets.refusal(*place, private)
                assert refusal == "is the relay itself", place

    def test_relay_dressed_up(self) -> None:
        """So is an IPv6 address that leads to where the relay listens over IPv4."""
        for private in (False, True):
            for place in (
                *(("::ffff:192.0.2.1", 443), ("64:ff9b::c000:201", 443)),
                *(("::ffff:7f00:1", 8443), ("64:ff9b::100:9", 443)),
            ):
                refusal = self.targets.refusal(*place, private)
                assert refusal == "is the relay itself", place
        refusal = self.targets.refusal("64:ff9b::cb00:7101", 443, private=True)
        assert refusal == "", "another server of this machine's"

    def test_nobody(self) -> None:
        """So is an address of nobody, by which the system means this machine."""
        for address in ("0.0.0.0", "::", "::ffff:0:0"):
            refusal = self.targets.refusal(address, 443, True)
            assert refusal == "is the relay itself", address
            assert self.targets.refusal(address, 444, True) == "", address

    def test_this_machine_behind_nat64(self) -> None:
        """A public address of this machine is one behind NAT64, too."""
        refusal = self.targets.refusal("64:ff9b::100:1", 443, private=False)
        assert refusal == "is this machine"

    def test_own(self) -> None:
        """So are addresses that lead to it from elsewhere."""
        for address in ("1.0.0.9", "127.64.3.4"):
            refusal = self.targets.refusal(address, 443, True)
            assert refusal == "is the relay itself", address

    def test_another_on_this_machine(self) -> None:
        """Where all is allowed, another server on this machine is too."""
        assert self.targets.refusal("127.0.0.1", 443, True) == ""


class ThisMachineTests(TestCase):
    def test_system(self) -> None:
        """The system knows its addresses."""
        assert is_of_this_machine("127.0.0.1")
        for address in ("127.3.4.5", "0.0.0.0", "::1", "::"):
            assert is_of_this_machine(address), address
        for other in ("192.0.2.1", "2001:db8::1"):
            assert not is_of_this_machine(other), other
