"""The header that tells a backend who the client is."""

from unittest import TestCase

from dotproxy.wire.proxy_header import write_proxy_header


class HeaderTests(TestCase):
    def test_ipv4(self) -> None:
        """It is what the specification says, octet by octet."""
        header = write_proxy_header(
            ("198.51.100.7", 50_000), ("192.0.2.1", 443), "a.example", ()
        )
        assert header == bytes.fromhex(
            "0d0a0d0a000d0a515549540a 21 11 0018"
            "c6336407 c0000201 c350 01bb"
            "02 0009 612e6578616d706c65"
        )

    def test_ipv6(self) -> None:
        """Addresses of IPv6 are longer; a zone is left away."""
        header = write_proxy_header(("fe80::1%eth0", 1), ("2001:db8::2", 2), "", ())
        assert header[12:16] == b"\x21\x21\0\x24"
        assert header[16:] == bytes.fromhex(
            "fe80000000000000 0000000000000001"
            "20010db800000000 0000000000000002 0001 0002"
        )

    def test_protocol(self) -> None:
        """The protocol is told if there is but one."""
        ends = ("192.0.2.7", 1), ("192.0.2.1", 2)
        assert write_proxy_header(*ends, "", (b"h2",))[28:] == b"\1\0\2h2"
        assert write_proxy_header(*ends, "", (b"h2", b"http/1.1"))[28:] == b""
