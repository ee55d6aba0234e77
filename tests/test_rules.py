"""What is done by name, before anybody is asked and after somebody has answered."""

from ipaddress import ip_network
from typing import Any
from unittest import TestCase

import pytest

from dotproxy.config.caching import Caching
from dotproxy.config.naming import Naming, Rebinding, SpecialNames
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.local.cache import Cache
from dotproxy.local.designation import Designated, nothing
from dotproxy.local.leases import Leases
from dotproxy.local.rules import Alias, Rules
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.message import NOERROR, NXDOMAIN, REFUSED, FormatError
from dotproxy.wire.query import Query, parse_query
from tests.messages import BACK, EXAMPLE, message, opt, record
from tests.redirects import GATEWAY, LEASES, redirect, rules_of
from tests.traces import follow
from tests.words import Time, answering, asking, error_codes, read, ttls

BLOCK = Rule("block", (".ads.example",))
LAN = Rule("forward", (".lan",), group="router")
NAS = Rule("answer", ("nas.example",), records=("A 192.0.2.1",))
ALIAS = Rule("answer", (".Files.example",), records=("CNAME Nas.example",), ttl=9)
ALLOW = Rule("allow", ("good.example", "good.ads.example"))
PROTECT = Rebinding(True)


def rules(*some: Rule, **settings: Any) -> Rules:
    return Rules(Book.read(Naming(some, **settings)))


def chaos(name: str) -> Query:
    """Ask for a name in another class than IN."""
    return parse_query(asking(name).wire[:-2] + b"\0\4")


class PauseTests(TestCase):
    """What steps aside in a pause, and what must not."""

    def held(self, *some: Rule, **settings: Any) -> Rules:
        made = rules(*some, **settings)
        made.pause(True)
        return made

    def test_aside(self) -> None:
        """What is blocked, answered, an alias or redirected goes its usual way."""
        paused = self.held(BLOCK, NAS, ALIAS)
        for name in ("x.ads.example", "nas.example", "files.example"):
            assert paused.answer(asking(name)) is None
        assert paused.alias(asking("files.example")) is None
        assert not paused.concerns_answers
        paused = rules_of(redirect(".led.example"))
        assert paused.detour(asking("led.example", "HTTPS")) is not None
        paused.pause(True)
        assert paused.answer(asking("led.example")) is None
        assert paused.detour(asking("led.example", "HTTPS")) is None
        assert paused.lead(asking("led.example").name) is not None

    def test_leading(self) -> None:
        """An answer that leads to a blocked name is left as it is."""
        asked = asking("www.example")
        answer = answering(asked, "@ 60 CNAME x.ads.example.")
        question = asked.question
        assert rules(BLOCK).checked(question, answer) is not answer
        assert self.held(BLOCK).checked(question, answer) is answer

    def test_stands(self) -> None:
        """No name of a private network, or of special use, gets out for a pause."""
        router = Rule("answer", ("box.lan", "nas.local"), records=("A 192.0.2.1",))
        hidden = Rule("block", (".lan",))
        paused = self.held(router, hidden, LAN)
        assert paused.route(asking("box.lan")) == "router"
        reply = read(paused.answer(asking("nas.local")))
        assert reply.rcode() == NXDOMAIN
        assert read(paused.answer(asking("localhost"))).answer
        assert self.held(rebinding=PROTECT).concerns_answers

    def test_back(self) -> None:
        """Another book that comes meanwhile holds when the pause is over."""
        paused = self.held(NAS)
        paused.use(rules(BLOCK).book)
        assert paused.answer(asking("x.ads.example")) is None
        paused.pause(False)
        assert paused.answer(asking("x.ads.example")) is not None
        assert paused.answer(asking("nas.example")) is None

    def test_counted(self) -> None:
        """Each query that meets a rule counts by what that rule does; others, and what
        is explained, do not."""
        null = Rule("block", ("null.example",), reply="null")
        counting = rules(BLOCK, LAN, NAS, ALLOW, null)
        asked = ("x.ads.example", "y.ads.example", "null.example", "nas.example")
        for name in (*asked, "box.lan", "good.ads.example", "example.org", "localhost"):
            counting.answer(asking(name))
        counting.answer(chaos("x.ads.example"))
        counting.draft(asking("x.ads.example"))
        expected = {"block": 3, "answer": 1, "forward": 1, "allow": 1, "redirect": 0}
        assert counting.matched == expected


class AnswerTests(TestCase):
    def setUp(self) -> None:
        self.rules = rules(BLOCK, LAN, NAS, ALIAS, ALLOW)

    def test_blocked(self) -> None:
        """A blocked name is not there, as the client spelled it, and it is told why."""
        query = asking("X.ads.Example", "HTTPS", opt())
        reply = self.rules.answer(query)
        assert read(reply).rcode() == NXDOMAIN
        assert read(reply).question[0].name.to_text() == "X.ads.Example."
        assert error_codes(reply) == [15]
        assert ttls(reply) == [60]
        assert read(reply).authority[0].name.to_text() == "ads.Example."

    def test_services(self) -> None:
        """What is said of a host holds for HTTPS and SVCB of its services.

        So nobody is led past a block or an answer by an origin's own record.
        """
        files = Rule("answer", ("web.example",), records=("HTTPS 1 .",))
        some = rules(Rule("block", ("bad.example",)), files, ALIAS, LAN)
        for host, rcode in (("bad", NXDOMAIN), ("web", NOERROR)):
            for kind in ("HTTPS", "SVCB"):
                query = asking(f"_8443._https.{host}.example", kind)
                reply = read(some.answer(query))
                assert (reply.rcode(), reply.answer) == (rcode, []), host
                assert reply.authority[0].name.to_text() == f"{host}.example."
        assert some.answer(asking("_8443._https.bad.example", "A")) is None
        assert some.answer(asking("_8443._https.good.example", "HTTPS")) is None
        bare = rules(Rule("forward", ("box.lan",), group="router"))
        assert bare.route(asking("_8443._https.box.lan", "HTTPS")) == "router"
        assert bare.route(asking("_8443._https.box.lan", "A")) is None

    def test_own(self) -> None:
        """A name of our own is answered."""
        reply = read(self.rules.answer(asking("nas.example")))
        assert [str(rrset[0]) for rrset in reply.answer] == ["192.0.2.1"]

    def test_left(self) -> None:
        """All else is left to others: no rule, allow, forward, and behind an alias."""
        for name in ("example.org", "good.ads.example", "box.lan", "files.example"):
            assert self.rules.answer(asking(name)) is None, name

    def test_classes(self) -> None:
        """Rules are for the Internet alone."""
        for name in ("ads.example", "files.example", "nas", "localhost"):
            query = chaos(name)
            assert self.rules.answer(query) is None
            assert self.rules.alias(query) is None

    def test_special(self) -> None:
        """Special names never leave, whatever the type."""
        for kind in ("A", "HTTPS", "TXT"):
            reply = read(self.rules.answer(asking("a.onion", kind)))
            assert reply.rcode() == NXDOMAIN

    def test_designation(self) -> None:
        """What is served encrypted is said, unless a rule says otherwise."""
        some = rules(Rule("block", ("_dns.resolver.arpa",)))
        for each in (self.rules, some):
            each.served = lambda: [Designated(b"\3dns\7example\0", 853, ())]
        names = ("_dns.resolver.arpa", "_DNS.Resolver.ARPA")
        for name in names:
            reply = read(self.rules.answer(asking(name, "SVCB")))
            assert str(reply.answer[0][0]) == '1 dns.example. alpn="dot"'
            assert read(some.answer(asking(name, "SVCB"))).rcode() == NXDOMAIN
        for name, kind in ((names[0], "HTTPS"), ("resolver.arpa", "SVCB")):
            assert read(self.rules.answer(asking(name, kind))).answer == []
        self.rules.served = nothing
        nodata = read(self.rules.answer(asking(names[0], "SVCB")))
        assert (nodata.rcode(), nodata.answer) == (NOERROR, [])

    def test_use(self) -> None:
        """Another book holds at once."""
        self.rules.use(Book.read(Naming((NAS,))))
        assert self.rules.answer(asking("x.ads.example")) is None
        assert not self.rules.concerns_answers


class SingleLabelTests(TestCase):
    def test_kept(self) -> None:
        """A name without a dot has no address and no service, and keeps its SOA."""
        for kind in ("A", "AAAA", "HTTPS", "SVCB"):
            reply = rules().answer(asking("nas", kind))
            assert (read(reply).rcode(), read(reply).answer) == (NOERROR, [])
            assert read(reply).authority[0].name.to_text() == "nas."

    def test_domains(self) -> None:
        """Top-level domains, and the root, can be asked for all else."""
        for name, kind in (("com", "DS"), ("com", "NS"), (".", "A"), (".", "NS")):
            assert rules().answer(asking(name, kind)) is None

    def test_off(self) -> None:
        """They leave if that is configured, and where a rule lets them."""
        off = rules(special=SpecialNames(single_labels=False))
        assert off.answer(asking("nas")) is None
        assert rules(Rule("allow", ("nas",))).answer(asking("nas")) is None


class RouteTests(TestCase):
    def test_groups(self) -> None:
        """A forward rule names the group; whatever has none is the default's."""
        some = rules(LAN, BLOCK, Rule("forward", (".home.arpa",), group="home"))
        for name, group in (
            ("Box.LAN", "router"),
            ("nas.home.arpa", "home"),
            ("ads.example", None),
            ("example.org", None),
        ):
            assert some.route(asking(name)) == group

    def test_subnet(self) -> None:
        """For whom a client speaks changes nothing in what is done by name."""
        some = rules(LAN, BLOCK)
        for name, group in (("box.lan", "router"), ("www.example.com", None)):
            query = asking(name)
            query.speak_for(b"\0\1\x18\0\xc0\0\2")
            assert some.route(query) == group


class AliasTests(TestCase):
    def test_aliases(self) -> None:
        """An alias is known with its TTL; other answers are none."""
        some = rules(ALIAS, NAS)
        assert some.concerns_answers
        alias = Alias(b"\3nas\7example\0", 9)
        assert some.alias(asking("x.files.example", "HTTPS")) == alias
        for name in ("nas.example", "example.org"):
            assert some.alias(asking(name)) is None
        assert rules(NAS).alias(asking("nas.example")) is None


class CheckedTests(TestCase):
    def check(self, some: Rules, query: Query, *answers: str) -> Answer:
        self.answer = answering(query, *answers)
        return some.checked(query.question, self.answer)

    def test_target(self) -> None:
        """An answer that leads to a blocked name is blocked, in the rule's way."""
        for reply, rcode, records in (
            ("nxdomain", NXDOMAIN, 1),
            ("nodata", NOERROR, 1),
            ("null", NOERROR, 1),
            ("refused", REFUSED, 0),
        ):
            some = rules(Rule("block", (".ads.example",), reply=reply))
            for name in ("www.example", "WWW.example"):
                query = asking(name)
                got = self.check(
                    some,
                    query,
                    "@ 60 CNAME a.example.",
                    "a.example. 60 CNAME x.Ads.example.",
                    "x.ads.example. 60 A 192.0.2.1",
                )
                assert (got.rcode, len(got.records)) == (rcode, records)
                assert b"\xc0\0\2\1" not in got.body

    def test_services(self) -> None:
        """So are HTTPS records that lead there, in either mode."""
        some = rules(BLOCK)
        query = asking("www.example", "HTTPS")
        for line in ("0 x.ads.example.", "1 x.ads.example. alpn=h2"):
            assert self.check(some, query, f"@ 60 HTTPS {line}").rcode == NXDOMAIN

    def test_let_through(self) -> None:
        """All else stays as it came, and so does what an allowed name leads to."""
        some = rules(BLOCK, ALLOW)
        for name, target in (
            ("www.example", "other.example"),
            ("www.example", "good.ads.example"),
            ("good.example", "x.ads.example"),
        ):
            got = self.check(some, asking(name), f"@ 60 CNAME {target}.")
            assert got is self.answer

    def test_rebinding(self) -> None:
        """Private addresses go where they are not wanted, and only there."""
        query = asking("www.example")
        lines = "@ 60 A 10.0.0.1", "@ 60 A 192.0.2.1"
        assert len(self.check(rules(rebinding=PROTECT), query, *lines).records) == 1
        trusted = rules(rebinding=Rebinding(True, ("www.example",)))
        for some in (rules(), trusted):
            assert self.check(some, query, *lines) is self.answer

    def test_bare(self) -> None:
        """Answers without records, and other classes, have nothing to look at."""
        some = rules(BLOCK, rebinding=PROTECT)
        assert self.check(some, asking()) is self.answer
        query = chaos("www.example")
        answer = answering(query, "@ 60 A 10.0.0.1")
        assert some.checked(query.question, answer) is answer

    def test_unreadable(self) -> None:
        """What cannot be looked at is not let in."""
        wire = message(0x8180, [EXAMPLE], [record(BACK, 5, b"\3ab")])
        with pytest.raises(FormatError):
            rules(BLOCK).checked(EXAMPLE, parse_answer(wire))


class RedirectTests(TestCase):
    def test_leads(self) -> None:
        """Only what keeps ECH has answers to be led."""
        strip, keep = redirect("a.example"), redirect("b.example", policy="keep-ech")
        assert not rules(strip).concerns_answers
        some = rules(strip, keep, BLOCK)
        assert rules(keep).concerns_answers
        for name, kind, led in (
            ("b.example", "HTTPS", True),
            ("b.example", "SVCB", True),
            ("b.example", "TXT", False),
            ("c.example", "HTTPS", False),
        ):
            query = asking(name, kind)
            assert (some.detour(query) is not None) is led, (name, kind)
        lead = some.lead(b"\1b\7example\0")
        assert lead is not None
        assert lead.rule is keep
        assert some.lead(asking("x.ads.example").name) is None
        assert some.names(b"\1b\7example\0")
        assert not some.names(asking("x.ads.example").name)

    def test_services(self) -> None:
        """A rule for a host is for HTTPS and SVCB of its services, and nothing else."""
        keep = redirect("b.example", policy="keep-ech")
        some = rules(redirect("a.example"), keep, ports=(443, 8443))
        for prefix in ("_8443._https", "_https", "_443._https", "_dns"):
            query = asking(f"{prefix}.B.example", "HTTPS")
            assert some.draft(query) is None
            assert some.detour(query) is not None
        reply = read(some.answer(asking("_8443._https.a.example", "HTTPS")))
        assert str(reply.answer[0][0]) == '1 a.example. alpn="h2"'
        reply = read(some.answer(asking("_444._https.a.example", "HTTPS")))
        assert reply.answer == []
        assert reply.authority[0].name.to_text() == "a.example."
        for name, kind in (
            ("_8443._https.a.example", "A"),
            ("_acme-challenge.a.example", "TXT"),
            ("www.a.example", "HTTPS"),
            ("_8443._https.www.a.example", "HTTPS"),
        ):
            assert some.draft(asking(name, kind)) is None, name
            assert some.detour(asking(name, kind)) is None, name

    def test_longer_rule(self) -> None:
        """A rule for the service goes before the host's, and that before a suffix's."""
        service = Rule("block", ("_8443._https.a.example",))
        some = rules(service, redirect("a.example"), Rule("block", (".example",)))
        for name, rcode in (
            ("_8443._https.a.example", NXDOMAIN),
            ("_8444._https.a.example", NOERROR),
            ("_8443._https.b.example", NXDOMAIN),
        ):
            assert read(some.answer(asking(name, "HTTPS"))).rcode() == rcode, name

    def test_classes(self) -> None:
        """It is for the Internet's class alone."""
        keep = redirect("b.example", policy="keep-ech")
        query = chaos("b.example")
        query.question = query.question[:-4] + b"\0\x41\0\3"
        assert rules(keep).detour(query) is None


class LeaseTests(TestCase):
    """Names that have addresses to themselves."""

    def setUp(self) -> None:
        rule = redirect(".example.org", policy="address-per-name")
        self.rules = rules_of(rule, redirect("b.example"), leases=LEASES)

    def said(self, name: str, kind: str) -> list[str]:
        draft = self.rules.draft(asking(name, kind))
        assert draft is not None
        return [str(rrset[0]) for rrset in read(draft.body).answer]

    def leased(self, name: str, kind: str = "A") -> list[str]:
        """Return where the way leads of a name that the origin has."""
        query = asking(name, kind)
        lead = self.rules.detour(query)
        assert lead is not None
        led = self.rules.leased(lead, query.name)
        assert led is not None
        return [*map(str, led.hints)]

    def test_addresses(self) -> None:
        """Each name has its own, once it is there, and keeps them."""
        for _ in range(2):
            assert self.rules.draft(asking("a.example.org")) is None
        assert self.rules.leases.given == 0
        for _ in range(2):
            assert self.leased("a.example.org") == ["127.64.0.1", "2001:db8:1::1"]
            assert self.said("a.example.org", "A") == ["127.64.0.1"]
            assert self.leased("B.example.org", "AAAA")[1] == "2001:db8:1::2"
            assert self.said("b.Example.org", "AAAA") == ["2001:db8:1::2"]
        assert self.said("b.example", "A") == [GATEWAY[0]]

    def test_services(self) -> None:
        """A service has those of its host, as hints and otherwise."""
        own = ["127.64.0.1", "2001:db8:1::1"]
        assert self.leased("_443._https.a.example.org", "HTTPS") == own
        assert self.leased("a.example.org", "HTTPS") == own
        assert self.said("a.example.org", "A") == own[:1]

    def test_others(self) -> None:
        """What is no way takes no lease, nor does what is no host."""
        assert self.rules.draft(asking("a.example.org", "TXT")) is None
        assert self.rules.detour(asking("a.example.org", "TXT")) is None
        assert self.said("a_b.example.org", "A") == [GATEWAY[0]]
        assert self.rules.leases.given == 0

    def test_not_looked_up(self) -> None:
        """A name with a place of its own behind the gateway need not be there."""
        for setting in ({"backend": "192.0.2.1:443"}, {"origin": "a.example"}):
            rule = redirect(".example.org", policy="address-per-name", **setting)
            self.rules = rules_of(rule, leases=LEASES)
            assert self.said("a.example.org", "A") == ["127.64.0.1"]

    def test_none_left(self) -> None:
        """Where none is left a name has the addresses of all, if there are some."""
        rule = redirect(".example.org", policy="address-per-name")
        few = Leases((ip_network("10.0.0.0/30"),), lambda: 0.0)
        for name in ("x.example.org", "y.example.org"):
            few.lease(name)
        query = asking("a.example.org")
        for gateway, expected in ((GATEWAY, [*GATEWAY]), ((), None)):
            some = Rules(Book.read(Naming((rule,), gateway=gateway)), few)
            lead = some.detour(query)
            assert lead is not None
            led = some.leased(lead, query.name)
            assert (led and [*map(str, led.hints)]) == expected

    def test_no_networks(self) -> None:
        """Where there is nothing to lease all have the addresses of all."""
        self.rules = rules_of(redirect(".example.org", policy="address-per-name"))
        assert self.said("a.example.org", "A") == [GATEWAY[0]]

    def test_led(self) -> None:
        """What leads to the gateway is known, so that no cache keeps it on."""
        for name, kind, led in (
            ("a.example.org", "A", True),
            ("_443._https.a.example.org", "HTTPS", True),
            ("a.example.org", "TXT", False),
            ("a.example", "A", False),
        ):
            assert self.rules.is_led(asking(name, kind)) is led
        assert not self.rules.is_led(chaos("a.example.org"))


class AdmitsTests(TestCase):
    def admits(
        self,
        some: Rules,
        *answers: Answer,
        kind: str = "A",
        query: Query | None = None,
    ) -> list[bool]:
        """Return whether each answer may come back that a cache once learned."""
        cache = Cache(Caching(), Time())
        query = query or asking(kind=kind)
        found = []
        for answer in answers:
            cache.learn(query, answer)
            [(_, key, entry)] = cache.entries()
            found.append(some.admits(key, entry))
        return found

    def test_others(self) -> None:
        """What no rule has a word in comes back."""
        plain = answering(asking(), "@ 60 CNAME a.example.", "a.example. 60 A 10.0.0.1")
        assert self.admits(rules(BLOCK, LAN), plain) == [True]

    def test_now(self) -> None:
        """What the rules of today would change does not."""
        led = answering(asking(), "@ 60 CNAME ads.example.", "ads.example. 9 A 9.9.9.9")
        private = answering(asking(), "@ 60 A 10.0.0.1")
        some = rules(BLOCK, rebinding=PROTECT)
        assert self.admits(some, led, private) == [False, False]

    def test_then(self) -> None:
        """Nor does what rules of earlier days said, whatever those of today."""
        led = answering(asking(), "@ 60 CNAME ads.example.")
        blocked = rules(BLOCK).checked(asking().question, led)
        private = answering(asking(), "@ 60 A 10.0.0.1", "@ 60 A 192.0.2.1")
        edited = rules(rebinding=PROTECT).checked(asking().question, private)
        assert self.admits(rules(), blocked, edited) == [False, False]

    def test_unreadable(self) -> None:
        """Nor what cannot be looked at."""
        address, bad = record(BACK, 1, bytes(4)), record(BACK, 5, b"\3ab")
        wire = message(0x8180, [EXAMPLE], [address, bad])
        assert self.admits(rules(BLOCK), parse_answer(wire)) == [False]

    def test_redirected(self) -> None:
        """What an origin said of the way before it was led elsewhere is not."""
        keep = rules(redirect("example.com", policy="keep-ech"))
        for kind, data, admitted in (("HTTPS", "1 .", False), ("TXT", "a", True)):
            answer = answering(asking(kind=kind), f"@ 300 {kind} {data}")
            assert self.admits(keep, answer, kind=kind) == [admitted]
        service = asking("_8443._https.example.com", "HTTPS")
        answer = answering(service, "@ 300 HTTPS 1 .")
        assert self.admits(keep, answer, query=service) == [False]


class TraceTests(TestCase):
    def test_rule(self) -> None:
        """A trace has the rule that a query meets."""
        query = asking("x.ads.example")
        told = follow(query)
        rules(NAS, BLOCK).answer(query)
        assert told.steps == ["rules: rule 2, block (nxdomain), by ads.example"]
