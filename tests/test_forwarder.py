"""The way of a query: what is known here first, then whoever can be asked."""

from typing import cast

import dns.edns
import dns.flags
import dns.message
import dns.rcode
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.caching import Caching
from dotproxy.forwarder import Forwarder, Local
from dotproxy.local.cache import Cache
from dotproxy.local.failures import Failures
from dotproxy.local.memory import Memory
from dotproxy.upstream.interface import (
    NETWORK_ERROR,
    UNREACHABLE,
    IUpstream,
    UpstreamError,
)
from dotproxy.wire.answer import Answer
from dotproxy.wire.query import Query, parse_query
from tests.fakes import (
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    FakeUpstream,
    make_answer,
    make_query,
)
from tests.traces import follow

STALE, CACHED_ERROR = 3, 13
"""INFO-CODEs "Stale Answer" and "Cached Error" (RFC 8914 4.4, 4.14)."""

DEFAULT = Caching()

TTL = 300
"""Seconds for which the answers of these tests hold."""


def make_forwarder(
    upstream: IUpstream,
    clock: Clock,
    *locals_: Local,
    options: Caching = DEFAULT,
) -> Forwarder:
    """Return a forwarder with a memory of its own; the clock is that of both."""
    memory = Memory(Cache(options, clock.seconds), Failures(clock.seconds))
    return Forwarder(locals_, memory, upstream, clock)


class FakeLocal:
    """Somebody who knows one reply, or none, to whatever is asked."""

    def __init__(self, reply: bytes | None) -> None:
        self.asked: list[Query] = []
        self._reply = reply

    def answer(self, query: Query) -> bytes | None:
        self.asked.append(query)
        return self._reply


def address(reply: dns.message.Message) -> str:
    """Return the one record of a reply: its TTL, type and value."""
    (rrset,) = reply.answer
    return f"{rrset.ttl} {rrset.to_text().split(maxsplit=3)[3]}"


class ForwarderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.upstream = FakeUpstream("one")
        self.forwarder = make_forwarder(self.upstream, self.clock)

    def resolve(self, query: Query) -> Deferred[bytes]:
        """Resolve what only the upstream knows."""
        replying = self.forwarder.resolve(query)
        assert isinstance(replying, Deferred)
        self.assertNoResult(replying)
        return replying

    def known(self, query: Query) -> dns.message.Message:
        """Resolve what is known here."""
        reply = self.forwarder.resolve(query)
        assert isinstance(reply, bytes)
        return dns.message.from_wire(reply)

    def reply(self, replying: Deferred[bytes]) -> dns.message.Message:
        return dns.message.from_wire(self.successResultOf(replying))

    def explanations(self, reply: dns.message.Message) -> list[tuple[int, str | None]]:
        """Return the Extended DNS Errors of a reply: their codes and texts."""
        return [
            (int(option.code), option.text)
            for option in reply.options
            if isinstance(option, dns.edns.EDEOption)
        ]

    def keep(self, name: str = "example.com", age: float = 0) -> None:
        """Have an answer for a name in memory, which came so many seconds ago."""
        replying = self.resolve(make_query(name))
        self.upstream.answer()
        assert self.reply(replying).rcode() == dns.rcode.NOERROR
        self.clock.advance(age)


class LocalTests(ForwarderTests):
    def test_known(self) -> None:
        """What is known here is the reply, at once, and nobody else is asked."""
        local = FakeLocal(b"known")
        query = make_query()
        forwarder = make_forwarder(self.upstream, self.clock, local)
        assert forwarder.resolve(query) == b"known"
        assert local.asked == [query]
        assert self.upstream.asked == []

    def test_order(self) -> None:
        """The locals are asked in their order, up to the first that knows."""
        locals_ = [FakeLocal(reply) for reply in (None, b"second", b"third")]
        query = make_query()
        forwarder = make_forwarder(self.upstream, self.clock, *locals_)
        assert forwarder.resolve(query) == b"second"
        assert [local.asked for local in locals_] == [[query], [query], []]

    def test_before_memory(self) -> None:
        """What a local knows goes before what was learned."""
        query = make_query()
        forwarder = make_forwarder(self.upstream, self.clock, FakeLocal(b"known"))
        forwarder.cache.learn(query, make_answer(query))
        assert forwarder.resolve(query) == b"known"

    def test_unknown(self) -> None:
        """What no local knows is asked of the upstream, as it is."""
        local = FakeLocal(None)
        query = make_query()
        self.forwarder = make_forwarder(self.upstream, self.clock, local)
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

    def test_together(self) -> None:
        """Who asks the same meanwhile gets the same answer, each in its own way."""
        queries = [make_query(), make_query("EXAMPLE.com"), make_query(edns=False)]
        for number, query in enumerate(queries):
            query.wire = number.to_bytes(2, "big") + query.wire[2:]
        waiting = [self.resolve(query) for query in queries]
        assert len(self.upstream.asked) == 1
        self.upstream.answer(address="192.0.2.9")
        replies = [self.reply(each) for each in waiting]
        assert [reply.id for reply in replies] == [0, 1, 2]
        assert [reply.edns for reply in replies] == [0, 0, -1]
        owners = [str(reply.answer[0].name) for reply in replies]
        assert owners == ["example.com.", "EXAMPLE.com.", "example.com."]
        assert {address(reply) for reply in replies} == {"300 A 192.0.2.9"}


class CountTests(ForwarderTests):
    def test_replies(self) -> None:
        """Replies count by their source: asked for, known, failed."""
        replying = self.resolve(make_query())
        shared = self.resolve(make_query())
        self.upstream.answer()
        self.successResultOf(replying)
        self.successResultOf(shared)
        assert self.forwarder.joined == 1
        assert self.forwarder.known(make_query()) is not None
        assert self.forwarder.known(make_query("other.example")) is None
        self.resolve(make_query("other.example"))
        self.upstream.fail()
        by_source = self.forwarder.replies.by_source()
        counts = {source: sum(each) for source, each in by_source.items()}
        assert counts == {
            "cache": 1, "error": 1, "local": 0, "stale": 0, "upstream": 2
        }  # fmt: skip

    def test_sources(self) -> None:
        """A query knows where its own reply came from, once there is one."""
        asked, shared, failed, known = (make_query() for _ in range(4))
        replying = [self.resolve(each) for each in (asked, shared)]
        assert asked.source == ""
        self.upstream.answer()
        for each in replying:
            self.successResultOf(each)
        self.known(known)
        seen = make_query()
        self.forwarder.known(seen)
        failed = make_query("other.example")
        self.resolve(failed)
        self.upstream.fail()
        made = make_query()
        make_forwarder(self.upstream, self.clock, FakeLocal(b"repl")).resolve(made)
        sources = [it.source for it in (asked, shared, known, seen, failed, made)]
        assert sources == ["upstream", "upstream", "cache", "cache", "error", "local"]


class MemoryTests(ForwarderTests):
    def test_kept(self) -> None:
        """What an upstream said is the reply from then on, and its TTL counts down."""
        self.keep(age=100)
        reply = self.known(make_query("EXAMPLE.com"))
        assert address(reply) == "200 A 192.0.2.1"
        assert str(reply.question[0].name) == "EXAMPLE.com."
        assert len(self.upstream.asked) == 1

    def test_over(self) -> None:
        """When its TTL is over the upstream is asked again."""
        self.keep(age=TTL - 1)
        assert address(self.known(make_query())) == "1 A 192.0.2.1"
        self.clock.advance(1)
        self.resolve(make_query())

    def test_flushed(self) -> None:
        """What was flushed is asked anew; what was not is still known."""
        self.keep(age=1)
        assert self.forwarder.flush(b"\3org\0", subtree=True) == 0
        assert address(self.known(make_query())) == f"{TTL - 1} A 192.0.2.1"
        assert self.forwarder.flush() == 1
        self.resolve(make_query())

    def test_failed_lately(self) -> None:
        """What failed a second ago is not asked anew (RFC 9520 section 3.2)."""
        replying = self.resolve(make_query())
        self.upstream.answer(SERVFAIL)
        assert self.reply(replying).rcode() == dns.rcode.SERVFAIL
        reply = self.known(make_query())
        assert reply.rcode() == dns.rcode.SERVFAIL
        assert [code for code, _ in self.explanations(reply)] == [CACHED_ERROR]
        self.clock.advance(1)
        self.resolve(make_query())


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
        """Who gives up is no bug, and not logged; the answer is learned still."""
        replying = self.resolve(make_query())
        replying.cancel()
        self.failureResultOf(replying, CancelledError)
        assert self.upstream.cancelled == []
        self.upstream.answer()
        assert address(self.known(make_query())) == "300 A 192.0.2.1"
        assert self.flushLoggedErrors() == []
        assert self.forwarder.failed == 0


class StaleTests(ForwarderTests):
    """An answer in memory is over; it serves where no fresh one is to be had."""

    def setUp(self) -> None:
        super().setUp()
        self.keep(age=TTL)

    def begin_anew(self, options: Caching, age: float = TTL) -> None:
        """Have the same answer, so old, in a memory with other options."""
        self.forwarder = make_forwarder(self.upstream, self.clock, options=options)
        self.keep(age=age)

    def pass_time(self, seconds: float) -> None:
        """Let time pass as it does, and not in one jump."""
        self.clock.pump([0.01] * round(seconds * 100))

    def at_once(self) -> dns.message.Message:
        """Resolve what an upstream was asked for, and answered without delay."""
        replying = self.forwarder.resolve(make_query())
        assert isinstance(replying, Deferred)
        return self.reply(replying)

    def assert_stale(self, reply: dns.message.Message) -> None:
        assert reply.rcode() == dns.rcode.NOERROR
        assert address(reply) == "30 A 192.0.2.1"
        assert [code for code, _ in self.explanations(reply)] == [STALE]

    def assert_fresh(self, reply: dns.message.Message, value: str) -> None:
        assert address(reply) == f"300 A {value}"
        assert self.explanations(reply) == []

    def test_late(self) -> None:
        """After 1.8 s a client gets the stale answer (RFC 8767 section 5)."""
        replying = self.resolve(make_query())
        self.pass_time(1.79)
        self.assertNoResult(replying)
        self.pass_time(0.07)
        self.assert_stale(self.reply(replying))

    def test_source(self) -> None:
        """A query that got it knows that it was stale."""
        query = make_query()
        replying = self.resolve(query)
        self.pass_time(2)
        self.assert_stale(self.reply(replying))
        assert query.source == "stale"

    def test_refreshed(self) -> None:
        """The refresh goes on behind, and is learned; there is no second reply."""
        replying = self.resolve(make_query())
        replies: list[bytes] = []
        replying.addCallback(replies.append)
        self.pass_time(2)
        assert len(replies) == 1
        assert self.upstream.cancelled == []
        self.upstream.answer(address="192.0.2.2")
        assert len(replies) == 1
        self.assert_fresh(self.known(make_query()), "192.0.2.2")
        assert self.flushLoggedErrors() == []

    def test_failed_behind(self) -> None:
        """Should the refresh fail after all, nobody hears of it."""
        replying = self.resolve(make_query())
        self.pass_time(2)
        self.upstream.fail()
        self.assert_stale(self.reply(replying))
        assert self.flushLoggedErrors() == []

    def test_in_time(self) -> None:
        """A fresh answer that comes in time is the reply, and the only one."""
        replying = self.resolve(make_query())
        self.pass_time(1.7)
        self.upstream.answer(address="192.0.2.2")
        self.pass_time(1)
        self.assert_fresh(self.reply(replying), "192.0.2.2")

    def test_each_in_time(self) -> None:
        """Each client waits for its own 1.8 s, though they share one exchange."""
        first = self.resolve(make_query())
        self.pass_time(1)
        second = self.resolve(make_query("EXAMPLE.com"))
        self.pass_time(0.9)
        self.assert_stale(self.reply(first))
        self.assertNoResult(second)
        self.upstream.answer(address="192.0.2.2")
        reply = self.reply(second)
        self.assert_fresh(reply, "192.0.2.2")
        assert str(reply.question[0].name) == "EXAMPLE.com."

    def test_down(self) -> None:
        """When nobody can be asked it comes at once, and counts as no failure."""
        self.upstream.at_once = UpstreamError("refused")
        for _ in range(2):
            self.assert_stale(self.at_once())
        assert self.forwarder.failed == 0
        assert self.clock.getDelayedCalls() == []

    def test_failed(self) -> None:
        """When the upstream fails on the way it comes in that moment."""
        replying = self.resolve(make_query())
        self.pass_time(0.5)
        self.upstream.fail()
        self.assert_stale(self.reply(replying))
        assert self.forwarder.failed == 0

    def test_unhelpful(self) -> None:
        """An upstream that says only that it cannot tell is as good as none."""
        for rcode in (SERVFAIL, REFUSED):
            self.begin_anew(DEFAULT)
            replying = self.resolve(make_query())
            self.upstream.answer(rcode)
            self.assert_stale(self.reply(replying))

    def test_failed_lately(self) -> None:
        """What failed a second ago is not asked anew: it comes at once."""
        self.resolve(make_query())
        self.upstream.answer(SERVFAIL)
        self.assert_stale(self.known(make_query()))
        self.clock.advance(1)
        self.resolve(make_query())

    def test_no_such_name(self) -> None:
        """That the name is gone is news, and not a failure."""
        replying = self.resolve(make_query())
        self.upstream.answer(NXDOMAIN)
        assert self.reply(replying).rcode() == dns.rcode.NXDOMAIN

    def test_nothing_stale(self) -> None:
        """For a name without a stale answer nothing changes."""
        late = self.resolve(make_query("late.example"))
        self.pass_time(4)
        self.assertNoResult(late)
        assert self.clock.getDelayedCalls() == []
        self.upstream.fail()
        assert self.reply(late).rcode() == dns.rcode.SERVFAIL
        refused = self.resolve(make_query("refused.example"))
        self.upstream.answer(REFUSED)
        assert self.reply(refused).rcode() == dns.rcode.REFUSED
        assert self.forwarder.failed == 1

    def test_too_old(self) -> None:
        """What is over for more than a day is no answer any more."""
        self.clock.advance(86_400)
        self.upstream.at_once = UpstreamError("refused")
        self.assert_stale(self.at_once())
        self.clock.advance(1)
        assert self.at_once().rcode() == dns.rcode.SERVFAIL

    def test_switched_off(self) -> None:
        """Stale answers can be switched off."""
        self.begin_anew(Caching(serve_stale=False))
        replying = self.resolve(make_query())
        self.pass_time(3)
        self.assertNoResult(replying)
        self.upstream.fail()
        assert self.reply(replying).rcode() == dns.rcode.SERVFAIL

    def test_other_time(self) -> None:
        """How long a client waits can be set."""
        memory = self.forwarder._memory
        self.forwarder = Forwarder([], memory, self.upstream, self.clock, 0.5)
        replying = self.resolve(make_query())
        self.pass_time(0.49)
        self.assertNoResult(replying)
        self.pass_time(0.07)
        self.assert_stale(self.reply(replying))

    def test_forgotten_meanwhile(self) -> None:
        """If the stale answer goes meanwhile the client waits for the fresh one."""
        replying = self.resolve(make_query())
        self.pass_time(1)
        self.forwarder.cache.flush()
        self.pass_time(2)
        self.assertNoResult(replying)
        self.upstream.answer(address="192.0.2.2")
        self.assert_fresh(self.reply(replying), "192.0.2.2")

    def test_cancel(self) -> None:
        """Who gives up gets nothing more; the refresh goes on, and is learned."""
        replying = self.resolve(make_query())
        self.pass_time(1)
        replying.cancel()
        self.failureResultOf(replying, CancelledError)
        self.pass_time(1)
        assert self.upstream.cancelled == []
        self.upstream.answer(address="192.0.2.2")
        self.assert_fresh(self.known(make_query()), "192.0.2.2")
        assert self.flushLoggedErrors() == []

    def test_no_call_left(self) -> None:
        """When nobody waits for a stale answer any more, time is looked at no more."""
        self.resolve(make_query())
        self.pass_time(0.1)
        self.upstream.answer()
        self.pass_time(1.8)
        assert self.clock.getDelayedCalls() == []

    def test_stop(self) -> None:
        """After the end nothing is left to happen; the upstream's failure is told."""
        replying = self.resolve(make_query())
        self.forwarder.stop()
        assert self.clock.getDelayedCalls() == []
        self.upstream.stop()
        self.assert_stale(self.reply(replying))


class PrefetchTests(ForwarderTests):
    """An answer is in the last tenth of its life."""

    def setUp(self) -> None:
        super().setUp()
        self.keep(age=TTL * 9 // 10)

    def test_behind(self) -> None:
        """It is the reply, at once, and asked for anew behind."""
        assert address(self.known(make_query())) == "30 A 192.0.2.1"
        assert len(self.upstream.asked) == 2

    def test_not_before(self) -> None:
        """Before that nothing is asked."""
        self.keep("www.example.com", TTL * 9 // 10 - 1)
        self.known(make_query("www.example.com"))
        assert len(self.upstream.asked) == 2

    def test_counted(self) -> None:
        """That it was asked for anew is counted."""
        self.known(make_query())
        assert self.forwarder.refreshed == 1

    def test_once(self) -> None:
        """However many ask for it, it is asked for once."""
        for _ in range(5):
            self.known(make_query())
        assert len(self.upstream.asked) == 2

    def test_renewed(self) -> None:
        """The new answer takes the place of the old one, and lives as long again."""
        self.known(make_query())
        self.clock.advance(10)
        assert address(self.known(make_query())) == "20 A 192.0.2.1"
        self.upstream.answer(address="192.0.2.2")
        assert address(self.known(make_query())) == "300 A 192.0.2.2"
        self.clock.advance(TTL * 9 // 10)
        assert address(self.known(make_query())) == "30 A 192.0.2.2"
        assert len(self.upstream.asked) == 3

    def test_joined(self) -> None:
        """Who comes when the old answer is over waits for the one under way."""
        self.known(make_query())
        self.clock.advance(30)
        replying = self.resolve(make_query())
        assert len(self.upstream.asked) == 2
        self.upstream.answer(address="192.0.2.2")
        assert address(self.reply(replying)) == "300 A 192.0.2.2"

    def test_failed(self) -> None:
        """If that fails nobody hears of it, and the old answer goes on."""
        self.known(make_query())
        self.upstream.fail()
        assert address(self.known(make_query())) == "30 A 192.0.2.1"
        assert len(self.upstream.asked) == 2
        assert self.forwarder.failed == 0
        assert self.flushLoggedErrors() == []

    def test_at_once(self) -> None:
        """An upstream that answers without delay changes nothing for the client."""
        self.upstream.at_once = make_answer(make_query(), address="192.0.2.2")
        assert address(self.known(make_query())) == "30 A 192.0.2.1"
        assert address(self.known(make_query())) == "300 A 192.0.2.2"
        assert len(self.upstream.asked) == 2

    def test_fault(self) -> None:
        """A bug in the refresh is logged, as it is where a client waits."""
        self.known(make_query())
        self.upstream.asked[-1][1].errback(ZeroDivisionError("of all things"))
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_switched_off(self) -> None:
        """Prefetching can be switched off."""
        options = Caching(prefetch=False)
        self.forwarder = make_forwarder(self.upstream, self.clock, options=options)
        self.keep(age=TTL - 1)
        assert address(self.known(make_query())) == "1 A 192.0.2.1"
        assert len(self.upstream.asked) == 2


class TraceTests(SynchronousTestCase):
    """What is told beside what the parts tell."""

    def setUp(self) -> None:
        self.clock, self.upstream = Clock(), FakeUpstream("one")
        self.query = make_query()
        self.told = follow(self.query)

    def test_local(self) -> None:
        """A reply that is known here is told, and by whom."""
        forwarder = make_forwarder(self.upstream, self.clock, FakeLocal(b"reply"))
        forwarder.resolve(self.query)
        assert self.told.steps == ["local: FakeLocal has the answer"]

    def test_failed(self) -> None:
        """So is why there is none."""
        forwarder = make_forwarder(self.upstream, self.clock)
        forwarder.resolve(self.query)
        self.upstream.fail("on fire")
        assert self.told.steps[-1] == "failed: no answer: one: on fire"

    def test_stale(self) -> None:
        """So is a stale answer that stands by, and serves."""
        forwarder = make_forwarder(self.upstream, self.clock)
        forwarder.resolve(self.query)
        self.upstream.answer()
        self.clock.advance(TTL + 1)
        self.told.take()
        forwarder.resolve(self.query)
        self.clock.pump([0.1] * 20)
        assert self.told.steps == [
            "cache: a miss, what is kept ended 1 s ago",
            "stale: what is kept serves unless an answer comes within 1.8 s",
            "stale: what is kept has to do",
        ]

    def test_refresh(self) -> None:
        """So is an answer that is asked for anew before its end."""
        forwarder = make_forwarder(self.upstream, self.clock)
        forwarder.resolve(self.query)
        self.upstream.answer()
        self.clock.advance(TTL * 0.95)
        self.told.take()
        forwarder.resolve(self.query)
        assert self.told.steps[0] == "refresh: asked for anew, before its end"
