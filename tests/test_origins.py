"""Where an origin is."""

import dns.message
import dns.rcode
import dns.rrset
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.gateway.origins import Origins
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.query import Query

A, AAAA = 1, 28


def reply(query: Query, *records: str, rcode: int = 0) -> bytes:
    """Return the reply to a query, with records as `TYPE DATA`."""
    message = dns.message.make_response(dns.message.from_wire(query.wire))
    message.set_rcode(dns.rcode.Rcode(rcode))
    owner = message.question[0].name
    for record in records:
        kind, value = record.split()
        message.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, value))
    # Glue, which is nobody's answer.
    message.additional.append(dns.rrset.from_text("ns.", 60, "IN", "A", "9.9.9.9"))
    return message.to_wire()


class Held:
    """A forwarder that replies when it is told to."""

    def __init__(self) -> None:
        self.asked: dict[int, Query] = {}
        self.waiting: dict[int, Deferred[bytes]] = {}
        self.at_once: dict[int, bytes] = {}

    def resolve(self, query: Query) -> bytes | Deferred[bytes]:
        self.asked[query.type] = query
        self.waiting[query.type] = Deferred()
        return self.at_once.get(query.type) or self.waiting[query.type]

    def answer(self, kind: int, *records: str, rcode: int = 0) -> None:
        self.waiting[kind].callback(reply(self.asked[kind], *records, rcode=rcode))


class OriginsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.forwarder = Held()
        origins = Origins(self.forwarder.resolve, self.clock, 5)
        self.finding = Deferred.fromCoroutine(origins.addresses("www.example.org"))

    def tearDown(self) -> None:
        assert self.clock.getDelayedCalls() == []

    def test_families(self) -> None:
        """Both families are asked for, and tried in turn, IPv6 first."""
        assert set(self.forwarder.asked) == {A, AAAA}
        question = self.forwarder.asked[A].question
        assert question == b"\3www\7example\3org\0\0\1\0\1"
        assert self.forwarder.asked[A].deadline == 5
        self.forwarder.answer(AAAA, "AAAA 2620:fe::1", "AAAA 2620:fe::2")
        self.forwarder.answer(A, "CNAME alias.example.", "A 1.2.3.4")
        assert self.successResultOf(self.finding) == (
            "2620:fe::1",
            "1.2.3.4",
            "2620:fe::2",
        )

    def test_one_late(self) -> None:
        """One family waits but 50 ms for the other (RFC 8305 section 3)."""
        self.forwarder.answer(A, "A 1.2.3.4")
        self.clock.advance(0.049)
        self.assertNoResult(self.finding)
        self.clock.advance(0.001)
        assert self.successResultOf(self.finding) == ("1.2.3.4",)

    def test_one_only(self) -> None:
        """A name may have one family only."""
        self.forwarder.answer(AAAA)
        self.forwarder.answer(A, "A 1.2.3.4")
        assert self.successResultOf(self.finding) == ("1.2.3.4",)

    def test_none(self) -> None:
        """A name without addresses is a failure that says so."""
        self.forwarder.answer(AAAA, rcode=3)
        self.forwarder.answer(A, rcode=2)
        error = self.failureResultOf(self.finding, UpstreamError).value
        assert str(error) == "AAAA: NXDOMAIN, A: SERVFAIL"

    def test_strange(self) -> None:
        """So is a reply with a strange code, or with nothing in it."""
        self.forwarder.answer(AAAA, rcode=9)
        self.forwarder.answer(A, "TXT 1234")
        error = self.failureResultOf(self.finding, UpstreamError).value
        assert str(error) == "AAAA: RCODE 9, A: no addresses"

    def test_known(self) -> None:
        """What is known is there at once."""
        forwarder = Held()
        for kind, record in ((A, "A 1.2.3.4"), (AAAA, "AAAA 2620:fe::1")):
            forwarder.at_once[kind] = reply(self.forwarder.asked[kind], record)
        finding = Origins(forwarder.resolve, self.clock, 5).addresses("www.example.org")
        found = self.successResultOf(Deferred.fromCoroutine(finding))
        assert found == ("2620:fe::1", "1.2.3.4")

    def test_cancelled(self) -> None:
        """Whoever waits no longer leaves no query waiting."""
        cancelled = self.forwarder.waiting.values()
        self.finding.addErrback(lambda _: None)
        self.finding.cancel()
        assert all(waiting.called for waiting in cancelled)
