"""The way of a query: what is known here first, then whoever can be asked."""

from typing import cast

import dns.edns
import dns.flags
import dns.message
import dns.rcode
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.forwarder import Forwarder
from dotproxy.upstream.interface import NETWORK_ERROR, UNREACHABLE
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query, parse_query
from tests.fakes import NXDOMAIN, FakeUpstream, make_answer, make_query


class FakeLocal:
    """Somebody who knows one reply, or none, to whatever is asked."""

    def __init__(self, reply: bytes | None) -> None:
        self.asked: list[Query] = []
        self._reply = reply

    def answer(self, query: Query) -> bytes | None:
        self.asked.append(query)
        return self._reply


class ForwarderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.upstream = FakeUpstream("one", Clock())
        self.forwarder = Forwarder([], self.upstream)

    def resolve(self, query: Query) -> Deferred[bytes]:
        """Resolve what only the upstream knows."""
        replying = self.forwarder.resolve(query)
        assert isinstance(replying, Deferred)
        self.assertNoResult(replying)
        return replying

    def reply(self, replying: Deferred[bytes]) -> dns.message.Message:
        return dns.message.from_wire(self.successResultOf(replying))

    def explanations(self, reply: dns.message.Message) -> list[tuple[int, str | None]]:
        """Return the Extended DNS Errors of a reply: their codes and texts."""
        return [
            (int(option.code), option.text)
            for option in reply.options
            if isinstance(option, dns.edns.EDEOption)
        ]


class LocalTests(ForwarderTests):
    def test_known(self) -> None:
        """What is known here is the reply, at once, and nobody else is asked."""
        local = FakeLocal(b"known")
        query = make_query()
        assert Forwarder([local], self.upstream).resolve(query) == b"known"
        assert local.asked == [query]
        assert self.upstream.asked == []

    def test_order(self) -> None:
        """The locals are asked in their order, up to the first that knows."""
        locals_ = [FakeLocal(reply) for reply in (None, b"second", b"third")]
        query = make_query()
        assert Forwarder(locals_, self.upstream).resolve(query) == b"second"
        assert [local.asked for local in locals_] == [[query], [query], []]

    def test_unknown(self) -> None:
        """What no local knows is asked of the upstream, as it is."""
        local = FakeLocal(None)
        query = make_query()
        self.forwarder = Forwarder([local], self.upstream)
        self.resolve(query)
        assert local.asked == [query]
        assert [asked for asked, _ in self.upstream.asked] == [query]


class AnswerTests(ForwarderTests):
    def test_made_the_clients(self) -> None:
        """The answer comes under the client's ID, its spelling, and with EDNS."""
        query = make_query("eXaMpLe.com")
        other = parse_query(b"\xab\xcd" + make_query("example.com").wire[2:])
        replying = self.resolve(query)
        self.upstream.asked[0][1].callback(make_answer(other, address="192.0.2.7"))
        wire = self.successResultOf(replying)
        assert wire[:2] == b"\x12\x34"
        assert wire[12:].startswith(query.question)
        reply = dns.message.from_wire(wire)
        assert str(reply.answer[0]) == "eXaMpLe.com. 300 IN A 192.0.2.7"
        assert (reply.edns, reply.rcode()) == (0, dns.rcode.NOERROR)
        assert self.forwarder.failed == 0

    def test_without_edns(self) -> None:
        """A client without EDNS gets none."""
        replying = self.resolve(make_query(edns=False))
        self.upstream.answer()
        reply = self.reply(replying)
        assert reply.edns == -1
        assert len(reply.answer) == 1

    def test_no_such_name(self) -> None:
        """That there is no such name is no failure."""
        replying = self.resolve(make_query())
        self.upstream.answer(NXDOMAIN)
        assert self.reply(replying).rcode() == dns.rcode.NXDOMAIN
        assert self.forwarder.failed == 0

    def test_room(self) -> None:
        """The reply keeps to the size that the client takes."""
        query = make_query(edns=False)
        query.max_size = len(query.wire) + 10
        replying = self.resolve(query)
        self.upstream.answer()
        wire = self.successResultOf(replying)
        assert len(wire) <= query.max_size
        assert dns.message.from_wire(wire).flags & dns.flags.TC


class FailureTests(ForwarderTests):
    def test_explained(self) -> None:
        """Where there is no answer the reply is SERVFAIL, with a reason (RFC 8914)."""
        for reason, code in (("refused", NETWORK_ERROR), ("no answer", UNREACHABLE)):
            replying = self.resolve(make_query())
            self.upstream.fail(reason, code)
            reply = self.reply(replying)
            assert (reply.id, reply.rcode()) == (0x1234, dns.rcode.SERVFAIL)
            assert self.explanations(reply) == [(code, f"one: {reason}")]
        assert self.forwarder.failed == 2
        assert self.flushLoggedErrors() == []

    def test_not_explained(self) -> None:
        """A client without EDNS gets SERVFAIL alone."""
        replying = self.resolve(make_query(edns=False))
        self.upstream.fail()
        reply = self.reply(replying)
        assert (reply.rcode(), reply.edns) == (dns.rcode.SERVFAIL, -1)

    def test_unknown_failure(self) -> None:
        """A failure of an unknown kind is logged; the client gets no details of it."""
        replying = self.resolve(make_query())
        self.upstream.asked[0][1].errback(ZeroDivisionError("of all things"))
        reply = self.reply(replying)
        assert reply.rcode() == dns.rcode.SERVFAIL
        assert self.explanations(reply) == [(NETWORK_ERROR, "internal error")]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        assert self.forwarder.failed == 1

    def test_no_answer_at_all(self) -> None:
        """It is the same where the answer cannot be made the client's."""
        replying = self.resolve(make_query(edns=False))
        self.upstream.asked[0][1].callback(cast(Answer, None))
        assert self.reply(replying).rcode() == dns.rcode.SERVFAIL
        assert len(self.flushLoggedErrors(AttributeError)) == 1

    def test_cancel(self) -> None:
        """Who gives up lets go of the upstream; that is no bug, and not logged."""
        replying = self.resolve(make_query())
        replying.cancel()
        replying.addErrback(lambda _: None)
        assert len(self.upstream.cancelled) == 1
        assert self.flushLoggedErrors() == []
