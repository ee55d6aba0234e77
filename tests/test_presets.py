"""Public resolvers by their short names."""

from ipaddress import ip_address
from unittest import TestCase

from dotproxy.config.presets import DEFAULT_UPSTREAM, PRESETS


class PresetTests(TestCase):
    def test_names(self) -> None:
        """Each service is verified by the name that it publishes."""
        self.assertEqual(
            {name: upstream.server_name for name, upstream in PRESETS.items()},
            {
                "cloudflare": "cloudflare-dns.com",
                "quad9": "dns.quad9.net",
                "google": "dns.google",
                "adguard": "dns.adguard-dns.com",
                "mullvad": "dns.mullvad.net",
                "controld": "p0.freedns.controld.com",
            },
        )

    def test_addresses(self) -> None:
        """Each has public addresses of both families, IPv4 first."""
        for name, upstream in PRESETS.items():
            with self.subTest(name=name):
                addresses = [ip_address(each) for each in upstream.addresses]
                versions = [each.version for each in addresses]
                self.assertEqual(versions, sorted(versions))
                self.assertEqual(set(versions), {4, 6})
                self.assertTrue(all(each.is_global for each in addresses))

    def test_distinct(self) -> None:
        """No address stands for two services."""
        addresses = [each for one in PRESETS.values() for each in one.addresses]
        self.assertEqual(len(addresses), len(set(addresses)))

    def test_first_address(self) -> None:
        """The short form shows the address that everybody knows."""
        self.assertEqual(
            str(PRESETS["cloudflare"]), "tls://1.1.1.1:853#cloudflare-dns.com"
        )
        self.assertEqual(str(PRESETS["quad9"]), "tls://9.9.9.9:853#dns.quad9.net")

    def test_nothing_else(self) -> None:
        """Keys of public services change, so none is pinned."""
        for upstream in PRESETS.values():
            rest = upstream.port, upstream.spki_pins, upstream.ca_file
            self.assertEqual(rest, (853, (), ""))

    def test_default(self) -> None:
        """Two services, since one may fail."""
        self.assertEqual(DEFAULT_UPSTREAM, (PRESETS["cloudflare"], PRESETS["quad9"]))
