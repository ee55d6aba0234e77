"""An upstream under rules."""

from typing import Any

import dns.message
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.naming import Naming
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.local.rules import Rules
from dotproxy.ruled import MOST_ALIASES, Ruled
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.message import NXDOMAIN
from tests.fakes import FakeUpstream, make_query
from tests.messages import BACK, message, record
from tests.redirects import redirect
from tests.traces import follow
from tests.words import answering

BLOCK = Rule("block", (".ads.example",))
NAS = Rule("answer", ("nas.example",), records=("A 192.0.2.7",))


def alias(name: str, target: str) -> Rule:
    return Rule("answer", (name,), records=(f"CNAME {target}",))


class RuledTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.upstream = FakeUpstream("one")

    def ask(self, *rules: Rule, **query: Any) -> Deferred[Answer]:
        book = Book.read(Naming(rules))
        self.query = make_query(**query)
        self.query.deadline = 7.0
        return Ruled(self.upstream, Rules(book)).exchange(self.query)

    def asked(self) -> list[str]:
        """Return the names and types that the upstream was asked for."""
        asked = [dns.message.from_wire(query.wire) for query, _ in self.upstream.asked]
        return [query.question[0].to_text() for query in asked]

    def said(self, answering_: Deferred[Answer]) -> tuple[str, list[str]]:
        """Return the question and the records of the answer that has come."""
        answer = self.successResultOf(answering_)
        read = dns.message.from_wire(answer.body, one_rr_per_rrset=True)
        return read.question[0].to_text(), [rrset.to_text() for rrset in read.answer]

    def test_no_concern(self) -> None:
        """Where the rules have no say in answers, the upstream is asked as before."""
        asking = self.ask(NAS, name="example.org")
        assert asking is self.upstream.asked[0][1]

    def test_checked(self) -> None:
        """What leads to a blocked name is blocked; all else comes as it is."""
        asking = self.ask(BLOCK, name="www.example")
        answer = self.upstream.answer()
        assert self.successResultOf(asking) is answer
        asking = self.ask(BLOCK, name="www.example")
        led = answering(self.query, "@ 60 CNAME x.ads.example.")
        self.upstream.asked[-1][1].callback(led)
        assert self.successResultOf(asking).rcode == NXDOMAIN

    def test_unreadable(self) -> None:
        """What cannot be checked is a failure of the upstream's."""
        asking = self.ask(BLOCK, name="www.example")
        bad = record(BACK, 5, b"\3ab")
        wire = message(0x8180, [self.query.question], [bad])
        self.upstream.asked[-1][1].callback(parse_answer(wire))
        failure = self.failureResultOf(asking, UpstreamError)
        self.assertIn("cannot be checked", failure.getErrorMessage())

    def test_fails(self) -> None:
        """A failure stays what it is, and cancelling reaches the upstream."""
        asking = self.ask(BLOCK, name="www.example")
        self.upstream.fail()
        self.failureResultOf(asking, UpstreamError)
        asking = self.ask(BLOCK, name="www.example")
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        assert self.upstream.cancelled == [self.query]

    def test_alias(self) -> None:
        """An alias is answered by what the upstream knows of its target."""
        asking = self.ask(
            alias(".files.example", "Srv.example"), name="x.Files.example"
        )
        assert self.asked() == ["srv.example. IN A"]
        behind, _ = self.upstream.asked[0]
        assert (behind.deadline, behind.dnssec_ok) == (7.0, self.query.dnssec_ok)
        self.upstream.answer()
        assert self.said(asking) == (
            "x.Files.example. IN A",
            [
                "x.Files.example. 60 IN CNAME srv.example.",
                "srv.example. 300 IN A 192.0.2.1",
            ],
        )

    def test_alias_told(self) -> None:
        """It is told that this is no alias of the zone's own (RFC 8914 4.5)."""
        asking = self.ask(alias("a.example", "b.example"), name="a.example")
        self.upstream.answer()
        opt = self.successResultOf(asking).opt
        assert opt is not None
        assert opt.options == ((15, b"\0\4an alias by a rule"),)

    def test_alias_here(self) -> None:
        """A target that is known here is not asked for, nor one that is blocked."""
        asking = self.ask(alias("a.example", "nas.example"), NAS, name="a.example")
        _, records = self.said(asking)
        assert records == [
            "a.example. 60 IN CNAME nas.example.",
            "nas.example. 60 IN A 192.0.2.7",
        ]
        asking = self.ask(alias("a.example", "x.ads.example"), BLOCK, name="a.example")
        assert self.successResultOf(asking).rcode == NXDOMAIN
        assert self.upstream.asked == []

    def test_chain(self) -> None:
        """Aliases of rules follow each other."""
        rules = alias("a.example", "b.example"), alias("b.example", "c.example")
        asking = self.ask(*rules, name="a.example")
        assert self.asked() == ["c.example. IN A"]
        self.upstream.answer()
        _, records = self.said(asking)
        assert [text.split()[0] for text in records] == [
            "a.example.",
            "b.example.",
            "c.example.",
        ]

    def test_itself(self) -> None:
        """A target that the rule covers itself is asked for as it is."""
        asking = self.ask(
            alias(".corp.example", "gw.corp.example"), name="x.corp.example"
        )
        assert self.asked() == ["gw.corp.example. IN A"]
        self.upstream.answer()
        assert len(self.said(asking)[1]) == 2

    def test_loop(self) -> None:
        """Aliases that lead back end with the last one."""
        rules = alias("a.example", "b.example"), alias("b.example", "a.example")
        self.ask(*rules, name="a.example")
        assert self.asked() == ["b.example. IN A"]

    def test_long(self) -> None:
        """After some aliases the next is asked for as if it were none."""
        rules = [alias(f"n{n}.example", f"n{n + 1}.example") for n in range(20)]
        self.ask(*rules, name="n0.example")
        assert self.asked() == [f"n{MOST_ALIASES}.example. IN A"]

    def test_unreadable_target(self) -> None:
        """An answer that the alias cannot be put before is a failure."""
        asking = self.ask(alias("a.example", "b.example"), name="a.example")
        behind, waiting = self.upstream.asked[0]
        bad = record(BACK, 15, b"\0\1\xc0\xff")
        waiting.callback(parse_answer(message(0x8180, [behind.question], [bad])))
        failure = self.failureResultOf(asking, UpstreamError)
        self.assertIn("cannot be joined", failure.getErrorMessage())

    def test_redirected(self) -> None:
        """Where ECH is kept, the origin's records are led to the gateway."""
        rule = redirect(".example", policy="keep-ech")
        asking = self.ask(rule, name="www.example", rdtype="HTTPS")
        query, waiting = self.upstream.asked[-1]
        waiting.callback(answering(query, "@ 60 HTTPS 1 x.example.net. port=1"))
        assert self.said(asking)[1] == ["www.example. 60 IN HTTPS 1 ."]

    def test_alias_redirected(self) -> None:
        """The target of an alias is asked for as it is: hellos name the alias."""
        rules = (alias("a.example", "b.example"), redirect("b.example"))
        asking = self.ask(*rules, name="a.example")
        self.upstream.answer()
        assert self.said(asking)[1][-1] == "b.example. 300 IN A 192.0.2.1"
        keep = redirect("b.example", policy="keep-ech")
        asking = self.ask(rules[0], keep, name="a.example", rdtype="HTTPS")
        query, waiting = self.upstream.asked[-1]
        waiting.callback(answering(query, "@ 60 HTTPS 1 . port=1"))
        assert self.said(asking)[1][-1] == 'b.example. 60 IN HTTPS 1 . port="1"'

    def test_changes(self) -> None:
        """A trace has the alias that is followed, and that an answer was not let in."""
        query = make_query("files.example")
        told = follow(query)
        book = Book.read(Naming((alias("files.example", "www.example"), BLOCK)))
        Ruled(self.upstream, Rules(book)).exchange(query)
        asked, waiting = self.upstream.asked[-1]
        waiting.callback(answering(asked, "@ 60 CNAME x.ads.example."))
        assert told.steps == [
            "rules: an alias of www.example",
            "rules: the answer has what a rule keeps away",
        ]
