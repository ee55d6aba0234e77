"""What those get who may not ask, or not so often."""

from unittest import TestCase

import dns.edns
import dns.flags
import dns.message
import dns.rcode

from dotproxy.journal.note import TCP
from dotproxy.local.gate import DROP, PASS, REFUSE, SLIP
from dotproxy.server.turned_away import PROHIBITED, Refuser, reply_to

QUERY = dns.message.make_query("WWW.example.com", "A", id=7, use_edns=0).to_wire()


class ReplyTests(TestCase):
    def test_refused(self) -> None:
        """One that may not ask hears so, and why."""
        reply = dns.message.from_wire(reply_to(QUERY, REFUSE) or b"")
        assert (reply.id, reply.rcode()) == (7, dns.rcode.REFUSED)
        assert reply.question[0].name.to_text() == "WWW.example.com."
        (why,) = reply.options
        assert isinstance(why, dns.edns.EDEOption)
        assert (why.code, why.text) == (PROHIBITED, "this network may not ask")
        assert reply.sections[1:] == [[], [], []]

    def test_cut_short(self) -> None:
        """One that asks too often is sent to TCP, by a reply that is no longer."""
        wire = reply_to(QUERY, SLIP) or b""
        reply = dns.message.from_wire(wire)
        assert (reply.id, reply.rcode()) == (7, dns.rcode.NOERROR)
        assert reply.flags & dns.flags.TC
        assert reply.sections[1:] == [[], [], []]
        assert len(wire) <= len(QUERY)

    def test_dropped(self) -> None:
        """Or it hears nothing."""
        assert reply_to(QUERY, DROP) is None

    def test_no_query(self) -> None:
        """What is no query gets no reply, whatever else."""
        response = QUERY[:2] + b"\x81" + QUERY[3:]
        for message in (b"", QUERY[:11], QUERY[:-1], response):
            for verdict in (REFUSE, SLIP):
                assert reply_to(message, verdict) is None


class RefuserTests(TestCase):
    def test_refuser(self) -> None:
        """It refuses what it is asked, and knows nothing."""
        refuser = Refuser(None, REFUSE)
        assert refuser.respond(QUERY, TCP) == reply_to(QUERY, REFUSE)
        assert refuser.known(QUERY) is None
        assert Refuser(None, DROP).respond(QUERY, TCP) is None

    def test_room(self) -> None:
        """Who is refused takes room like any other: whoever counts hears of it."""
        heard: list[object] = []

        class Usual:
            connectionMade = heard.append
            connectionLost = heard.append

        refuser = Refuser(Usual, PASS)
        refuser.connectionMade("one")
        refuser.connectionLost("one")
        assert heard == ["one", "one"]
