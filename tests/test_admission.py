"""Who is let in."""

from unittest import TestCase

from dotproxy.gateway.admission import (
    MOST_REMEMBERED,
    Admission,
    client_of,
    shortened,
)
from dotproxy.gateway.limits import GatewayLimits

ONE, TWO = "192.0.2.1", "192.0.2.2"


class AdmissionTests(TestCase):
    def admission(self, **limits: float) -> Admission:
        return Admission(GatewayLimits(**limits), lambda host: host != "10.0.0.1")

    def test_denied(self) -> None:
        """Who is not allowed is not let in, and takes no room."""
        admission = self.admission()
        assert admission.admit("10.0.0.1", 0) == "denied"
        assert admission.in_all == 0

    def test_other_limits(self) -> None:
        """Other limits hold for who comes from then on; who is in already counts."""
        admission = self.admission(per_client=9)
        for host in (ONE, "192.0.2.9"):
            assert admission.admit(host, 0) == ""
        admission.use(GatewayLimits(per_client=1), lambda host: host != "192.0.2.9")
        words = [admission.admit(host, 0) for host in (ONE, TWO, "192.0.2.9")]
        assert words == ["too_many", "", "denied"]
        admission.leave("192.0.2.9")
        assert admission.in_all == 2

    def test_per_client(self) -> None:
        """A client has so many connections, and others their own."""
        admission = self.admission(per_client=2)
        words = [admission.admit(ONE, 0) for _ in range(3)]
        assert words == ["", "", "too_many"]
        assert admission.admit(TWO, 0) == ""
        admission.leave(ONE)
        assert admission.admit(ONE, 0) == ""

    def test_in_all(self) -> None:
        """All together have so many."""
        admission = self.admission(in_all=2)
        words = [admission.admit(f"192.0.2.{n}", 0) for n in range(3)]
        assert words == ["", "", "full"]
        admission.leave("192.0.2.1")
        assert admission.admit("192.0.2.9", 0) == ""

    def test_per_second(self) -> None:
        """New ones come at a rate: twice as many at once, then one by one."""
        admission = self.admission(new_per_second=2)
        assert [admission.admit(ONE, 0) for _ in range(5)] == [""] * 4 + ["too_fast"]
        assert [admission.admit(ONE, 0.5) for _ in range(2)] == ["", "too_fast"]
        assert [admission.admit(ONE, 99) for _ in range(5)] == [""] * 4 + ["too_fast"]
        assert admission.admit(TWO, 0) == ""

    def test_memory(self) -> None:
        """However many come, so many are remembered: the last ones."""
        admission = self.admission(new_per_second=0.5, in_all=10**6)
        hosts = [f"10.{n >> 8}.{n & 255}.9" for n in range(MOST_REMEMBERED + 5)]
        for host in hosts:
            assert admission.admit(host, 0) == ""
        assert admission.admit(hosts[-1], 0) == "too_fast"
        assert admission.admit(hosts[0], 0) == ""

    def test_families(self) -> None:
        """With IPv6 a client is a /64; IPv4 inside IPv6 is IPv4."""
        assert client_of("2001:db8::1") == client_of("2001:db8::ffff:1") == "2001:db8::"
        assert client_of("2001:db8:0:1::1") == "2001:db8:0:1::"
        assert client_of("::ffff:192.0.2.1") == ONE
        assert client_of("fe80::1%eth0") == "fe80::"

    def test_shortened(self) -> None:
        """In the log an address is half of one."""
        assert shortened("192.0.2.77") == "192.0.2.0"
        assert shortened("2001:db8:1:2::3") == "2001:db8:1::"
