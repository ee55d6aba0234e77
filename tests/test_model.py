"""What can be configured."""

from typing import Any
from unittest import TestCase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from dotproxy.config.access import Access, RateLimit
from dotproxy.config.caching import Caching
from dotproxy.config.model import (
    DEFAULT_LISTEN,
    PROFILES,
    STRATEGIES,
    Config,
    ConfigError,
    Forward,
    Listen,
    Upstream,
    parse_listen,
)
from dotproxy.config.rule import Rule
from tests.messages import quick

HOME = Listen("127.0.0.1", 5300)
FAR = Upstream(("192.0.2.1",))
NEAR = Upstream(("10.0.0.1",), 53, group="home", cleartext=True)
FORWARDS = (Rule("forward", (".home.arpa",), group="home"),)

listens = st.text("0123456789abcdef:.[]%/", max_size=24)


def fault(make: Any, *arguments: Any, **settings: Any) -> ConfigError:
    """Return the error of making something."""
    with pytest.raises(ConfigError) as caught:
        make(*arguments, **settings)
    return caught.value


class ListenTests(TestCase):
    def test_text(self) -> None:
        """IPv4 stands plain before the port, IPv6 in brackets."""
        for text, listen in (
            ("127.0.0.1:5300", HOME),
            ("[::1]:5300", Listen("::1", 5300)),
            ("0.0.0.0:0", Listen("0.0.0.0", 0)),
        ):
            self.assertEqual(parse_listen(text), listen)
            self.assertEqual(str(listen), text)

    def test_tls(self) -> None:
        """Over TLS the port is 853, unless it is given."""
        for text in ("tls://[::]", "tls://[::]:853"):
            self.assertEqual(parse_listen(text), Listen("::", 853, True))
        self.assertEqual(str(Listen("127.0.0.1", 8853, True)), "tls://127.0.0.1:8853")

    def test_https(self) -> None:
        """Over HTTPS there is a path, and the port is 443, unless it is given."""
        for text in ("https://[::]/dns-query", "https://[::]:443/dns-query"):
            listen = parse_listen(text)
            self.assertEqual(listen, Listen("::", 443, True, "/dns-query"))
            self.assertEqual(str(listen), "https://[::]:443/dns-query")

    def test_one_spelling(self) -> None:
        """Two spellings of an address are one listener."""
        self.assertEqual(Listen("0:0::1", 53), Listen("::1", 53))

    def test_faults(self) -> None:
        """Only addresses with a port can be listened on, in clear or over TLS."""
        scheme = (
            "must be ADDRESS:PORT for UDP and TCP, tls://ADDRESS:PORT,"
            " https://ADDRESS:PORT/dns-query, or http:// behind a proxy"
        )
        path = "must have a plain path, such as https://[::]:443/dns-query"
        no_path = "must have no path: that is for https:// and http://"
        both = "must be an IP address and a port such as 127.0.0.1:5300 or [::1]:5300"
        address = (
            "must be an IP address such as 192.0.2.1 or 2001:db8::1,"
            " not a name, and without a zone"
        )
        for text, rule in (
            ("tls://tls://[::]:853", scheme),
            ("tls://localhost:853", address),
            ("https://[::]:443", path),
            ("https://[::]:443/", path),
            ("https://[::]:443/dns?x", path),
            ("https://[::]:443/dns query", path),
            ("tls://[::]:853/dns-query", no_path),
            ("127.0.0.1:53/dns-query", no_path),
            ("https://localhost/dns-query", address),
            ("udp://127.0.0.1:53", scheme),
            ("127.0.0.1", both),
            ("", both),
            ("localhost:53", address),
            ("[fe80::1%eth0]:53", address),
            ("127.0.0.1:70000", "must have a port of at most 65535"),
        ):
            with self.subTest(text=text):
                error = fault(parse_listen, text)
                self.assertEqual(str(error), f"{text!r} {rule}")
                self.assertEqual(error.path, ("listen",))

    def test_made_wrongly(self) -> None:
        """A listener cannot be made of what is none."""
        rule = "port = 65536 must be a whole number from 0 to 65535"
        self.assertEqual(str(fault(Listen, "::1", 65536)), rule)
        self.assertEqual(str(fault(Listen, 1, 53)), "host = 1 must be a string")
        self.assertEqual(fault(Listen, "localhost", 53).subject, "host = 'localhost'")

    @quick
    @given(listens)
    @example("[::]:53")
    def test_any_text(self, text: str) -> None:
        """Any text is a listener, whose text form is it again, or a ConfigError."""
        try:
            listen = parse_listen(text)
        except ConfigError:
            return
        self.assertEqual(parse_listen(str(listen)), listen)


class ForwardTests(TestCase):
    def test_defaults(self) -> None:
        """The defaults are within their bounds."""
        forward = Forward("failover", 5.0, 3.0, 8.0, 256, 4, 128, "strip")
        self.assertEqual(Forward(), forward)

    def test_strategies(self) -> None:
        """Every strategy can be chosen."""
        for strategy in STRATEGIES:
            self.assertEqual(Forward(strategy=strategy).strategy, strategy)

    def test_bounds(self) -> None:
        """The ends of each range are allowed, what lies beyond is not."""
        for key, least, most, step in (
            ("timeout", 0.1, 30, 0.01),
            ("connect_timeout", 0.1, 30, 0.01),
            ("idle_timeout", 0, 3600, 0.01),
            ("max_in_flight", 1, 4096, 1),
            ("max_connections", 1, 64, 1),
            ("padding", 0, 1024, 1),
        ):
            with self.subTest(key=key):
                kind = "number of seconds" if step < 1 else "whole number"
                rule = f"must be a {kind} from {least} to {most}"
                for value in (least, most):
                    self.assertEqual(
                        getattr(replace(Forward(), **{key: value}), key), value
                    )
                for value in (least - step, most + step):
                    error = fault(Forward, **{key: value})
                    self.assertEqual(str(error), f"{key} = {value} {rule}")

    def test_unknown_strategy(self) -> None:
        """Another word is no strategy."""
        self.assertEqual(
            str(fault(Forward, strategy="round_robin")),
            "strategy = 'round_robin' must be one of"
            " failover, fastest, round-robin, random, race, split",
        )


class ConfigTests(TestCase):
    def test_profiles(self) -> None:
        """Strict holds, unless the other is written down."""
        self.assertEqual(Config((HOME,), (FAR,)).profile, "strict")
        for profile in PROFILES:
            self.assertEqual(Config((HOME,), (FAR,), profile).profile, profile)
        self.assertEqual(
            str(fault(Config, (HOME,), (FAR,), "lax")),
            "profile = 'lax' must be one of strict, opportunistic",
        )

    def test_default_listeners(self) -> None:
        """The default list can be told from one that somebody wrote."""
        self.assertTrue(Config(DEFAULT_LISTEN, (FAR,)).listens_by_default)
        self.assertFalse(Config((HOME,), (FAR,)).listens_by_default)

    def test_cache(self) -> None:
        """There is a cache by default, and it can be another."""
        self.assertEqual(Config((HOME,), (FAR,)).cache, Caching())
        small = Caching(size=2**20)
        self.assertEqual(Config((HOME,), (FAR,), cache=small).cache, small)

    def test_clients(self) -> None:
        """Who may ask, and how often, is as by default or as said."""
        config = Config((HOME,), (FAR,))
        self.assertEqual((config.access, config.rate_limit), (Access(), RateLimit()))
        few, seldom = Access(("::1",)), RateLimit(qps=1)
        config = Config((HOME,), (FAR,), access=few, rate_limit=seldom)
        self.assertEqual((config.access, config.rate_limit), (few, seldom))

    def test_listeners(self) -> None:
        """There is at least one listener, and none twice."""
        self.assertEqual(
            str(fault(Config, (), (FAR,))), "listen is empty: name an address"
        )
        self.assertEqual(
            str(fault(Config, (HOME, Listen("::1", 53), HOME), (FAR,))),
            "listen 127.0.0.1:5300 stands there twice: keep one",
        )
        other = Listen("127.0.0.1", 5301)
        self.assertEqual(Config((HOME, other), (FAR,)).listen, (HOME, other))

    def test_one_port(self) -> None:
        """Two ways to be served have two ports: who is met is named."""
        web = Listen(HOME.host, HOME.port, True, "/dns-query")
        self.assertEqual(
            str(fault(Config, (HOME, web), (FAR,))),
            "listen https://127.0.0.1:5300/dns-query has the port of 127.0.0.1:5300:"
            " give it another",
        )

    def test_upstreams(self) -> None:
        """There is an upstream, or else the lab."""
        self.assertEqual(
            str(fault(Config, (HOME,), ())), "upstream is empty: name a server"
        )
        self.assertTrue(Config((HOME,), (), lab=True).lab)
        self.assertTrue(Config((HOME,), (NEAR,), rule=FORWARDS, lab=True).lab)
        self.assertEqual(
            str(fault(Config, (HOME,), (FAR,), lab=True)),
            "upstream lab stands alone: keep it or the others",
        )

    def test_default_group(self) -> None:
        """Somebody must be asked for names that no rule forwards."""
        self.assertEqual(
            str(fault(Config, (HOME,), (NEAR,))),
            "upstream has no server for names that no rule forwards: leave group away"
            " in one",
        )

    def test_in_clear(self) -> None:
        """All names may leave in clear only in the opportunistic profile."""
        everything = (replace(NEAR, group="default"),)
        self.assertEqual(
            str(fault(Config, (HOME,), everything)),
            "cleartext = true would let all names leave in clear, which profile ="
            " 'strict' forbids: give the upstream a group, and a rule that forwards to"
            " it",
        )
        config = Config((HOME,), everything, "opportunistic")
        self.assertEqual(config.upstream, everything)
        config = Config((HOME,), (FAR, NEAR), rule=FORWARDS)
        self.assertEqual(config.upstream, (FAR, NEAR))

    def test_groups(self) -> None:
        """Rules and groups need each other; the default group and the lab need none."""
        error = fault(Config, (HOME,), (FAR,), rule=FORWARDS)
        self.assertEqual(str(error), "group = 'home' has no upstream, known: 'default'")
        self.assertEqual(error.path, ("rule", 0, "group"))
        error = fault(Config, (HOME,), (FAR, NEAR))
        self.assertEqual(
            str(error),
            "group = 'home' is never asked: write a [[rule]] that forwards to it",
        )
        self.assertEqual(error.path, ("upstream", 1, "group"))
        rules = (replace(FORWARDS[0], group="default"), Rule("block", ("a.b",)))
        self.assertEqual(Config((HOME,), (FAR,), rule=rules).rule, rules)
        self.assertTrue(Config((HOME,), (), rule=rules, lab=True).lab)

    def test_loop_in_clear(self) -> None:
        """A server in clear that is our own listener is refused as any other."""
        looping = Upstream(("127.0.0.1",), 5300, group="home", cleartext=True)
        error = fault(Config, (HOME,), (FAR, looping))
        self.assertEqual(
            str(error),
            "upstream udp://127.0.0.1:5300 would ask our own listener 127.0.0.1:5300,"
            " and so itself: change the address or the port of one",
        )

    def test_loops(self) -> None:
        """An upstream that is our own listener is refused, wildcards included."""
        for listen, address in (
            ("127.0.0.1:853", "127.0.0.1"),
            ("[::1]:853", "0::1"),
            ("192.0.2.7:853", "192.0.2.7"),
            ("0.0.0.0:853", "127.0.0.2"),
            ("[::]:853", "::1"),
            ("[::]:853", "127.0.0.1"),
            ("127.0.0.1:853", "0.0.0.0"),
        ):
            with self.subTest(listen=listen, address=address):
                looping = Upstream((address,))
                error = fault(Config, (HOME, parse_listen(listen)), (FAR, looping))
                self.assertEqual(
                    str(error),
                    f"upstream {looping} would ask our own listener {listen},"
                    " and so itself: change the address or the port of one",
                )
                self.assertEqual(error.path, ("upstream", 1))

    def test_no_loops(self) -> None:
        """Another port or another address is not our own."""
        for listen, address in (
            ("127.0.0.1:5300", "127.0.0.1"),
            ("127.0.0.1:853", "127.0.0.2"),
            ("127.0.0.1:853", "192.0.2.1"),
            ("0.0.0.0:853", "192.0.2.1"),
        ):
            with self.subTest(listen=listen, address=address):
                upstream = (Upstream((address,)),)
                config = Config((parse_listen(listen),), upstream)
                self.assertEqual(config.upstream, upstream)

    def test_resolver_loop(self) -> None:
        """A resolver that is our own listener would ask itself, too."""
        upstream = Upstream((), server_name="dns.example", bootstrap=("127.0.0.1",))
        listen = Listen("127.0.0.1", 53)
        self.assertEqual(
            str(fault(Config, (listen,), (upstream,))),
            "upstream tls://dns.example:853 would ask our own listener 127.0.0.1:53,"
            " and so itself: change the address or the port of one",
        )
        self.assertEqual(Config((HOME,), (upstream,)).upstream, (upstream,))
