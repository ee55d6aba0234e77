"""A server that is asked."""

from typing import Any
from unittest import TestCase

import pytest
from msgspec.structs import replace

from dotproxy.config.setting import ConfigError
from dotproxy.config.upstream import Upstream

FAR = Upstream(("192.0.2.1",))
PIN = "A" * 43 + "="


def fault(make: Any, *arguments: Any, **settings: Any) -> ConfigError:
    """Return the error of making something."""
    with pytest.raises(ConfigError) as caught:
        make(*arguments, **settings)
    return caught.value


class UpstreamTests(TestCase):
    def test_defaults(self) -> None:
        """An address is enough."""
        self.assertEqual(
            FAR, Upstream(("192.0.2.1",), 853, "", (), "", (), "default", False, 1024)
        )

    def test_spellings(self) -> None:
        """Addresses, pins and resolvers are kept in their usual spelling."""
        upstream = Upstream(("2001:DB8::0",), spki_pins=("sha256//" + PIN,))
        self.assertEqual(upstream.addresses, ("2001:db8::",))
        self.assertEqual(upstream.spki_pins, (PIN,))

    def test_resolvers(self) -> None:
        """Resolvers are asked at port 53, unless theirs is another."""
        texts = ("9.9.9.9", "[2620:FE::9]:9953")
        upstream = Upstream((), server_name="dns.example", bootstrap=texts)
        self.assertEqual(upstream.bootstrap, ("9.9.9.9:53", "[2620:fe::9]:9953"))
        self.assertEqual(upstream.resolvers, (("9.9.9.9", 53), ("2620:fe::9", 9953)))

    def test_text(self) -> None:
        """The short form shows where queries go and whose name is verified."""
        named = Upstream(("2001:db8::1", "192.0.2.1"), 8853, "dns.example")
        looked_up = Upstream((), server_name="dns.example", bootstrap=("9.9.9.9",))
        self.assertEqual(str(FAR), "tls://192.0.2.1:853")
        self.assertEqual(str(named), "tls://[2001:db8::1]:8853#dns.example")
        self.assertEqual(str(looked_up), "tls://dns.example:853")

    def test_report_only(self) -> None:
        """Pins are reported only where there are some, and a name decides."""
        trying = {"spki_pins": (PIN,), "pins_report_only": True}
        assert Upstream(("192.0.2.1",), server_name="a.b", **trying).pins_report_only
        alone = fault(Upstream, ("192.0.2.1",), **trying)
        assert alone.path == ("pins_report_only",)
        assert str(alone) == (
            "pins_report_only = true stands without server_name, where the pins alone"
            " decide, and would let anybody pass: give server_name, or leave it away"
        )
        assert str(fault(replace, FAR, pins_report_only=True)) == (
            "pins_report_only = true has no pins to report on: give spki_pins, or leave"
            " it away"
        )

    def test_plain_port(self) -> None:
        """TLS is not spoken on port 53 (RFC 7858 section 3.1)."""
        self.assertEqual(
            str(fault(Upstream, ("192.0.2.1",), 53)),
            "port = 53 is for plain DNS, TLS must not be spoken there"
            " (RFC 7858 section 3.1): take 853",
        )

    def test_port_bounds(self) -> None:
        """A server has a port, from 1 to 65535."""
        rule = "must be a whole number from 1 to 65535"
        for port in (0, -1, 65536):
            self.assertEqual(fault(Upstream, ("192.0.2.1",), port).rule, rule)
        self.assertEqual(replace(FAR, port=1).port, 1)
        self.assertEqual(replace(FAR, port=65535).port, 65535)

    def test_field_faults(self) -> None:
        """Each field tells its own fault, by its name and value."""
        for field, value, begin in (
            ("addresses", ("dns.example",), "addresses = 'dns.example' must be an IP"),
            ("addresses", "192.0.2.1", "addresses = '192.0.2.1' must be an array of"),
            ("server_name", "a_b", "server_name = 'a_b' must be a host name such as"),
            ("server_name", "1.1.1.1", "server_name = '1.1.1.1' is an address: leave"),
            ("server_name", 1, "server_name = 1 must be a string"),
            (
                "spki_pins",
                ("abc",),
                "spki_pins = 'abc' must be sha256//BASE64 or plain",
            ),
            ("ca_file", None, "ca_file = None must be a string"),
            ("bootstrap", ("a.b",), "bootstrap = 'a.b' must be an IP address such as"),
        ):
            with self.subTest(field=field, value=value):
                error = fault(Upstream, **{"addresses": (), field: value})
                self.assertEqual(str(error)[: len(begin)], begin)
                self.assertEqual(error.path, (field,))

    def test_unreachable(self) -> None:
        """Without an address it takes a name and somebody to ask for it."""
        message = (
            "upstream has no address: give address, or both server_name and bootstrap"
        )
        for settings in ({}, {"server_name": "a.b"}, {"bootstrap": ("9.9.9.9",)}):
            self.assertEqual(str(fault(Upstream, (), **settings)), message)

    def test_two_ways(self) -> None:
        """Addresses and bootstrap contradict each other."""
        self.assertEqual(
            str(fault(replace, FAR, server_name="a.b", bootstrap=("9.9.9.9",))),
            "bootstrap = ['9.9.9.9:53'] is for an upstream without an address:"
            " keep one of the two",
        )

    def test_in_clear(self) -> None:
        """In clear only a private address is asked, and it takes the word for it."""
        for address in (
            "10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "100.100.100.100",
            "169.254.1.1", "fd00::1", "fe80::1", "::1",
        ):  # fmt: skip
            with self.subTest(address=address):
                upstream = Upstream((address,), 53, cleartext=True)
                self.assertTrue(str(upstream).startswith("udp://"))
        for address in (
            "8.8.8.8",
            "172.32.0.1",
            "0.0.0.0",
            "2001:db8::1",
            "::ffff:a00:1",
        ):
            with self.subTest(address=address):
                both = ("10.0.0.1", address)
                error = fault(Upstream, both, 53, cleartext=True)
                self.assertEqual(
                    str(error),
                    f"cleartext = true with address {address} would show queries to the"
                    " Internet: only private addresses such as 192.168.1.1 may be asked"
                    " in clear, ask others over TLS",
                )
                self.assertEqual(error.path, ("cleartext",))

    def test_in_clear_text(self) -> None:
        """The short form of a server in clear says so."""
        self.assertEqual(
            str(Upstream(("fd00::1",), 53, cleartext=True)), "udp://[fd00::1]:53"
        )

    def test_nothing_to_prove(self) -> None:
        """In clear there is nothing to prove, so nothing may be asked for."""
        for key, value, shown in (
            ("server_name", "a.b", "'a.b'"),
            ("spki_pins", (PIN,), f"['{PIN}']"),
            ("ca_file", "/ca.pem", "'/ca.pem'"),
            ("bootstrap", ("10.0.0.2",), "['10.0.0.2:53']"),
        ):
            with self.subTest(key=key):
                error = fault(
                    Upstream, ("10.0.0.1",), 53, cleartext=True, **{key: value}
                )
                self.assertEqual(
                    str(error),
                    f"{key} = {shown} stands beside cleartext = true, and in clear"
                    " nobody proves who they are: keep one of the two",
                )
        self.assertEqual(
            str(fault(Upstream, (), 53, cleartext=True)),
            "upstream has no address: give address",
        )

    def test_tls_port_in_clear(self) -> None:
        """Plain DNS is not spoken on port 853."""
        self.assertEqual(
            str(fault(Upstream, ("10.0.0.1",), cleartext=True)),
            "port = 853 is for DNS over TLS: take 53, or leave cleartext away",
        )

    def test_groups(self) -> None:
        """A group has a name of one word."""
        rule = "must be a word of at most 32 letters, digits, hyphens and underscores"
        for name in ("", "a b", "a" * 33, "é", "a\n", "a.b"):
            self.assertEqual(fault(replace, FAR, group=name).rule, rule)
        self.assertEqual(replace(FAR, group="a" * 32).group, "a" * 32)

    def test_most_in_flight(self) -> None:
        """At least one query may be under way."""
        rule = "must be a whole number from 1 to 65536"
        for most in (0, 65537):
            self.assertEqual(fault(replace, FAR, max_in_flight=most).rule, rule)
        self.assertEqual(replace(FAR, max_in_flight=1).max_in_flight, 1)
