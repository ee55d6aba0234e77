"""Replies that are made up here."""

from unittest import TestCase

import dns.flags
import dns.message

from dotproxy.wire.draft import (
    BLOCKED,
    FORGED,
    Draft,
    explained,
    negative,
    positive,
    record,
    refusal,
)
from dotproxy.wire.message import NOERROR, NXDOMAIN, REFUSED
from tests.messages import ADDRESS, opt
from tests.words import BOGUS, answering, asking, error_codes, read

ZONE = len(b"\3www")
"""Where the name of the zone begins in the question's name."""


class DraftTests(TestCase):
    def setUp(self) -> None:
        self.query = asking("www.Example.com", "A", opt(ttl=0x8000))

    def assert_ours(self, reply: dns.message.Message) -> None:
        """Assert on what is the client's own: ID, spelling, RA and no AD."""
        assert reply.id == 0x1234
        assert reply.question[0].name.to_text() == "www.Example.com."
        assert reply.flags & dns.flags.RA
        assert not reply.flags & (dns.flags.AD | dns.flags.AA | dns.flags.TC)

    def test_positive(self) -> None:
        """Records belong to the name that was asked for."""
        made = [record(0, 1, 60, ADDRESS), record(ZONE, 16, 9, b"\2hi")]
        reply = read(Draft(positive(self.query.question, made)).reply(self.query))
        self.assert_ours(reply)
        assert reply.rcode() == NOERROR
        assert [rrset.to_text() for rrset in reply.answer] == [
            "www.Example.com. 60 IN A 192.0.2.1",
            'Example.com. 9 IN TXT "hi"',
        ]

    def test_negative(self) -> None:
        """What is not there comes with a SOA of the zone (RFC 2308 section 3)."""
        for rcode in (NOERROR, NXDOMAIN):
            body = negative(self.query.question, rcode, ZONE, 77)
            reply = read(Draft(body).reply(self.query))
            self.assert_ours(reply)
            assert (reply.rcode(), reply.answer) == (rcode, [])
            assert [rrset.to_text() for rrset in reply.authority] == [
                "Example.com. 77 IN SOA Example.com. nobody.invalid."
                " 1 3600 1200 604800 77"
            ]

    def test_refusal(self) -> None:
        """A refusal has an RCODE, and that is all."""
        reply = read(Draft(refusal(self.query.question, REFUSED)).reply(self.query))
        self.assert_ours(reply)
        assert reply.rcode() == REFUSED
        assert reply.sections[1:] == [[], [], []]

    def test_why(self) -> None:
        """A client that sent OPT hears why, another does not (RFC 8914 section 2)."""
        draft = Draft(refusal(self.query.question, REFUSED), BLOCKED, "by a rule")
        [why] = read(draft.reply(self.query)).extended_errors()
        assert (why.code, why.text) == (BLOCKED, "by a rule")
        plain = asking("www.example.com")
        assert error_codes(draft.reply(plain)) == []
        assert error_codes(Draft(draft.body).reply(self.query)) == []

    def test_answer(self) -> None:
        """It can stand for what an upstream said, reason included."""
        body = negative(self.query.question, NXDOMAIN, 0, 60)
        answer = Draft(body, BLOCKED, "by a rule").answer()
        assert (answer.rcode, len(answer.records)) == (NXDOMAIN, 1)
        assert answer.opt is not None
        assert answer.opt.options == ((15, b"\0\x0fby a rule"),)


class ExplainedTests(TestCase):
    def test_added(self) -> None:
        """A reason goes behind those that the upstream gave; the RCODE stays."""
        answer = answering(asking(), "@ 60 A 192.0.2.1", options=BOGUS)
        said = explained(answer, FORGED, "edited")
        assert said.opt is not None
        assert said.opt.options == ((15, b"\0\6bogus"), (15, b"\0\4edited"))
        assert (said.body, said.records) == (answer.body, answer.records)
        assert said.rcode == NOERROR

    def test_first(self) -> None:
        """An upstream need not have sent any OPT."""
        said = explained(answering(asking(), "@ 60 A 192.0.2.1"), FORGED, "edited")
        assert said.opt is not None
        assert said.opt.options == ((15, b"\0\4edited"),)
