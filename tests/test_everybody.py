"""Networks that are so large that who lets them in lets everybody in."""

from ipaddress import ip_network
from unittest import TestCase

from dotproxy.config.everybody import lets_everybody_in


class EverybodyTests(TestCase):
    def test_pieces(self) -> None:
        """All there is counts as all, however it is cut."""
        eighths = [str(each) for each in ip_network("0.0.0.0/0").subnets(new_prefix=3)]
        for allow in (
            ("0.0.0.0/0",),
            ("::/0",),
            ("2000::/3",),
            ("0.0.0.0/1", "128.0.0.0/1"),
            eighths,
            ("2400::/16", "2a00::/16"),
        ):
            assert lets_everybody_in(allow), allow

    def test_bounds(self) -> None:
        """A /4 of IPv4 and a /16 of IPv6 may be let in, and nothing beyond."""
        for most, one in (("16.0.0.0/4", "8.8.8.8"), ("2a00::/16", "2001:db8::1")):
            assert not lets_everybody_in((most,))
            assert lets_everybody_in((most, one))

    def test_shared(self) -> None:
        """What two networks share counts once."""
        inner = ("16.0.0.0/5", "20.1.2.3", "2a00::/17", "2a00::1")
        assert not lets_everybody_in(("16.0.0.0/4", "2a00::/16", *inner))

    def test_own(self) -> None:
        """Networks that are private let nobody in from elsewhere."""
        private = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")
        assert not lets_everybody_in((*private, "fc00::/7", "fe80::/10", "::1"))
        assert not lets_everybody_in(())
