"""The short form of an upstream."""

from ipaddress import IPv4Address, IPv6Address
from unittest import TestCase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dotproxy.config.model import ConfigError, Upstream
from dotproxy.config.presets import PRESETS
from dotproxy.config.upstream_spec import parse_upstream
from tests.messages import quick

addresses = st.ip_addresses(v=4) | st.ip_addresses(v=6)
names = st.sampled_from(["", "dns.example", "xn--p1ai", "localhost"])
texts = st.text("tls:/#[].019afz-", max_size=24)


class ParseTests(TestCase):
    def test_forms(self) -> None:
        """Scheme, port and name may be left away, each of them."""
        full = Upstream(("1.1.1.1",), 853, "cloudflare-dns.com")
        six = Upstream(("2606::1",), 8853, "dns.example")
        for spec, upstream in (
            ("tls://1.1.1.1:853#cloudflare-dns.com", full),
            ("tls://1.1.1.1#cloudflare-dns.com", full),
            ("1.1.1.1#cloudflare-dns.com", full),
            ("1.1.1.1", Upstream(("1.1.1.1",))),
            ("1.1.1.1:8853", Upstream(("1.1.1.1",), 8853)),
            ("[2606::1]:8853#dns.example", six),
            ("tls://[2606::1]", Upstream(("2606::1",))),
            ("2606::1", Upstream(("2606::1",))),
        ):
            with self.subTest(spec=spec):
                self.assertEqual(parse_upstream(spec), upstream)

    def test_presets(self) -> None:
        """The name of a preset is the preset."""
        for name, upstream in PRESETS.items():
            self.assertEqual(parse_upstream(name), upstream)

    def test_faults(self) -> None:
        """A fault tells what to write instead."""
        address = (
            "must be an IP address such as 192.0.2.1 or 2001:db8::1,"
            " not a name, and without a zone"
        )
        lookup = "or give server_name and bootstrap in a file"
        scheme = "must begin with tls://, or with no scheme"
        clear = "asks in clear: only a file can allow that, with cleartext = true"
        name = (
            "must be a host name such as dns.example.net: letters, digits, hyphens"
            " and dots, at most 253 (other scripts in their xn-- form)"
        )
        for spec, rule in (
            ("https://1.1.1.1/dns-query", scheme),
            ("TLS://1.1.1.1", scheme),
            ("tls://tls://1.1.1.1", scheme),
            ("udp://10.0.0.1", clear),
            ("tcp://10.0.0.1:53", clear),
            ("1.1.1.1#", "must have a host name after its #"),
            ("", address),
            ("tls://", address),
            ("1.1.1.1/", address),
            ("1.1.1.1@853", address),
            ("1.1.1.300", address),
            ("tls://[dns.example]", address),
            (
                "tls://dns.example:853",
                f"has no address: write tls://ADDRESS#dns.example, {lookup}",
            ),
            (
                "dns.google",
                f"has no address: write tls://ADDRESS#dns.google, {lookup};"
                " did you mean the preset google?",
            ),
            (
                "cloudfare",
                f"has no address: write tls://ADDRESS#cloudfare, {lookup};"
                " did you mean the preset cloudflare?",
            ),
            ("1.1.1.1:65536", "must have a port of at most 65535"),
            (
                "1.1.1.1:0",
                "has port = 0, which must be a whole number from 1 to 65535",
            ),
            (
                "1.1.1.1:53",
                "has port = 53, which is for plain DNS, TLS must not be spoken there"
                " (RFC 7858 section 3.1): take 853",
            ),
            ("1.1.1.1#a#b", f"has server_name = 'a#b', which {name}"),
            (
                "1.1.1.1#1.1.1.1",
                "has server_name = '1.1.1.1', which is an address: leave it away,"
                " an address needs no name to be verified",
            ),
        ):
            with self.subTest(spec=spec), pytest.raises(ConfigError) as caught:
                parse_upstream(spec)
            self.assertEqual(str(caught.value), f"{spec!r} {rule}")

    @quick
    @given(addresses, st.integers(1, 65535).filter(lambda port: port != 53), names)
    def test_round_trip(
        self, address: IPv4Address | IPv6Address, port: int, name: str
    ) -> None:
        """The text form of an upstream reads as the same upstream."""
        upstream = Upstream((str(address),), port, name)
        self.assertEqual(parse_upstream(str(upstream)), upstream)

    @quick
    @given(texts)
    @example("tls://[::]:1#a")
    def test_any_text(self, text: str) -> None:
        """Any text is an upstream, whose text form is it again, or a ConfigError."""
        try:
            upstream = parse_upstream(text)
        except ConfigError:
            return
        self.assertEqual(parse_upstream(str(upstream)), upstream)
