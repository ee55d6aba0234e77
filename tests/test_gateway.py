"""What can be configured of the gateway."""

from typing import Any
from unittest import TestCase

import pytest
from msgspec.structs import replace

from dotproxy.config.access import Access
from dotproxy.config.certificate import Certificate
from dotproxy.config.gateway import Gateway
from dotproxy.config.model import Config, Listen
from dotproxy.config.rule import Rule
from dotproxy.config.setting import ConfigError
from dotproxy.config.spelling import joined
from dotproxy.config.toml_file import DEFAULT
from tests.redirects import redirect

PUBLIC = ("0.0.0.0:443",)


def fault(kind: Any, *values: Any, **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        kind(*values, **settings)
    return str(caught.value)


class GatewayTests(TestCase):
    def test_default(self) -> None:
        """It is off."""
        assert Gateway().listeners == Gateway().reached_at == ()

    def test_listeners(self) -> None:
        """Listeners are addresses with ports."""
        gateway = Gateway(listen=("[0:0::1]:443", "192.0.2.1:8443"))
        assert gateway.listeners == (("::1", 443), ("192.0.2.1", 8443))
        assert "must be an IP address and a port" in fault(Gateway, listen=(":443x",))

    def test_everywhere(self) -> None:
        """A port alone is that of all addresses, of both families."""
        gateway = Gateway(listen=(":443", "192.0.2.1:8443"))
        assert gateway.listen == ("0.0.0.0:443", "[::]:443", "192.0.2.1:8443")
        assert gateway.reached_at == ("192.0.2.1",)
        for odd in (":", ":65536", "tls://:443"):
            assert "must " in fault(Gateway, listen=(odd,))

    def test_plain(self) -> None:
        """Plain HTTP has places of its own, and leads to where TLS is relayed."""
        gateway = Gateway(("192.0.2.1:443",), redirect_http=("[0::1]:80",))
        assert gateway.http_listeners == (("::1", 80),)
        told = fault(Gateway, redirect_http=("192.0.2.1:80",))
        assert "sends clients to a gateway that is off: give listen as well" in told
        told = fault(Gateway, ("[::1]:80",), redirect_http=("[0::1]:80",))
        rule = "give one of the two another address or port"
        assert told == f"redirect_http [::1]:80 meets listen [::1]:80: {rule}"

    def test_overlap(self) -> None:
        """A wildcard leaves no other place with its port, for whatever that is."""
        rule = "give one of the two another address or port"
        told = fault(Gateway, ("192.0.2.1:80",), redirect_http=("0.0.0.0:80",))
        assert told == f"redirect_http 0.0.0.0:80 meets listen 192.0.2.1:80: {rule}"
        told = fault(Gateway, (":80",), redirect_http=("[2001:db8::1]:80",))
        assert told == f"redirect_http [2001:db8::1]:80 meets listen [::]:80: {rule}"
        told = fault(Gateway, (":443", "192.0.2.1:443"))
        assert told == f"listen 192.0.2.1:443 meets listen 0.0.0.0:443: {rule}"
        Gateway(("0.0.0.0:443",), redirect_http=("[::]:443", "192.0.2.1:80"))

    def test_proxy(self) -> None:
        """A proxy is an address and a port, and nobody else's task."""
        assert Gateway().proxy is None
        assert Gateway(socks5="[::1]:1080").proxy == ("::1", 1080)
        assert "must be an IP address" in fault(Gateway, socks5="tor:9050")
        assert "must be an IP address and a port" in fault(Gateway, socks5="[::1]")
        told = fault(Gateway, ("127.0.0.1:1080",), socks5="127.0.0.1:1080")
        assert "is the gateway itself" in told
        told = fault(Gateway, sources=("127.0.0.2",), socks5="127.0.0.1:1080")
        assert "stands beside sources" in told

    def test_login(self) -> None:
        """User and password are of a size that can be told, and never shown."""
        proxy, secret = "127.0.0.1:1080", "open sesame"
        Gateway(socks5=proxy, socks5_user="u" * 255, socks5_password=secret)
        size = "must have 1 to 255 octets, if the other is given"
        for settings, told in (
            ({"socks5_password": secret}, f"socks5_user {size}"),
            ({"socks5_user": "u"}, f"socks5_password {size}"),
            (
                {"socks5_user": "\xe4" * 128, "socks5_password": secret},
                f"socks5_user {size}",
            ),
            (
                {"socks5_user": "u", "socks5_password": secret * 30},
                f"socks5_password {size}",
            ),
            ({"socks5_password": 31415}, "socks5_password must be a string"),
        ):
            assert fault(Gateway, socks5=proxy, **settings) == told
        for given in ("socks5_user", "socks5_password"):
            with pytest.raises(ConfigError) as raised:
                Gateway(socks5=proxy, **{given: secret})
            assert raised.value.path == (given,), "the other stands on no line"
        told = fault(Gateway, socks5_user="u", socks5_password=secret)
        assert told == "socks5_user is for a proxy: give socks5 as well"

    def test_networks(self) -> None:
        """Networks are spelled in one way, and have no stray bits."""
        gateway = Gateway(allow=("192.0.2.1", "FD00::/8"))
        assert gateway.allow == ("192.0.2.1", "fd00::/8")
        assert "has bits beyond its prefix" in fault(Gateway, allow=("10.0.0.1/8",))

    def test_addresses(self) -> None:
        """Clients reach it at its addresses, or else where it listens."""
        listen = ("192.0.2.1:443", "192.0.2.1:8443", "[::]:443", "0.0.0.0:80")
        assert Gateway(listen).reached_at == ("192.0.2.1",)
        elsewhere = Gateway(listen, addresses=("2001:DB8::1",))
        assert elsewhere.reached_at == ("2001:db8::1",)
        assert "is nobody's address" in fault(Gateway, addresses=("0.0.0.0",))

    def test_ports(self) -> None:
        """The DNS knows the ports, each once."""
        gateway = Gateway(("192.0.2.1:8443", ":443"))
        assert replace(DEFAULT, gateway=gateway).naming.ports == (443, 8443)

    def test_leases(self) -> None:
        """There is one network of leases for each family, with room in it."""
        gateway = Gateway(leases=("127.64.0.0/16", "2001:DB8::/64"))
        assert list(map(str, gateway.leased)) == ["127.64.0.0/16", "2001:db8::/64"]
        assert "is too small" in fault(Gateway, leases=("10.0.0.0/25",))
        assert "has two networks of one family" in fault(
            Gateway, leases=("10.0.0.0/16", "10.9.0.0/16", "fd00::/64")
        )
        told = fault(Gateway, ("10.0.0.9:443",), leases=("10.0.0.0/16",))
        assert "has 10.0.0.9 in it, which is for all" in told

    def test_heard(self) -> None:
        """Leases are heard by the wildcard of their family, and by no other address."""
        both = ("127.64.0.0/16", "2001:db8::/64")
        for listen, leases, wildcard in (
            (("127.0.0.1:443",), both[:1], "0.0.0.0"),
            (("[::]:443",), both[:1], "0.0.0.0"),
            (("0.0.0.0:443", "[::1]:443"), both, "::"),
        ):
            assert fault(Gateway, listen, leases=leases) == (
                f"leases = {[*leases]} lie where nobody listens: let listen in"
                f" [gateway] have {wildcard}"
            )
        for listen in ((), (":443",), ("0.0.0.0:443", "127.0.0.1:8443", "[::]:444")):
            assert Gateway(listen, leases=both).leases == both

    def test_bounds(self) -> None:
        """Numbers have bounds."""
        assert fault(Gateway, new_per_second=0) == (
            "new_per_second = 0 must be a number from 0.1 to 100000"
        )
        assert fault(Gateway, max_per_client=0) == (
            "max_per_client = 0 must be a whole number from 1 to 100000"
        )


class CheckTests(TestCase):
    """How the gateway and the rest fit."""

    def config(self, gateway: Gateway, **settings: Any) -> Config:
        return replace(DEFAULT, gateway=gateway, **settings)

    def fault(self, gateway: Gateway, **settings: Any) -> str:
        return fault(self.config, gateway=gateway, **settings)

    def test_everybody(self) -> None:
        """To let everybody in must be written down twice, beyond loopback."""
        for everybody in ("0.0.0.0/0", "::/0", "0.0.0.0/1", "2400::/12"):
            allow = ("10.0.0.0/8", everybody)
            for told in (
                self.fault(Gateway(PUBLIC, allow=allow)),
                self.fault(Gateway(PUBLIC), access=Access(allow)),
            ):
                assert told == (
                    f"allow = ['10.0.0.0/8', '{everybody}'] lets everybody in, or"
                    " nearly (more than a /4 of IPv4 or a /16 of IPv6): name your own"
                    " networks in [gateway], or write public = true there as well"
                )
            self.config(Gateway(PUBLIC, allow=allow, public=True))
            self.config(Gateway(PUBLIC, allow=("10.0.0.0/8",)), access=Access(allow))
            nearby = ("127.0.0.1:443", "[::1]:443")
            self.config(Gateway(nearby, allow=allow))
            plain = Gateway(nearby, redirect_http=("0.0.0.0:80",), allow=allow)
            assert "lets everybody in" in self.fault(plain)

    def test_itself(self) -> None:
        """A backend cannot be the gateway."""
        place, listen = "192.0.2.1:443", ("192.0.2.1:443",)
        rule = redirect("a.example", backend=place)
        for told in (
            self.fault(Gateway(listen), rule=(rule,)),
            self.fault(Gateway(listen, default_backend=place)),
        ):
            assert "'192.0.2.1:443' is the gateway itself" in told

    def test_served(self) -> None:
        """Nobody listens where the DNS is served, and both keys are named."""
        for listener, listen, met in (
            ("192.0.2.1:443", Listen("192.0.2.1", 443), True),
            ("0.0.0.0:443", Listen("192.0.2.1", 443), True),
            ("[2001:db8::1]:853", Listen("::", 853, True), True),
            ("[::]:443", Listen("192.0.2.1", 443), False),
            ("192.0.2.1:443", Listen("192.0.2.2", 443), False),
            ("192.0.2.1:443", Listen("192.0.2.1", 53), False),
            ("127.0.0.1:0", Listen("127.0.0.1", 0), False),
        ):
            pair = Certificate("chain.pem", "key.pem")
            settings = {"listen": (listen,), "certificate": (pair,)}
            if not met:
                self.config(Gateway((listener,)), **settings)
                continue
            assert self.fault(Gateway((listener,)), **settings) == (
                f"listen {listener} in [gateway] meets listen"
                f" {joined(listen.host, listen.port)}, where DNS is served: give one"
                " of the two another address or port"
            )

    def test_nowhere(self) -> None:
        """What is redirected has somewhere to go."""
        rule = redirect("a.example")
        told = self.fault(Gateway(PUBLIC), rule=(Rule("allow", ("b",)), rule))
        assert told == (
            "action = 'redirect' leads nowhere: give addresses in [gateway]"
        )
        self.config(Gateway(addresses=("192.0.2.1",)), rule=(rule,))
        self.config(Gateway(("192.0.2.1:443",)), rule=(rule,))

    def test_no_leases(self) -> None:
        """Where each name has an address of its own there are some to lease."""
        rule = redirect("a.example", policy="address-per-name")
        told = self.fault(Gateway(("192.0.2.1:443",)), rule=(rule,))
        assert told == (
            "policy = 'address-per-name' has no addresses to give: give leases and"
            " listen in [gateway]"
        )
        self.config(Gateway(PUBLIC, leases=("127.64.0.0/16",)), rule=(rule,))
