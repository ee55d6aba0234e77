"""Answers as the cache keeps them."""

from unittest import TestCase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from dotproxy.config.caching import Caching
from dotproxy.local.entry import (
    REFRESHED,
    USED,
    aged_reply,
    answer_of,
    check,
    flagged,
    pack,
    restamped,
    stale_reply,
    times,
)
from dotproxy.local.lifetime import Lifetime, lifetime
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.message import AD, CD, NXDOMAIN, TC, FormatError
from dotproxy.wire.query import Query, limit_datagram, parse_query
from dotproxy.wire.reply import from_answer
from tests.messages import ADDRESS, BACK, answers, message, opt, queries, quick, record
from tests.words import (
    BOGUS,
    SOA,
    answering,
    asking,
    error_codes,
    read,
    respelled,
    ttls,
)
from tests.words import NXDOMAIN as NO_SUCH_NAME

HOUR = Lifetime(3600, 86400)
MINUTE = Lifetime(60, 86400)

DNSSEC = opt(ttl=0x8000)
"""The OPT record of a client that wants signatures (RFC 3225)."""


def kept(answer: Answer, kept_for: Lifetime = HOUR) -> bytes:
    """Return the entry of an answer that came at the time 5000."""
    return pack(answer, kept_for, 5000)


def address(ttl: int = 3600, flags: int = 0x8180) -> Answer:
    """Answer with one address, and some error of the upstream's."""
    return answering(asking(), f"@ {ttl} A 192.0.2.1", flags=flags, options=BOGUS)


def large() -> bytes:
    """Return the entry of an answer of some 1,600 octets."""
    some = [f"@ 3600 TXT {'x' * 255}" for _ in range(6)]
    return kept(answering(asking("example.com", "TXT"), *some))


@st.composite
def settled(draw: DrawFn, query: Query) -> Answer:
    """Draw an answer that may be kept: a whole one, NOERROR or NXDOMAIN."""
    wire = bytearray(draw(answers(query.wire)))
    wire[2] &= ~TC
    wire[3] = wire[3] & 0xF0 | draw(st.sampled_from([0, NXDOMAIN]))
    found = parse_answer(bytes(wire))
    without_rcode = found.opt and found.opt._replace(rcode=0)
    return Answer(found.body, found.records, without_rcode)


class TimesTests(TestCase):
    def test_times(self) -> None:
        """An entry knows when it came, and for how long it holds."""
        assert times(pack(address(), MINUTE, 5000)) == (5000, 60)
        assert times(pack(address(), Lifetime(2**31 - 1, 2**31 - 1), 2**32 - 1)) == (
            2**32 - 1,
            2**31 - 1,
        )

    def test_restamped(self) -> None:
        """Stamped with another time it is the same in all else."""
        entry = pack(address(), MINUTE, 5000)
        assert restamped(entry, 7) == pack(address(), MINUTE, 7)

    def test_flagged(self) -> None:
        """Flags are put into the first octet, and nothing else is changed by them."""
        assert {USED, REFRESHED} == {0x01, 0x02}
        entry = kept(address(), MINUTE)
        for flags in (USED, REFRESHED, USED | REFRESHED, 0):
            entry = flagged(entry, flags)
            assert entry[0] == flags
            assert entry[1:] == kept(address(), MINUTE)[1:]
            assert times(entry) == (5000, 60)
            assert ttls(aged_reply(asking(), entry, 9)) == [3591]
            assert ttls(stale_reply(asking(), entry, 30)) == [30]
            assert restamped(entry, 7)[0] == 0

    def test_new(self) -> None:
        """A new entry was not used yet."""
        assert kept(address())[0] == 0

    def test_one_string(self) -> None:
        """All is one string of octets, hardly longer than the answer."""
        answer = answering(asking(), "@ 60 A 192.0.2.1", "@ 60 A 192.0.2.2")
        entry = kept(answer)
        assert type(entry) is bytes
        assert len(entry) == 13 + 2 * len(answer.records) + len(answer.body)


class AgedTests(TestCase):
    def test_counts_down(self) -> None:
        """Each TTL counts down by the age in seconds (RFC 1035 section 3.2.1)."""
        entry = kept(
            answering(asking(), "@ 300 A 192.0.2.1", "@ 60 A 192.0.2.2"), MINUTE
        )
        for age in (0, 1, 42, 59):
            found = aged_reply(asking(), entry, age)
            assert ttls(found) == [300 - age, 60 - age]

    def test_every_section(self) -> None:
        """So do the TTLs of all sections, and of names written out or not."""
        sections = [
            [
                record(BACK, 5, b"\3www" + BACK, 100),
                record(b"\3www" + BACK, 1, ADDRESS, 200),
            ],
            [record(BACK, 2, BACK, 300)],
            [record(b"\2ns\7example\3net\0", 28, bytes(16), 400), opt()],
        ]
        wire = message(0x8180, [asking().question], *sections)
        found = aged_reply(asking(), kept(parse_answer(wire), MINUTE), 59)
        assert ttls(found) == [41, 141, 241, 341]

    def test_behind_opt(self) -> None:
        """Records that came behind OPT are found where they are now."""
        behind = [record(BACK, 1, ADDRESS, 100), record(b"\1a" + BACK, 1, ADDRESS, 200)]
        wire = message(0x8180, [asking().question], [], [], [opt(), *behind])
        found = aged_reply(asking(), kept(parse_answer(wire), MINUTE), 10)
        assert ttls(found) == [90, 190]

    def test_no_records(self) -> None:
        """An answer without records is kept as it is."""
        assert aged_reply(asking(), kept(answering(asking())), 9) == message(
            0x8180, [asking().question]
        )

    def test_bounded(self) -> None:
        """A TTL is shown within the bounds of the answer's lifetime, and counts on."""
        answer = answering(asking(), "@ 5 A 192.0.2.1", "@ 99 A 192.0.2.2")
        entry = kept(answer, Lifetime(30, 40))
        assert ttls(aged_reply(asking(), entry, 0)) == [30, 40]
        assert ttls(aged_reply(asking(), entry, 29)) == [1, 11]

    def test_too_high(self) -> None:
        """A TTL above 2^31-1 is 0, or min_ttl (RFC 2181 section 8)."""
        entry = kept(address(2**31), Lifetime(30, 40))
        assert ttls(aged_reply(asking(), entry, 0)) == [30]

    def test_absence(self) -> None:
        """An absence keeps its SOA, counted down (RFC 2308 section 6)."""
        answer = answering(asking(), authority=(SOA,), flags=NO_SUCH_NAME)
        found = read(aged_reply(asking(), kept(answer, Lifetime(60, 60)), 15))
        assert found.rcode() == NXDOMAIN
        assert [str(each) for each in found.authority] == [
            "example.com. 45 IN "
            "SOA ns.example.com. admin.example.com. 1 7200 3600 86400 60"
        ]

    @quick
    @given(st.data(), st.integers(0, 299))
    def test_only_ttls(self, data: st.DataObject, age: int) -> None:
        """A kept answer differs from a fresh one in its TTLs and in nothing else."""
        first = parse_query(data.draw(queries()))
        answer = data.draw(settled(first))
        entry = kept(answer, Lifetime(300, 86400))
        body = bytearray(answer.body)
        for each in answer.records:
            body[each.fixed + 4 : each.fixed + 8] = (300 - age).to_bytes(4, "big")
        aged = Answer(bytes(body), answer.records, answer.opt)
        limit = data.draw(st.sampled_from([512, 1232, 65535]))
        for asked in (first, self.another(data, first)):
            asked.max_size = limit
            assert aged_reply(asked, entry, age) == from_answer(asked, aged)

    def another(self, data: st.DataObject, query: Query) -> Query:
        """Draw who asks the same in another spelling, with another ID and EDNS."""
        question = respelled(query.wire)[12 : 12 + len(query.question)]
        flags = data.draw(st.sampled_from([0x0000, 0x0100, 0x0120, 0x0170]))
        records = data.draw(st.sampled_from([[], [opt()], [DNSSEC]]))
        wire = message(flags, [question], [], [], records)
        return parse_query(b"\xbe\xef" + wire[2:])


class HeaderTests(TestCase):
    def flags(self, answered: int, *records: bytes, flags: int = 0x0100) -> int:
        """Return the flags of a reply out of the cache."""
        query = asking("example.com", "A", *records, flags=flags)
        reply = aged_reply(query, kept(address(flags=answered)), 1)
        assert reply[:2] == query.wire[:2]
        return int.from_bytes(reply[2:4], "big")

    def test_authority(self) -> None:
        """AA is never set from the cache (RFC 1035 section 4.1.1)."""
        assert self.flags(0x8580) == 0x8180

    def test_validated(self) -> None:
        """AD is for those who asked by AD or DO (RFC 6840 section 5.8)."""
        assert self.flags(0x81A0) == 0x8180
        assert self.flags(0x81A0, opt()) == 0x8180
        assert self.flags(0x81A0, flags=0x0100 | AD) == 0x81A0
        assert self.flags(0x81A0, DNSSEC) == 0x81A0

    def test_never_validated_here(self) -> None:
        """AD is never set where the upstream did not set it (RFC 4035 3.2.3)."""
        assert self.flags(0x8180, DNSSEC, flags=0x0100 | AD) == 0x8180

    def test_own(self) -> None:
        """RD and CD are the client's own (RFC 1035 4.1.1, RFC 4035 3.2.2)."""
        assert self.flags(0x8180, flags=0x0000) == 0x8080
        assert self.flags(0x8180, flags=0x0100 | CD) == 0x8190
        assert self.flags(0x8190) == 0x8180

    def test_spelling(self) -> None:
        """The client finds its own spelling (RFC 4343 section 4.1)."""
        query = asking("eXaMpLe.cOm")
        reply = aged_reply(query, kept(address()), 1)
        assert reply[12:29] == b"\7eXaMpLe\3cOm\0\0\1\0\1"
        assert str(read(reply).answer[0].name) == "eXaMpLe.cOm."


class SizeTests(TestCase):
    def test_datagram(self) -> None:
        """What came in a stream is cut, and TC set, for a datagram (RFC 5625 4.4)."""
        plain = asking("example.com", "TXT")
        with_edns = asking("example.com", "TXT", opt(payload=1400))
        for query, limit, count in ((plain, 512, 1), (with_edns, 1232, 4)):
            limit_datagram(query)
            reply = aged_reply(query, large(), 100)
            assert len(reply) <= limit
            assert reply[2] & TC
            assert ttls(reply) == [3500] * count

    def test_stream(self) -> None:
        """For a stream it stays whole (RFC 1035 section 4.2.2)."""
        reply = aged_reply(asking("example.com", "TXT"), large(), 100)
        assert not reply[2] & TC
        assert ttls(reply) == [3500] * 6

    def test_stale(self) -> None:
        """A stale one is cut in the same way."""
        query = asking("example.com", "TXT")
        limit_datagram(query)
        reply = stale_reply(query, large(), 30)
        assert len(reply) <= 512
        assert reply[2] & TC
        assert ttls(reply) == [30]


class ExplanationTests(TestCase):
    def test_kept(self) -> None:
        """The upstream's explanation is kept with its answer (RFC 8914 section 3)."""
        asked = asking("example.com", "A", opt())
        found = read(aged_reply(asked, kept(address()), 1))
        assert [str(each.text) for each in found.extended_errors()] == ["bogus"]
        assert found.rcode() == 0

    def test_for_those_who_can_hear(self) -> None:
        """A client without EDNS gets no OPT (RFC 6891 section 6.1.1)."""
        reply = aged_reply(asking(), kept(address(300)), 0)
        without = answering(asking(), "@ 3600 A 192.0.2.1")
        assert reply == without.body

    def test_nothing_else(self) -> None:
        """Of the upstream's OPT nothing else is kept (RFC 6891 section 6.1.1)."""
        options = b"\0\x0c\0\2\0\0" + b"\0\x0f\0\4\0\6\xff\xff"
        answer = answering(asking(), "@ 60 A 192.0.2.1", options=options)
        found = read(aged_reply(asking("example.com", "A", opt()), kept(answer), 1))
        assert (found.edns, found.options) == (0, ())


class StaleTests(TestCase):
    def test_ttl(self) -> None:
        """A stale answer has the TTL that is asked for (RFC 8767 section 4)."""
        answer = answering(asking(), "@ 300 A 192.0.2.1", "@ 9 A 192.0.2.2")
        found = read(stale_reply(asking(), kept(answer), 30))
        assert [str(each) for each in found.answer] == [
            "example.com. 30 IN A 192.0.2.1",
            "example.com. 30 IN A 192.0.2.2",
        ]

    def test_said(self) -> None:
        """It says that it is stale: 3, or 19 for NXDOMAIN (RFC 8914 4.4, 4.20)."""
        asked = asking("example.com", "A", opt())
        answer = answering(asked, "@ 300 A 192.0.2.1")
        absence = answering(asked, authority=(SOA,), flags=NO_SUCH_NAME)
        nothing = answering(asked, authority=(SOA,))
        said = [
            stale_reply(asked, kept(each), 30) for each in (answer, absence, nothing)
        ]
        assert [error_codes(reply) for reply in said] == [[3], [19], [3]]
        assert [read(reply).rcode() for reply in said] == [0, NXDOMAIN, 0]
        assert [ttls(reply) for reply in said] == [[30]] * 3

    def test_text(self) -> None:
        """The text says why an old answer had to do (RFC 8914 section 2)."""
        asked = asking("example.com", "A", opt())
        entry = kept(answering(asked, "@ 300 A 192.0.2.1"))
        (error,) = read(stale_reply(asked, entry, 30)).extended_errors()
        assert error.text == "no fresh answer was to be had"

    def test_beside_the_upstreams(self) -> None:
        """What the upstream said about the answer still holds (RFC 8914 section 3)."""
        asked = asking("example.com", "A", opt())
        assert error_codes(stale_reply(asked, kept(address()), 30)) == [6, 3]

    def test_without_edns(self) -> None:
        """A client without EDNS gets the records alone (RFC 6891 section 6.1.1)."""
        reply = stale_reply(asking(), kept(address()), 30)
        assert reply == answering(asking(), "@ 30 A 192.0.2.1").body

    def test_flags(self) -> None:
        """AA stays clear, and AD is for those who asked (RFC 6840 section 5.8)."""
        entry = kept(address(flags=0x85A0))
        assert stale_reply(asking(), entry, 30)[2:4] == b"\x81\x80"
        asked = asking("example.com", "A", flags=0x0100 | AD)
        assert stale_reply(asked, entry, 30)[2:4] == b"\x81\xa0"


class CheckTests(TestCase):
    """What comes from elsewhere is as `pack` makes it, or it is refused."""

    def refused(self, entry: bytes, why: str = ".", key: bytes = asking().key) -> None:
        with pytest.raises(FormatError, match=why):
            check(key, entry)

    def test_good(self) -> None:
        """What was packed passes, for everybody who asks the same."""
        check(asking("EXAMPLE.com").key, flagged(kept(address()), USED))
        check(asking("example.com", "TXT").key, large())

    def test_cut(self) -> None:
        """An entry that is cut anywhere is refused."""
        entry = kept(address())
        for end in range(len(entry)):
            self.refused(entry[:end])

    def test_other_question(self) -> None:
        """So is one for another name or type: its octets would not fit the reply."""
        for key in (asking("example.net").key, asking("example.com", "MX").key, b""):
            self.refused(kept(address()), "another question", key)
        no_question = kept(parse_answer(message(0x8182)))
        self.refused(no_question, "another question")
        self.refused(no_question, "another question", b"\1")

    def test_places(self) -> None:
        """So is one whose TTLs are not where the records have them."""
        entry = bytearray(kept(address()))
        entry[14] += 1
        self.refused(bytes(entry), "TTLs where there are none")

    def test_opt(self) -> None:
        """So is one with an OPT in it, which speaks to neighbours only."""
        body = address().body
        with_opt = body[:11] + b"\1" + body[12:] + opt()
        entry = kept(address())
        assert entry.endswith(body)
        self.refused(entry[: -len(body)] + with_opt, "TTLs where there are none")

    def test_outlived(self) -> None:
        """So is one that holds for longer than its TTLs, which would run below 0."""
        entry = kept(address(3600))
        self.refused(entry[:5] + (3601).to_bytes(4, "big") + entry[9:], "outlives")

    def test_explanation(self) -> None:
        """So is one that hands on another option than explanations."""
        entry = bytearray(kept(address()))
        assert entry[15:17] == b"\0\x0f"
        entry[16] = 8
        self.refused(bytes(entry), "explains what it must not")

    @quick
    @given(st.integers(0, 400), st.integers(0, 255))
    def test_whatever_passes(self, at: int, octet: int) -> None:
        """Whatever passes can be made a reply, fresh and stale."""
        asked = asking("example.com", "A", opt())
        entry = bytearray(kept(address()))
        entry[at % len(entry)] = octet
        try:
            check(asked.key, bytes(entry))
        except FormatError:
            return
        _, life = times(bytes(entry))
        parse_answer(aged_reply(asked, bytes(entry), max(life - 1, 0)))
        parse_answer(stale_reply(asked, bytes(entry), 30))


class LifetimeTests(TestCase):
    @quick
    @given(st.data(), st.integers(0, 86400))
    def test_never_below(self, data: st.DataObject, age: int) -> None:
        """Whatever was kept, no TTL falls below 1 while it holds (RFC 2181 8)."""
        query = parse_query(data.draw(queries()))
        answer = data.draw(settled(query))
        kept_for = lifetime(
            query, answer, Caching(min_ttl=data.draw(st.integers(0, 9)))
        )
        if kept_for is not None:
            age %= kept_for.seconds
            found = ttls(aged_reply(query, kept(answer, kept_for), age))
            assert all(1 <= ttl <= kept_for.highest - age for ttl in found)


class AnswerTests(TestCase):
    def test_back(self) -> None:
        """An entry has the answer that it was made of, and what that explained."""
        answer = answer_of(kept(address()))
        assert answer.body == address().body
        assert answer.records == address().records
        assert answer.opt is not None
        assert answer.opt.options == ((15, b"\0\6bogus"),)

    def test_counted_down(self) -> None:
        """At some age its TTLs are what is left of them; all else is the same."""
        young, old = address(3600), answer_of(kept(address()), 600)
        [record] = old.records
        assert int.from_bytes(old.body[record.fixed + 4 : record.fixed + 8]) == 3000
        assert old.body[: record.fixed + 4] == young.body[: record.fixed + 4]
        assert old.body[record.fixed + 8 :] == young.body[record.fixed + 8 :]
