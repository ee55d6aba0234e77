"""What upstreams hear of a client's subnet."""

from unittest import TestCase

import dns.edns
import dns.message

from dotproxy.config.caching import Caching
from dotproxy.local.cache import Cache
from dotproxy.local.client_subnet import ClientSubnet
from dotproxy.wire.answer import parse_answer
from dotproxy.wire.query import Query, outgoing, outgoing_in_clear, parse_query
from dotproxy.wire.subnet import SUBNET
from tests.messages import odd_option

KEEP, PRIVATE = ClientSubnet(keep=True), ClientSubnet(keep=False)


def a_query(*options: dns.edns.Option, edns: bool = True) -> Query:
    """Return a query with these options."""
    wish = dns.message.make_query("www.example.com", "A", id=1)
    wish.use_edns(0 if edns else False, options=options)
    return parse_query(wish.to_wire())


def of(address: str, bits: int = 24) -> Query:
    """Return a query of a client who speaks for a subnet."""
    return a_query(dns.edns.ECSOption(address, bits))


def heard(query: Query) -> list[str]:
    """Return the subnets that upstreams hear of, over TLS and in clear."""
    leaving = (outgoing(query, 1, 128), outgoing_in_clear(query, 1))
    found = []
    for message in map(dns.message.from_wire, leaving):
        found.append([str(each) for each in message.options if each.otype == SUBNET])
    assert found[0] == found[1]
    return found[0]


class StripTests(TestCase):
    def test_nothing(self) -> None:
        """Left alone, nothing is heard of whatever a client says, nor does it count."""
        assert heard(of("192.0.2.0")) == []
        assert of("192.0.2.0").key == of("198.51.100.0").key == a_query().key


class PrivateTests(TestCase):
    def test_nobody(self) -> None:
        """Upstreams hear the wish to add no address, whatever clients say."""
        for query in (of("192.0.2.0"), a_query(), a_query(edns=False)):
            key = query.key
            assert PRIVATE.answer(query) is None
            assert heard(query) == ["ECS 0.0.0.0/0 scope/0"]
            assert query.key == key, "all share the answer"

    def test_malformed(self) -> None:
        """What is dropped need not be well formed."""
        query = a_query(odd_option(SUBNET, b"\0\1"))
        assert PRIVATE.answer(query) is None


class KeepTests(TestCase):
    def test_heard(self) -> None:
        """Upstreams hear what the client says, and nothing if it says nothing."""
        for query, expected in (
            (of("192.0.2.0"), ["ECS 192.0.2.0/24 scope/0"]),
            (of("2001:db8::", 56), ["ECS 2001:db8::/56 scope/0"]),
            (of("0.0.0.0", 0), ["ECS 0.0.0.0/0 scope/0"]),
            (a_query(), []),
            (a_query(edns=False), []),
        ):
            assert KEEP.answer(query) is None
            assert heard(query) == expected

    def test_keys(self) -> None:
        """Only those who speak for the same subnet share an answer."""
        several = [
            of("192.0.2.0"),
            of("192.0.2.0", 25),
            of("198.51.100.0"),
            of("2001:db8::", 56),
            of("0.0.0.0", 0),
            a_query(),
        ]
        for query in several:
            KEEP.answer(query)
        assert len({query.key for query in several}) == len(several)
        again = of("192.0.2.0")
        KEEP.answer(again)
        KEEP.answer(again)
        assert again.key == several[0].key, "however often it is looked at"

    def test_malformed(self) -> None:
        """A subnet that cannot be read is refused (RFC 7871 section 7.1.2)."""
        reply = KEEP.answer(a_query(odd_option(SUBNET, b"\0\1")))
        assert reply is not None
        told = dns.message.from_wire(reply)
        assert told.rcode() == dns.rcode.FORMERR
        assert [str(each) for each in told.options] == [
            "EDE 0 (Other): a subnet is cut short"
        ]


class CacheTests(TestCase):
    """What is learned from an answer to somebody who speaks for a subnet."""

    def setUp(self) -> None:
        self.cache = Cache(Caching(), lambda: 100.0)

    def ask(self, query: Query) -> bool:
        """Say whether the cache knows the answer."""
        KEEP.answer(query)
        return self.cache.answer(query) is not None

    def learn(self, query: Query, scope: int | None) -> None:
        """Let an answer come for that many bits; None: it does not say for whom."""
        KEEP.answer(query)
        answer = dns.message.make_response(dns.message.from_wire(query.wire))
        answer.answer = [
            dns.rrset.from_text("www.example.com.", 300, "IN", "A", "192.0.2.1")
        ]
        said = [] if scope is None else [dns.edns.ECSOption("192.0.2.0", 24, scope)]
        answer.use_edns(0, options=said)
        self.cache.learn(query, parse_answer(answer.to_wire()))

    def test_scoped(self) -> None:
        """An answer for a part of the network is kept for nobody."""
        self.learn(of("192.0.2.0"), 24)
        assert not self.ask(of("192.0.2.0"))

    def test_for_all(self) -> None:
        """One for everybody is kept for those who speak for the same subnet only."""
        for scope in (0, None):
            self.cache.flush()
            self.learn(of("192.0.2.0"), scope)
            assert self.ask(of("192.0.2.0"))
            for other in (of("198.51.100.0"), of("192.0.2.0", 23), a_query()):
                assert not self.ask(other)

    def test_flush(self) -> None:
        """A name is forgotten for all subnets."""
        self.learn(of("192.0.2.0"), 0)
        self.learn(a_query(), None)
        assert self.cache.flush(b"\7example\3com\0", subtree=True) == 2
        assert not self.ask(of("192.0.2.0"))
