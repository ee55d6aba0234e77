"""Replies, as clients get them."""

from unittest import TestCase

import dns.edns
import dns.flags
import dns.message
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.answer import parse_answer
from dotproxy.wire.edns import explanation
from dotproxy.wire.message import (
    BADVERS,
    FORMERR,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    FormatError,
)
from dotproxy.wire.query import Query, parse_query
from dotproxy.wire.reply import cut_short, from_answer, from_body, rejection, status
from tests.messages import (
    ADDRESS,
    BACK,
    EXAMPLE,
    OPTIONS,
    RDATAS,
    answers,
    message,
    opt,
    queries,
    quick,
    record,
    spoiled,
)

A = record(BACK, 1, ADDRESS)
BOGUS = b"\0\x0f\0\7\0\6bogus"
"""An explanation as an option: DNSSEC Bogus."""

TEXT = 65280
"""A type that nobody knows, for records of any length."""


def query(flags: int = 0x0100, *records: bytes) -> Query:
    """Read a query for example.com with these additional records."""
    return parse_query(message(flags, [EXAMPLE], [], [], records))


def reply(asked: Query, answer: bytes) -> bytes:
    """Return the reply to a query for which an upstream gave this answer."""
    return from_answer(asked, parse_answer(answer))


def read(wire: bytes) -> dns.message.Message:
    """Read a reply, whole, as a client does: octets behind it are a fault."""
    return dns.message.from_wire(wire, one_rr_per_rrset=True)


def padded(size: int) -> bytes:
    """Return an answer of so many octets, with one record and no OPT."""
    bare = len(message(0x8180, [EXAMPLE], [record(BACK, TEXT, b"")]))
    return message(0x8180, [EXAMPLE], [record(BACK, TEXT, bytes(size - bare))])


class HeaderTests(TestCase):
    def flags(self, asked: Query, answered: int) -> int:
        """Return the flags of the reply to an answer with those."""
        found = reply(asked, message(answered, [EXAMPLE], [A]))
        assert found[:2] == asked.wire[:2]
        return int.from_bytes(found[2:4], "big")

    def test_id(self) -> None:
        """The reply has the ID of its query (RFC 1035 section 4.1.1)."""
        asked = parse_query(b"\xbe\xef" + message(0x0100, [EXAMPLE])[2:])
        assert reply(asked, message(0x8180, [EXAMPLE], [A]))[:2] == b"\xbe\xef"

    def test_recursion(self) -> None:
        """RD is the client's, RA is always set (RFC 1035 section 4.1.1)."""
        assert self.flags(query(0x0100), 0x8000) == 0x8180
        assert self.flags(query(0x0000), 0x8180) == 0x8080

    def test_authority(self) -> None:
        """AA is clear: no answer here is authoritative (RFC 1035 section 4.1.1)."""
        assert self.flags(query(), 0x8580) == 0x8180

    def test_validated(self) -> None:
        """AD is for those who asked by AD or DO (RFC 6840 section 5.8)."""
        by_dnssec_ok = query(0x0100, opt(ttl=0x8000))
        assert self.flags(query(), 0x81A0) == 0x8180
        assert self.flags(query(0x0100, opt()), 0x81A0) == 0x8180
        assert self.flags(query(0x0120), 0x81A0) == 0x81A0
        assert self.flags(by_dnssec_ok, 0x81A0) == 0x81A0

    def test_never_validated_here(self) -> None:
        """AD is never set where the upstream did not set it (RFC 4035 3.2.3)."""
        assert self.flags(query(0x0120), 0x8180) == 0x8180
        assert self.flags(query(0x0100, opt(ttl=0x8000)), 0x8180) == 0x8180

    def test_checking_disabled(self) -> None:
        """CD is the client's own, copied (RFC 4035 section 3.2.2)."""
        assert self.flags(query(0x0110), 0x8180) == 0x8190
        assert self.flags(query(0x0100), 0x8190) == 0x8180

    def test_unknown_flag(self) -> None:
        """Z is handed on, as flags of unknown meaning must (RFC 5625 section 4.1)."""
        assert self.flags(query(), 0x81C0) == 0x81C0

    def test_upstream_truncated(self) -> None:
        """TC of an upstream is handed on (RFC 5625 section 4.1)."""
        assert self.flags(query(), 0x8380) == 0x8380

    def test_rcode(self) -> None:
        """The RCODE is the upstream's (RFC 1035 section 4.1.1)."""
        assert self.flags(query(), 0x8183) == 0x8183


class RecordsTests(TestCase):
    def test_octet_for_octet(self) -> None:
        """Types and data that nobody knows pass untouched (RFC 3597 section 4)."""
        odd = [
            record(BACK, 65280, b"\xc0\x0c\xff\0\x29\0\0"),
            record(BACK, 1, b"not four octets"),
            record(b"\1*" + BACK, 16, b"\xff" * 3, ttl=0xFFFFFFFF),
            record(b"\0", 64, b""),
        ]
        answer = message(0x8180, [EXAMPLE], odd[:2], odd[2:3], odd[3:])
        assert reply(query(), answer) == answer

    def test_spelling(self) -> None:
        """The client finds its own spelling, and names that point there resolve."""
        question = b"\7eXaMpLe\3cOm\0\0\1\0\1"
        asked = parse_query(message(0x0100, [question]))
        found = reply(
            asked, message(0x8180, [EXAMPLE], [record(b"\1a" + BACK, 2, BACK)])
        )
        assert found[12 : 12 + len(question)] == question
        assert str(read(found).answer[0]) == "a.eXaMpLe.cOm. 300 IN NS eXaMpLe.cOm."

    def test_error_without_question(self) -> None:
        """An error that came without the question gets it back (RFC 1035 4.1.1)."""
        found = reply(query(), message(0x8181, []))
        assert found == message(0x8181, [EXAMPLE])
        explained = message(0x8185, [], [], [], [opt(BOGUS)])
        heard = read(reply(query(0x0100, opt()), explained))
        assert heard.rcode() == REFUSED
        assert [str(each.text) for each in heard.extended_errors()] == ["bogus"]

    @quick
    @given(st.data())
    def test_what_differs(self, data: st.DataObject) -> None:
        """Only ID, spelling, flags and OPT differ from what the upstream said."""
        asked = parse_query(data.draw(queries()))
        answer = data.draw(answers(asked.wire))
        found = reply(asked, answer)
        said, heard = parse_answer(answer), parse_answer(found)
        assert found[:2] == asked.wire[:2]
        assert heard.body[4:12] == said.body[4:12]
        assert found[12:].startswith(asked.question)
        behind = 12 + len(asked.question)
        assert heard.body[behind:] == said.body[behind:]
        assert (heard.opt is None) == (asked.opt is None)
        assert heard.rcode == said.rcode or asked.opt is None

    @quick
    @given(st.data(), st.integers(512, 1400))
    def test_size(self, data: st.DataObject, limit: int) -> None:
        """No reply is larger than the client takes, and all in it is whole."""
        asked = parse_query(data.draw(queries()))
        asked.max_size = limit
        found = reply(asked, data.draw(answers(asked.wire)))
        assert len(found) <= limit
        assert read(found).id == read(asked.wire).id

    @quick
    @given(st.data(), st.integers(512, 1400))
    def test_whatever_the_answer(self, data: st.DataObject, limit: int) -> None:
        """Whatever the answer, if it can be read then so can the reply."""
        asked = parse_query(data.draw(queries()))
        asked.max_size = limit
        wire = data.draw(spoiled(answers(asked.wire)))
        try:
            answer = parse_answer(wire)
        except FormatError:
            return
        if wire[12 : 12 + len(asked.question)] == asked.question:
            found = from_answer(asked, answer)
            assert len(found) <= limit
            assert parse_answer(found).body[12:].startswith(asked.question)


class BodyTests(TestCase):
    """A body may come from elsewhere than an answer: the cache keeps some."""

    BODY = message(0x8180, [EXAMPLE], [A])

    def test_as_from_an_answer(self) -> None:
        """Body, RCODE and explanation are all of an answer that a client gets."""
        explained = message(0x8183, [EXAMPLE], [A], [], [opt(BOGUS)])
        body = message(0x8183, [EXAMPLE], [A])
        for asked in (query(), query(0x0100, opt())):
            found = from_body(asked, body, NXDOMAIN, BOGUS)
            assert found == reply(asked, explained)

    def test_rcode(self) -> None:
        """The RCODE is the one given, not the body's share (RFC 6891 6.1.3)."""
        asked = query(0x0100, opt())
        assert read(from_body(asked, self.BODY, 23, b"")).rcode() == 23
        assert from_body(query(), self.BODY, NXDOMAIN, b"")[3] == 0x83
        assert from_body(query(), self.BODY, 23, b"")[3] == 0x80 | SERVFAIL

    def test_explanation(self) -> None:
        """The explanation is for those who can hear it (RFC 8914 section 3)."""
        heard = read(from_body(query(0x0100, opt()), self.BODY, NOERROR, BOGUS))
        assert [str(each.text) for each in heard.extended_errors()] == ["bogus"]
        assert from_body(query(), self.BODY, NOERROR, BOGUS) == self.BODY

    def test_untouched(self) -> None:
        """The body itself stays as it is: others get it, too."""
        body = bytearray(self.BODY)
        from_body(parse_query(b"\xbe\xef" + query().wire[2:]), bytes(body), 0, b"")
        assert bytes(body) == self.BODY


class EdnsTests(TestCase):
    def heard(self, asked: Query, *options: dns.edns.Option) -> dns.message.Message:
        """Return what a client hears of an answer with these options."""
        answer = dns.message.from_wire(message(0x8180, [EXAMPLE], [A]))
        answer.use_edns(0, 0x4001, 4096, options=list(options))
        return read(reply(asked, answer.to_wire()))

    def test_only_if_sent(self) -> None:
        """OPT is for those who sent one (RFC 6891 section 6.1.1)."""
        assert self.heard(query(), *OPTIONS).edns == -1
        assert self.heard(query(0x0100, opt())).edns == 0

    def test_though_upstream_has_none(self) -> None:
        """OPT is ours, whether or not the upstream has one (RFC 6891 6.1.1)."""
        found = read(reply(query(0x0100, opt()), message(0x8180, [EXAMPLE], [A])))
        assert (found.edns, found.payload) == (0, 1232)

    def test_ours(self) -> None:
        """Payload and version are ours, DO is the client's (RFC 3225 section 3)."""
        plain = self.heard(query(0x0100, opt()))
        asked = self.heard(query(0x0100, opt(ttl=0xC000)))
        assert (plain.edns, plain.ednsflags, plain.payload) == (0, 0, 1232)
        assert (asked.edns, asked.ednsflags) == (0, dns.flags.DO)

    def test_options(self) -> None:
        """Of the upstream's options only explanations are for the client (RFC 8914 3).

        Padding, keepalive, cookies and subnets are between two neighbours.
        """
        found = self.heard(query(0x0100, opt()), *OPTIONS)
        assert [int(each.otype) for each in found.options] == [15]
        assert found.extended_errors()[0].text == "so it is"

    def test_extended_rcode(self) -> None:
        """A longer RCODE takes an OPT to say (RFC 6891 section 6.1.3)."""
        answer = message(0x8187, [EXAMPLE], [], [], [opt(ttl=0x01000000)])
        assert read(reply(query(0x0100, opt()), answer)).rcode() == 23
        assert read(reply(query(), answer)).rcode() == SERVFAIL


class SubnetTests(TestCase):
    """A client that speaks for 192.0.2.0/24, in a query that went out with that."""

    SENT = b"\0\1\x18\0\xc0\0\2"
    SAID = b"\0\x08\0\7\0\1\x18\x10\xc0\0\2"

    def setUp(self) -> None:
        self.query = query(0x0100, opt(payload=512))
        self.query.speak_for(self.SENT)

    def answer(self, size: int) -> bytes:
        """Return an answer of so many octets, for 192.0.0.0/16, with a reason."""
        wire = bytearray(padded(size) + opt(BOGUS + self.SAID))
        wire[11] = 1
        return bytes(wire)

    def test_scope(self) -> None:
        """The client hears for whom the answer is, and the reason as well."""
        found = read(reply(self.query, self.answer(100)))
        assert [str(each) for each in found.options] == [
            "ECS 192.0.2.0/24 scope/16",
            "EDE 6 (DNSSEC Bogus): bogus",
        ]

    def test_not_sent(self) -> None:
        """Who spoke for nobody, as far as upstreams know, hears nothing of it."""
        found = read(reply(query(0x0100, opt()), self.answer(100)))
        assert [each.otype for each in found.options] == [15]

    def test_goes_last(self) -> None:
        """It stays where there is no room for anything else, whatever that takes."""
        self.query.max_size = 512
        for size, kinds, records in (
            (479, [8, 15], 1),
            (480, [8], 1),
            (490, [8], 1),
            (491, [8], 0),
            (600, [8], 0),
        ):
            with self.subTest(size=size):
                wire = reply(self.query, self.answer(size))
                found = read(wire)
                assert [each.otype for each in found.options] == kinds
                assert len(found.answer) == records
                assert bool(found.flags & dns.flags.TC) != bool(records)
                assert len(wire) <= 512


class DatagramTests(TestCase):
    def test_opt_needs_room(self) -> None:
        """An answer may fit without OPT and not with one (RFC 6891 6.2.3)."""
        plain, with_edns = query(), query(0x0100, opt(payload=512))
        for asked in (plain, with_edns):
            asked.max_size = 512
        assert reply(plain, padded(512)) == padded(512)
        cut = reply(with_edns, padded(502))
        assert cut == message(0x8380, [EXAMPLE], [], [], [opt()])
        assert reply(with_edns, padded(501))[:-11][12:] == padded(501)[12:]

    def test_explanation_goes_first(self) -> None:
        """The explanation is left out before any record is (RFC 8914 section 3)."""
        asked = query(0x0100, opt(payload=512))
        asked.max_size = 512
        for size, options in ((490, 1), (491, 0), (501, 0)):
            answer = bytearray(padded(size) + opt(BOGUS))
            answer[11] = 1
            found = read(reply(asked, bytes(answer)))
            assert len(found.options) == options
            assert len(found.answer) == 1
            assert not found.flags & dns.flags.TC

    def test_at_each_limit(self) -> None:
        """A reply is cut behind the last whole record that fits (RFC 5625 4.4)."""
        some = [record(BACK, TEXT, bytes(n)) for n in (0, 200, 100, 60)]
        sections = [some, some[::-1], [*some, *some]]
        answer = message(0x8180, [EXAMPLE], *sections)
        order = [each for section in sections for each in section]
        for edns in ([], [opt()]):
            asked = query(0x0100, *edns)
            for limit in range(512, len(answer)):
                asked.max_size = limit
                found = reply(asked, answer)
                assert len(found) <= limit
                body = parse_answer(found).body
                kept = sum(body[7:12:2])
                room = limit - len(b"".join(edns)) - 12 - len(EXAMPLE)
                assert body[12 + len(EXAMPLE) :] == b"".join(order[:kept])
                assert len(b"".join(order[:kept])) <= room
                assert len(b"".join(order[: kept + 1])) > room
                assert body[2] & 0x02

    def test_sections(self) -> None:
        """The cut may fall into any section, and the counts tell (RFC 1035 4.1.1)."""
        large = record(BACK, TEXT, bytes(300))
        small = record(BACK, TEXT, b"")
        for sections, kept in (
            ([[small, large, large], [small], [small]], [2, 0, 0]),
            ([[small], [small, large, large], [small]], [1, 2, 0]),
            ([[small], [small], [large, small, large]], [1, 1, 2]),
            ([[large], [large], [small]], [1, 0, 0]),
            ([[large], [], [large]], [1, 0, 0]),
        ):
            asked = query()
            asked.max_size = 512
            found = reply(asked, message(0x8180, [EXAMPLE], *sections))
            read_back = read(found)
            assert [len(part) for part in read_back.sections[1:]] == kept
            assert read_back.flags & dns.flags.TC

    def test_nothing_fits(self) -> None:
        """If not even the first record fits, the question remains (RFC 5625 4.4)."""
        asked = query()
        asked.max_size = 512
        assert reply(asked, padded(513)) == message(0x8380, [EXAMPLE])


class StreamTests(TestCase):
    def test_longest(self) -> None:
        """A stream carries 65,535 octets, with TC for nothing (RFC 1035 4.2.2)."""
        assert reply(query(), padded(0xFFFF)) == padded(0xFFFF)

    def test_longest_with_edns(self) -> None:
        """Over a stream no record gives way to OPT: there is no larger to ask for."""
        asked = query(0x0100, opt())
        assert reply(asked, padded(0xFFFF)) == padded(0xFFFF)
        assert reply(asked, padded(0xFFFF - 10)) == padded(0xFFFF - 10)
        found = reply(asked, padded(0xFFFF - 11))
        assert len(found) == 0xFFFF
        assert found.endswith(opt())


class PaddingTests(TestCase):
    """Replies over an encrypted stream to queries that were padded (RFC 8467)."""

    def asked(self, records: bytes = b"") -> Query:
        found = query(0x0100, opt(records))
        found.block = 468
        return found

    @quick
    @given(st.integers(60, 3000))
    def test_blocks(self, size: int) -> None:
        """The whole is a multiple of 468 octets, by zeros in the last option."""
        found = reply(self.asked(), padded(size))
        assert len(found) % 468 == 0
        assert 0 < len(found) - size < 468 + 15
        (last,) = read(found).options
        assert last.to_wire().strip(b"\0") == b""

    def test_behind(self) -> None:
        """Padding comes behind all that is said besides."""
        asked = self.asked()
        asked.options = b"\0\x0b\0\2\0\x64"
        found = status(asked, SERVFAIL, BOGUS)
        assert len(found) == 468
        codes = [option.otype for option in read(found).options]
        assert codes == [11, 15, 12]

    def test_no_room(self) -> None:
        """What no block could hold goes out as it is."""
        for size in (65_520, 65_524):
            found = reply(self.asked(), padded(size))
            assert len(found) == size + 11
            assert not read(found).options
        assert len(reply(self.asked(), padded(65_052 - 15))) == 65_052

    def test_answer_first(self) -> None:
        """Where there is no room for all that is said, the OPT still stands."""
        asked = query(0x0100, opt())
        asked.options = b"\0\x0b\0\2\0\x64"
        found = reply(asked, padded(65_520))
        assert len(found) == 65_531


class StatusTests(TestCase):
    def test_question_and_rcode(self) -> None:
        """An RCODE comes with ID, flags and question of the query, and no records."""
        assert status(query(), NXDOMAIN) == message(0x8183, [EXAMPLE])
        assert status(query(0x0010), SERVFAIL) == message(0x8092, [EXAMPLE])

    def test_not_asked_for(self) -> None:
        """AD, AA and TC are clear: nothing was validated, nothing left out."""
        assert status(query(0x0760), NOERROR)[2:4] == b"\x81\x80"

    def test_explanation(self) -> None:
        """Why is told to those who can hear it (RFC 8914 section 3)."""
        why = explanation(15, "on the list of ads")
        found = read(status(query(0x0100, opt()), REFUSED, why))
        assert found.rcode() == REFUSED
        assert found.extended_errors() == [
            dns.edns.EDEOption(dns.edns.EDECode.BLOCKED, "on the list of ads")
        ]
        assert status(query(), REFUSED, why) == message(0x8185, [EXAMPLE])

    def test_extended_rcode(self) -> None:
        """BADVERS takes an OPT to say; else it is a SERVFAIL (RFC 6891 6.1.3)."""
        found = read(status(query(0x0100, opt(ttl=0x00010000)), BADVERS))
        assert (found.rcode(), found.edns) == (BADVERS, 0)
        assert status(query(), BADVERS) == message(0x8182, [EXAMPLE])

    def test_size(self) -> None:
        """An explanation that does not fit a datagram stays out (RFC 8914 3)."""
        asked = query(0x0100, opt())
        asked.max_size = 512
        found = status(asked, REFUSED, 2 * explanation(15, "x" * 300))
        assert found == message(0x8185, [EXAMPLE], [], [], [opt()])

    @quick
    @given(queries(), st.integers(0, 0xFFF), st.binary(max_size=900))
    def test_any(self, wire: bytes, rcode: int, why: bytes) -> None:
        """Whatever the RCODE and the reason, the reply is whole and small enough."""
        asked = parse_query(wire)
        asked.max_size = 512
        found = status(asked, rcode, b"\0\x0f" + len(why).to_bytes(2, "big") + why)
        assert len(found) <= 512
        heard = parse_answer(found)
        assert heard.rcode == rcode or asked.opt is None
        assert len(heard.body) == 12 + len(asked.question)


class RejectionTests(TestCase):
    def test_header_only(self) -> None:
        """What could not be read is answered by a header (RFC 1035 4.1.1)."""
        wire = message(0x0100, [EXAMPLE, EXAMPLE])
        assert rejection(wire, FORMERR) == message(0x8181)

    def test_operation(self) -> None:
        """The operation is repeated, and RD (RFC 1035 section 4.1.1)."""
        assert rejection(message(0x2000), NOTIMP) == message(0xA084)
        assert rejection(message(0x2F7F), NOTIMP) == message(0xA984)

    def test_as_dnspython_reads_it(self) -> None:
        """Clients can read it."""
        found = read(rejection(message(0x0100), FORMERR))
        assert (found.id, found.rcode(), len(found.question)) == (0x1234, FORMERR, 0)


class RealTests(TestCase):
    def test_all_types(self) -> None:
        """A real answer of many types arrives as it is, name by name (RFC 5625 4.3)."""
        wish = dns.message.make_query("example.com", "ANY", use_edns=0)
        answer = dns.message.make_response(wish)
        for rdata in RDATAS:
            answer.answer.append(dns.rrset.from_text("example.com.", 60, "IN", *rdata))
        found = read(reply(parse_query(wish.to_wire()), answer.to_wire()))
        assert [str(each) for each in found.answer] == [
            str(each) for each in answer.answer
        ]


class CutShortTests(TestCase):
    def test_cut_short(self) -> None:
        """It has the question, TC, our OPT for who sent one, and nothing else."""
        for options in ([], [opt()]):
            asked = query(0x0110, *options)
            reply = read(cut_short(asked))
            assert reply.flags & dns.flags.TC
            assert reply.flags & dns.flags.CD
            assert reply.rcode() == 0
            assert reply.sections[1:] == [[], [], []]
            assert (reply.edns == 0) == bool(options)
            assert cut_short(asked)[12 : 12 + len(asked.question)] == asked.question
