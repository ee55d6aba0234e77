"""On which terms clients are served."""

from unittest import TestCase

from dotproxy.config.access import Access, RateLimit
from dotproxy.config.clients import Clients
from dotproxy.config.model import Config, Forward, Listen
from dotproxy.config.presets import DEFAULT_UPSTREAM
from dotproxy.local.gate import REFUSE
from dotproxy.server.terms import terms_for

LISTEN = (Listen("127.0.0.1", 5300),)


class TermsTests(TestCase):
    def test_configured(self) -> None:
        """They are as it is configured."""
        config = Config(
            LISTEN,
            DEFAULT_UPSTREAM,
            forward=Forward(timeout=3.0),
            clients=Clients(
                max_tcp=20,
                max_queries=30,
                proxy_protocol=("198.51.100.0/24",),
                trusted_proxies=("203.0.113.1",),
            ),
            access=Access(("192.0.2.0/24",)),
            rate_limit=RateLimit(qps=1, burst=1),
        )
        terms = terms_for(config, b"seed")
        assert terms.timeout == 3.0
        assert (terms.limits.in_all, terms.limits.queries) == (20, 30)
        assert b"\xc6\x33\x64\1" in terms.balancers
        assert b"\xcb\0\x71\1" in terms.proxies
        assert b"\xcb\0\x71\1" not in terms.balancers
        assert terms.gate is not None
        assert terms.gate.admit("198.51.100.1", 0.0) is REFUSE
        assert terms.gate.wait("192.0.2.1", 0.0) == 0
        assert terms.gate.wait("192.0.2.1", 0.0) > 0

    def test_everybody(self) -> None:
        """Where everybody may ask as often as they like there is no gate."""
        config = Config(LISTEN, DEFAULT_UPSTREAM, access=Access(("0.0.0.0/0", "::/0")))
        assert terms_for(config, b"seed").gate is None
