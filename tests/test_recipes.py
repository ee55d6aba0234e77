"""What to enter where."""

from unittest import TestCase

from dotproxy.cli.recipes import RECIPES
from dotproxy.cli.served import Reached, Served
from dotproxy.config.setting import ConfigError

NAME = "dns.example.net"

TLS = Reached(NAME, 853, ("192.0.2.1", "2001:db8::1"))

HTTPS = Reached(NAME, 443, (), "/dns-query")


class RecipesTests(TestCase):
    def fault(self, client: str, served: Served) -> str:
        with self.assertRaises(ConfigError) as caught:
            RECIPES[client](served)
        return str(caught.exception)

    def told(self, client: str, served: Served) -> list[str]:
        """Return what is to be entered, without where."""
        return RECIPES[client](served).splitlines()[1:]

    def test_told(self) -> None:
        """Each client gets what it takes."""
        both = Served(TLS, HTTPS)
        assert self.told("android", both) == [NAME]
        assert self.told("firefox", both) == [f"https://{NAME}/dns-query"]
        assert self.told("chromium", both) == [f"https://{NAME}/dns-query{{?dns}}"]
        assert self.told("resolved", both) == [
            "[Resolve]",
            f"DNS=192.0.2.1#{NAME} 2001:db8::1#{NAME}",
            "Domains=~.",
            "DNSOverTLS=yes",
        ]

    def test_ports(self) -> None:
        """systemd-resolved takes any port, Android one alone."""
        served = Served(TLS._replace(port=8853), None)
        line = f"DNS=192.0.2.1:8853#{NAME} [2001:db8::1]:8853#{NAME}"
        assert line in self.told("resolved", served)
        assert "port 8853" in self.fault("android", served)

    def test_missing(self) -> None:
        """What a client needs and is not served is said so."""
        for client in ("android", "resolved"):
            assert "no DNS over TLS" in self.fault(client, Served(None, HTTPS))
        for client in ("firefox", "chromium"):
            assert "no DNS over HTTPS" in self.fault(client, Served(TLS, None))
        nowhere = Served(TLS._replace(addresses=()), None)
        assert "give --address" in self.fault("resolved", nowhere)
