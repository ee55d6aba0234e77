"""The messages of a lookup: what is asked, and what a reply says."""

from struct import pack
from unittest import TestCase

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.upstream.bootstrap.lookup_message import (
    Family,
    Found,
    merge,
    questions_for,
    read_reply,
    write_query,
)
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.message import TC
from tests.messages import answers, quick, spoiled
from tests.resolvers import SERVER, V4, V6, reply

QUERY = write_query(SERVER, Family.A, 0x1234)

QUESTION = b"\3dns\7example\0\0\1\0\1"


class QueryTests(TestCase):
    def test_questions(self) -> None:
        """Two questions, folded, are asked for a name: one for each family."""
        address, longer = b"\3dns\7example\0\0\1\0\1", b"\3dns\7example\0\0\x1c\0\1"
        assert questions_for("DNS.example") == {address, longer}

    def test_octets(self) -> None:
        """A query has a header, the one question, and an OPT without options."""
        head = b"\x12\x34\1\0\0\1\0\0\0\0\0\1"
        opt = b"\0\0\x29\x04\xd0" + bytes(6)
        assert write_query(SERVER, Family.A, 0x1234) == head + QUESTION + opt

    def test_family(self) -> None:
        """The other family is another type of the same name."""
        question = dns.message.from_wire(write_query(SERVER, Family.AAAA, 1)).question
        assert question[0].to_text() == f"{SERVER}. IN AAAA"


class ReadTests(TestCase):
    def failure(self, wire: bytes) -> str:
        with pytest.raises(UpstreamError) as caught:
            read_reply(wire)
        return str(caught.value)

    def test_addresses(self) -> None:
        """All addresses of the type are taken, in their order, with their TTL."""
        found = read_reply(reply(QUERY, V4, f"{SERVER}. 300 A 192.0.2.2", V6))
        assert found == Found(("192.0.2.1", "192.0.2.2"), 300)

    def test_other_family(self) -> None:
        """An IPv6 address comes in its shortest spelling."""
        found = read_reply(reply(write_query(SERVER, Family.AAAA, 1), V6))
        assert found == Found(("2001:db8::1",), 300)

    def test_alias(self) -> None:
        """An alias is followed, and its TTL counts if it is the lowest."""
        alias = f"{SERVER}. 77 CNAME anycast.example."
        found = read_reply(reply(QUERY, alias, "anycast.example. 300 A 192.0.2.9"))
        assert found == Found(("192.0.2.9",), 77)

    def test_foreign_record(self) -> None:
        """The address of a name that was not asked for is not ours."""
        other = reply(QUERY, "other.example. 300 A 192.0.2.9")
        assert self.failure(other) == "no addresses"

    def test_endless_alias(self) -> None:
        """An alias of itself leads nowhere."""
        alias = reply(QUERY, f"{SERVER}. 300 CNAME {SERVER}.")
        assert self.failure(alias) == "unreadable reply"

    def test_rcode(self) -> None:
        """What is not NOERROR is named, whatever records come with it."""
        assert self.failure(reply(QUERY, V4, rcode=3)) == "NXDOMAIN"
        assert self.failure(reply(QUERY, V4, rcode=5)) == "REFUSED"
        assert self.failure(reply(QUERY, rcode=16)) == "BADVERS"

    def test_no_addresses(self) -> None:
        """A name may exist without addresses of this family."""
        assert self.failure(reply(QUERY, V6)) == "no addresses"

    def test_truncated(self) -> None:
        """A reply cut short is good for what it holds, even cut within a record."""
        whole = reply(QUERY, V4, f"{SERVER}. 300 A 192.0.2.2")
        whole = whole[:2] + bytes((whole[2] | TC,)) + whole[3:]
        assert read_reply(whole[:-13]) == Found(("192.0.2.1",), 300)
        assert self.failure(whole[: 12 + len(QUESTION)]) == "cut short"

    def test_unreadable(self) -> None:
        """Without TC, a reply that ends within a record cannot be trusted at all."""
        assert self.failure(reply(QUERY, V4)[:-1]) == "unreadable reply"

    @quick
    @given(wire=spoiled(answers(QUERY)), flags=st.integers(0, 0xFFFF))
    def test_any_octets(self, wire: bytes, flags: int) -> None:
        """Behind a question that matches, anything may come: addresses or an error."""
        flags = flags & 0x87FF | 0x8000
        head = QUERY[:2] + pack("!2H", flags, 1)
        wire = head + wire[6:12].ljust(6, b"\1") + QUESTION + wire[12 + len(QUESTION) :]
        try:
            found = read_reply(wire)
        except UpstreamError:
            return
        assert found.addresses
        assert 0 <= found.ttl < 2**31


class MergeTests(TestCase):
    def test_turns(self) -> None:
        """Families take turns, the first one first; the rest follows."""
        merged = merge([Found(("::1", "::2", "::3"), 90), Found(("192.0.2.1",), 60)])
        assert merged == Found(("::1", "192.0.2.1", "::2", "::3"), 60)

    def test_one(self) -> None:
        """One family alone stays as it is."""
        alone = Found(("192.0.2.1", "192.0.2.2"), 60)
        assert merge([alone]) == alone
