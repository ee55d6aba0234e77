"""Answers for HTTPS and SVCB of names that keep ECH."""

from base64 import b64encode
from collections.abc import Sequence
from ipaddress import ip_network

import dns.message
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.naming import Naming
from dotproxy.config.rule import PER_NAME
from dotproxy.detours import MOST_ALIASES, Detours
from dotproxy.local.book import Book
from dotproxy.local.leases import Leases
from dotproxy.local.rules import Rules
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.message import HEADER, NXDOMAIN, SERVFAIL
from dotproxy.wire.query import Query
from tests.fakes import FakeUpstream, make_query
from tests.hellos import PUBLISHED
from tests.messages import message
from tests.redirects import GATEWAY, LEASES, redirect, rules_of
from tests.words import answering

LIST = f'ech="{b64encode(PUBLISHED).decode()}"'

SHOWN = "cloudflare-ech.com"

LED = f'alpn="h2" ipv4hint="{GATEWAY[0]}" {LIST} ipv6hint="{GATEWAY[1]}"'


class DetoursCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.upstream = FakeUpstream("one")
        self.use(rules_of(redirect(".example.org", policy="keep-ech")))

    def use(self, rules: Rules) -> None:
        """Go by these rules."""
        self.rules, self.edges = rules, rules.edges
        self.detours = Detours(self.upstream, rules)

    def ask(self, name: str = "www.example.org", kind: str = "HTTPS") -> None:
        self.query = make_query(name, kind)
        lead = self.rules.detour(self.query)
        assert lead is not None
        self.answering: Deferred[Answer] = Deferred.fromCoroutine(
            self.detours.answer(self.query, lead)
        )

    def say(self, *records: str, flags: int = 0x8180) -> None:
        """Answer what was asked last."""
        query, waiting = self.upstream.asked[-1]
        waiting.callback(answering(query, *records, flags=flags))

    def said(self) -> list[str]:
        """Return the records, or the SOA that stands where there is none."""
        answer = self.successResultOf(self.answering)
        assert answer.body[HEADER.size :].startswith(self.query.question)
        assert answer.rcode == 0
        assert answer.opt is not None
        assert answer.opt.options == ((15, b"\0\4redirected by rule 1"),)
        read = dns.message.from_wire(answer.body)
        return [rrset.to_text() for rrset in read.answer or read.authority]

    def nothing(self) -> bool:
        (line,) = self.said()
        return line.startswith("www.example.org. 60 IN SOA")


class DetoursTests(DetoursCase):
    def test_led(self) -> None:
        """The origin's record leads to the gateway, and keeps ECH, for a minute."""
        self.ask()
        self.say(f"@ 300 HTTPS 1 . alpn=h3,h2 ipv4hint=9.9.9.9 {LIST}")
        assert self.said() == [f"www.example.org. 60 IN HTTPS 1 . {LED}"]
        assert self.edges.behind(SHOWN) == "www.example.org"
        assert self.edges.origin("www.example.org") == "www.example.org"

    def test_short(self) -> None:
        """A TTL that is shorter stays."""
        self.ask()
        self.say(f"@ 7 HTTPS 1 . alpn=h2 {LIST}")
        assert self.said() == [f"www.example.org. 7 IN HTTPS 1 . {LED}"]

    def test_services(self) -> None:
        """SVCB is led alike, and learned under the name of the host."""
        self.ask("_8443._https.www.example.org", "SVCB")
        self.say(f"@ 300 SVCB 1 . alpn=h2 {LIST}")
        expected = f"60 IN SVCB 1 www.example.org. {LED}"
        assert self.said() == [f"_8443._https.www.example.org. {expected}"]
        assert self.edges.origin("www.example.org") == "www.example.org"

    def test_alias(self) -> None:
        """An alias is followed, and what is behind it copied; never handed on."""
        self.ask()
        self.say("@ 300 HTTPS 0 Edge.example.net.")
        query, _ = self.upstream.asked[-1]
        assert dns.message.from_wire(query.wire).question[0].to_text() == (
            "edge.example.net. IN HTTPS"
        )
        behind = f"a.edge.example. 9 HTTPS 1 . {LIST}"
        self.say("@ 300 CNAME a.edge.example.", behind)
        without = LED.replace('alpn="h2" ', "")
        assert self.said() == [f"www.example.org. 9 IN HTTPS 1 . {without}"]
        assert self.edges.origin("www.example.org") == "a.edge.example"

    def test_target(self) -> None:
        """Of several places the first is taken: the relay is to know where to go."""
        self.ask()
        self.say(
            "@ 300 HTTPS 3 other.example. alpn=h2",
            f"@ 300 HTTPS 2 svc.example. alpn=h2 {LIST}",
            "@ 300 HTTPS 1 svc.example. alpn=h3 no-default-alpn",
        )
        assert self.said() == [f"www.example.org. 60 IN HTTPS 2 . {LED}"]
        assert self.edges.origin("www.example.org") == "svc.example"

    def test_odd_target(self) -> None:
        """A place that has no host's name is not looked up: the name itself is."""
        self.ask()
        self.say(f"@ 300 HTTPS 1 a_b.example. alpn=h2 {LIST}")
        assert self.edges.origin("www.example.org") == "www.example.org"

    def test_no_host(self) -> None:
        """Of a name that is no host's nothing is learned."""
        self.ask("a_b.example.org")
        self.say(f"@ 300 HTTPS 1 . alpn=h2 {LIST}")
        assert self.said() == [f"a_b.example.org. 60 IN HTTPS 1 . {LED}"]
        assert self.edges.behind(SHOWN) is None

    def test_no_ech(self) -> None:
        """Where there is no ECH there is nothing to learn."""
        self.ask()
        self.say("@ 300 HTTPS 1 svc.example. alpn=h2")
        assert len(self.said()) == 1
        assert self.edges.origin("www.example.org") == ""

    def test_nothing(self) -> None:
        """What the origin has not, or is of no use, is not there; nor is a failure."""
        for records, flags in (
            ((), 0x8180),
            ((), 0x8182),
            ((), 0x8183),
            (("@ 300 HTTPS 0 .",), 0x8180),
            (("@ 300 HTTPS 1 . alpn=h3 no-default-alpn",), 0x8180),
        ):
            self.ask()
            self.say(*records, flags=flags)
            assert self.nothing()
        self.ask()
        self.upstream.asked[-1][1].errback(UpstreamError("nobody there"))
        assert self.nothing()

    def test_endless(self) -> None:
        """Aliases in a circle come to nothing."""
        self.ask()
        for _ in range(MOST_ALIASES):
            self.say("@ 300 HTTPS 0 www.example.org.")
        assert self.nothing()
        assert len(self.upstream.asked) == MOST_ALIASES

    def test_no_question(self) -> None:
        """A failure that does not repeat the question is one."""
        self.ask()
        self.upstream.asked[-1][1].callback(parse_answer(message(0x8182, [])))
        assert self.nothing()

    def test_cancelled(self) -> None:
        """Who leaves lets go of what is under way."""
        self.ask()
        query: Query = self.upstream.asked[-1][0]
        self.answering.cancel()
        self.failureResultOf(self.answering, CancelledError)
        assert self.upstream.cancelled == [query]


class OwnAddressTests(DetoursCase):
    """Names that are to have addresses of their own."""

    def setUp(self) -> None:
        super().setUp()
        self.use(rules_of(redirect(".example.org", policy=PER_NAME), leases=LEASES))

    def few(self, gateway: Sequence[str] = (), **settings: str) -> None:
        """Leave two addresses, and these for all."""
        rule = redirect(".example.org", policy=PER_NAME, **settings)
        book = Book.read(Naming((rule,), gateway=tuple(gateway)))
        leases = Leases((ip_network("10.0.0.0/30"),), lambda: 0.0)
        self.use(Rules(book, leases))
        for name in ("a.example.org", "b.example.org"):
            leases.lease(name)

    def test_there(self) -> None:
        """A name that is there leases addresses, whatever it has of the type."""
        self.ask(kind="A")
        self.say("@ 300 CNAME edge.example.", "edge.example. 300 A 9.9.9.9")
        assert self.said() == ["www.example.org. 60 IN A 127.64.0.1"]
        self.ask("six.example.org", "AAAA")
        self.say()
        assert self.said() == ["six.example.org. 60 IN AAAA 2001:db8:1::2"]

    def test_made_up(self) -> None:
        """One that is not leases none, nor one of which nobody knows."""
        for kind, flags, rcode in (("A", 0x8183, NXDOMAIN), ("AAAA", 0x8182, SERVFAIL)):
            self.ask(kind=kind)
            self.say(flags=flags)
            assert self.successResultOf(self.answering).rcode == rcode
        self.ask(kind="HTTPS")
        self.say()
        assert self.nothing()
        self.ask(kind="A")
        self.upstream.asked[-1][1].errback(UpstreamError("nobody there"))
        self.failureResultOf(self.answering, UpstreamError)
        assert self.rules.leases.given == 0

    def test_services(self) -> None:
        """A record of a name leads to the name's own address."""
        self.ask("_8443._https.www.example.org", "HTTPS")
        self.say("@ 300 HTTPS 1 . alpn=h2 ipv4hint=9.9.9.9")
        hints = 'ipv4hint="127.64.0.1" ipv6hint="2001:db8:1::1"'
        assert self.said() == [
            "_8443._https.www.example.org. 60 IN HTTPS 1 www.example.org."
            f' alpn="h2" {hints}'
        ]
        assert self.rules.leases.name_at("127.64.0.1") == "www.example.org"

    def test_none_left(self) -> None:
        """Where none is left that is a failure, which is said; once in the log."""
        self.few()
        with capturedLogs() as events:
            for kind, record in (("A", "9.9.9.9"), ("AAAA", "::1"), ("HTTPS", "1 .")):
                self.ask(kind=kind)
                self.say(f"@ 60 {kind} {record}")
                failure = self.failureResultOf(self.answering, UpstreamError)
                assert str(failure.value) == "no address is left at the gateway"
                assert failure.value.code == 0
        (line,) = map(formatEvent, events)
        assert line == (
            "all 2 leases of the gateway are in use, and new names fail: widen leases"
            " in [gateway], or give addresses for those who have none"
        )

    def test_shared(self) -> None:
        """Where the gateway has addresses for all, such a name has these."""
        self.few(GATEWAY)
        self.ask(kind="A")
        self.say()
        assert self.said() == [f"www.example.org. 60 IN A {GATEWAY[0]}"]

    def test_not_looked_up(self) -> None:
        """What has a place of its own behind the gateway need not be there."""
        self.few(backend="192.0.2.1:443")
        self.ask(kind="A")
        assert self.upstream.asked == []
        self.failureResultOf(self.answering, UpstreamError)
