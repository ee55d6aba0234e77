"""Where clients come encrypted."""

from unittest import TestCase

from dotproxy.cli.served import Reached, Served, choose_name, served_at, served_by
from dotproxy.config.certificate import Certificate
from dotproxy.config.model import Config, ConfigError, parse_listen
from dotproxy.config.presets import DEFAULT_UPSTREAM

NAME = "dns.example.net"


def served(*listen: str) -> Served:
    """Return what is served by this configuration."""
    listeners = tuple(map(parse_listen, listen))
    certificate = (Certificate("chain.pem", "key.pem"),)
    config = Config(listeners, DEFAULT_UPSTREAM, certificate=certificate)
    return served_by(config, NAME)


class ServedTests(TestCase):
    def test_both(self) -> None:
        """TLS and HTTPS each have their port and addresses; UDP does not count."""
        found = served(
            "192.0.2.1:53", "tls://192.0.2.2", "tls://[2001:db8::2]", "https://[::]/q"
        )
        tls = Reached(NAME, 853, ("192.0.2.2", "2001:db8::2"))
        assert found == Served(tls, Reached(NAME, 443, (), "/q"))

    def test_wildcard(self) -> None:
        """Where it serves at all addresses of a family, nobody knows which they are."""
        found = served("tls://192.0.2.2", "tls://[::]").tls
        assert found == Reached(NAME, 853)

    def test_ports(self) -> None:
        """Of several ports it is the usual one, and else the first."""
        found = served("tls://192.0.2.1:8853", "tls://192.0.2.2", "tls://192.0.2.3:9")
        assert found == Served(Reached(NAME, 853, ("192.0.2.2",)), None)
        found = served("https://192.0.2.1:8443/a", "https://192.0.2.2:8443/b")
        assert found == Served(None, Reached(NAME, 8443, ("192.0.2.1",), "/a"))

    def test_nothing(self) -> None:
        """What nobody serves encrypted is a fault; http:// is somebody else's."""
        for listen in ("192.0.2.1:53", "http://127.0.0.1:8053/dns-query"):
            with self.assertRaises(ConfigError) as caught:
                served(listen)
            self.assertIn("nothing encrypted", str(caught.exception))

    def test_usual(self) -> None:
        """Without a configuration there are the usual ports."""
        places = ("192.0.2.1",)
        tls = Reached(NAME, 853, places)
        assert served_at(NAME, places, "") == Served(tls, None)
        https = Reached(NAME, 443, places, "/q")
        assert served_at(NAME, places, "/q") == Served(tls, https)

    def test_url(self) -> None:
        """A URL has its port where it is not the usual one."""
        assert Reached(NAME, 443, (), "/q").url == f"https://{NAME}/q"
        assert Reached(NAME, 8443, (), "/q").url == f"https://{NAME}:8443/q"


class NameTests(TestCase):
    NAMES = ("*.example.net", "dns.example.org", "other.example.org")

    def test_first(self) -> None:
        """It is the first that is no wildcard."""
        assert choose_name(self.NAMES, "") == "dns.example.org"

    def test_wanted(self) -> None:
        """One that is wanted must be in the certificate; `*` is for one label."""
        for name in ("Other.example.org", "a.example.net"):
            assert choose_name(self.NAMES, name) == name.lower()
        for name in ("example.net", "a.b.example.net", "example.org"):
            with self.assertRaises(ConfigError) as caught:
                choose_name(self.NAMES, name)
            self.assertEqual(
                str(caught.exception),
                f"certificate is not for {name}: it has {', '.join(self.NAMES)}",
            )

    def test_none(self) -> None:
        """Without any there is nothing to insist on."""
        for names in ((), ("*.example.net",)):
            with self.assertRaises(ConfigError) as caught:
                choose_name(names, "")
            self.assertIn("has no name", str(caught.exception))
