"""For how long answers hold."""

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.config.caching import Caching
from dotproxy.local.lifetime import Lifetime, lifetime, ttl_of
from dotproxy.wire.answer import Answer, parse_answer
from dotproxy.wire.edns import option
from dotproxy.wire.query import Query, parse_query
from tests.messages import ADDRESS, BACK, answers, message, opt, queries, quick, record
from tests.words import NXDOMAIN, SOA, answering, asking, line

BOUNDS = Caching()
DAY = 86400


def seconds(query: Query, answer: Answer, bounds: Caching = BOUNDS) -> int:
    """Return for how many seconds an answer holds; 0: it is not kept."""
    kept_for = lifetime(query, answer, bounds)
    assert kept_for is None or kept_for.seconds > 0
    return kept_for.seconds if kept_for else 0


def positive(*ttls: int, bounds: Caching = BOUNDS) -> Lifetime | None:
    """Return the lifetime of addresses that have these TTLs."""
    some = [f"@ {ttl} A 192.0.2.{n}" for n, ttl in enumerate(ttls)]
    return lifetime(asking(), answering(asking(), *some), bounds)


def soa(ttl: int, minimum: int) -> str:
    return f"@ {ttl} SOA ns.example.com. admin.example.com. 1 7200 3600 86400 {minimum}"


class PositiveTests(TestCase):
    def test_shortest(self) -> None:
        """An answer holds for as long as its shortest TTL (RFC 2181 section 5.2)."""
        assert positive(300, 60, 120) == Lifetime(60, DAY)

    def test_every_section(self) -> None:
        """It ends with whichever of its records ends first, wherever that stands."""
        rows = ([300, 60, 60], [60, 300, 60], [60, 60, 300], [60, 60, 60])
        for first, second, third in ([each + 1 for each in row] for row in rows):
            sections = [
                [record(BACK, 1, ADDRESS, first)],
                [record(BACK, 2, BACK, second)],
                [record(BACK, 28, bytes(16), third), opt()],
            ]
            wire = message(0x8180, [asking().question], *sections)
            assert seconds(asking(), parse_answer(wire)) == 61

    def test_aliases(self) -> None:
        """An alias that ends sooner ends the answer (RFC 2181 section 5.2)."""
        answer = answering(
            asking(),
            "@ 20 CNAME www.example.net.",
            "www.example.net. 300 A 192.0.2.1",
        )
        assert seconds(asking(), answer) == 20

    def test_an_alias_asked_for(self) -> None:
        """Where the alias itself was asked for, it is the answer."""
        query = asking("example.com", "CNAME")
        assert seconds(query, answering(query, "@ 20 CNAME www.example.net.")) == 20

    def test_any_type(self) -> None:
        """Types that nobody knows are kept like others (RFC 3597 section 4)."""
        query = asking("example.com", "TYPE65280")
        assert seconds(query, answering(query, r"@ 20 TYPE65280 \# 2 c00c")) == 20

    def test_all_types(self) -> None:
        """Any record answers a question for all of them (RFC 8482 section 4.1)."""
        query = asking("example.com", "ANY")
        assert seconds(query, answering(query, '@ 20 HINFO "RFC8482" ""')) == 20

    def test_many(self) -> None:
        """However many records there are, the answer is among them."""
        query = asking("example.com", "TXT")
        some = [record(BACK, 5, BACK, 60)] * 255 + [record(BACK, 16, b"\0", 60)]
        answer = parse_answer(message(0x8180, [query.question], some))
        assert seconds(query, answer) == 60

    def test_not_at_all(self) -> None:
        """The TTL 0 is for this once, and is not kept (RFC 1035 section 3.2.1)."""
        assert positive(0) is None
        assert positive(300, 0) is None

    def test_max_ttl(self) -> None:
        """None holds for longer than max_ttl, nor shows a longer TTL."""
        assert positive(DAY + 1) == Lifetime(DAY, DAY)
        kept_for = positive(60, 30, bounds=Caching(max_ttl=50))
        assert kept_for == Lifetime(30, 50)
        assert [kept_for.shown(ttl) for ttl in (60, 50, 30)] == [50, 50, 30]

    def test_min_ttl(self) -> None:
        """None holds for less than min_ttl, nor shows a shorter TTL."""
        bounds = Caching(min_ttl=30)
        kept_for = positive(5, 300, bounds=bounds)
        assert kept_for == Lifetime(30, DAY)
        assert [kept_for.shown(ttl) for ttl in (5, 30, 300)] == [30, 30, 300]
        assert positive(0, bounds=bounds) == Lifetime(30, DAY)
        assert positive(31, bounds=bounds) == Lifetime(31, DAY)

    def test_both_bounds(self) -> None:
        """Where both bounds are one, all that is kept holds for just as long."""
        bounds = Caching(min_ttl=40, max_ttl=40)
        for ttl in (0, 39, 40, 41):
            assert positive(ttl, bounds=bounds) == Lifetime(40, 40)


class TtlTests(TestCase):
    def ttl(self, ttl: int) -> int:
        answer = answering(asking(), f"@ {ttl} A 192.0.2.1")
        return ttl_of(answer.body, answer.records[0])

    def test_read(self) -> None:
        """A TTL is four octets, in seconds (RFC 1035 section 4.1.3)."""
        assert [self.ttl(ttl) for ttl in (0, 1, 0x01020304)] == [0, 1, 0x01020304]

    def test_too_high(self) -> None:
        """A TTL above 2^31-1 is 0 (RFC 2181 section 8)."""
        assert self.ttl(2**31 - 1) == 2**31 - 1
        assert [self.ttl(ttl) for ttl in (2**31, 2**32 - 1)] == [0, 0]
        assert positive(2**31 - 1) == Lifetime(DAY, DAY)
        assert positive(300, 2**31) is None
        assert positive(2**31, bounds=Caching(min_ttl=30)) == Lifetime(30, DAY)


class NegativeTests(TestCase):
    def nxdomain(self, ttl: int, minimum: int, bounds: Caching = BOUNDS) -> int:
        """Return how long it holds that there is no name, by a SOA of these times."""
        authority = (soa(ttl, minimum),)
        answer = answering(asking(), authority=authority, flags=NXDOMAIN)
        return seconds(asking(), answer, bounds)

    def test_no_such_name(self) -> None:
        """NXDOMAIN holds for the lesser of TTL and MINIMUM (RFC 2308 section 5)."""
        assert self.nxdomain(900, 60) == 60
        assert self.nxdomain(60, 900) == 60
        assert self.nxdomain(900, 2**24) == 900

    def test_nothing_of_the_type(self) -> None:
        """So does that a name has nothing of the type (RFC 2308 section 5)."""
        answer = answering(asking(), authority=(soa(900, 60),))
        assert seconds(asking(), answer) == 60

    def test_other_types(self) -> None:
        """Records of other types do not answer (RFC 2308 section 2.2)."""
        signature = "@ 300 RRSIG TXT 8 2 300 20300101000000 20200101000000 1 . AAAA"
        for authority, kept in (((soa(900, 60),), 60), ((), 0)):
            answer = answering(asking(), signature, authority=authority)
            assert seconds(asking(), answer) == kept

    def test_all_types(self) -> None:
        """No record at all does not answer a question for all of them either."""
        query = asking("example.com", "ANY")
        assert seconds(query, answering(query, authority=(soa(900, 60),))) == 60
        assert seconds(query, answering(query)) == 0

    def test_no_soa(self) -> None:
        """Absence without a SOA is not kept (RFC 2308 section 5)."""
        for flags in (0x8180, NXDOMAIN):
            referral = ("@ 300 NS ns.example.net.",)
            for authority in ((), referral):
                answer = answering(asking(), authority=authority, flags=flags)
                assert lifetime(asking(), answer, BOUNDS) is None

    def test_soa_elsewhere(self) -> None:
        """Only a SOA of the authority section counts (RFC 2308 section 2)."""
        one = line(soa(900, 60))
        for sections in ([[one]], [[one], [line("@ 300 NS ns.example.net.")]]):
            wire = message(NXDOMAIN, [asking().question], *sections)
            assert seconds(asking(), parse_answer(wire)) == 0
        wire = message(NXDOMAIN, [asking().question], [], [], [one])
        assert seconds(asking(), parse_answer(wire)) == 0

    def test_soa_among_others(self) -> None:
        """The SOA need not be the first, and the others' TTLs count as well."""
        proof = "a.example.com. {} NSEC z.example.com. A"
        for ttl, kept in ((300, 60), (30, 30)):
            some = (proof.format(ttl), soa(900, 60), proof.format(300))
            answer = answering(asking(), authority=some, flags=NXDOMAIN)
            assert seconds(asking(), answer) == kept

    def test_no_soa_here(self) -> None:
        """A zone's SOA is no answer to who asks for a SOA below (RFC 2308 2.2)."""
        query = asking("www.example.com", "SOA")
        for some in ((), ("@ 300 CNAME www.example.net.",)):
            answer = answering(query, *some, authority=(soa(900, 60),))
            assert seconds(query, answer) == 60

    def test_a_soa_asked_for(self) -> None:
        """A SOA that was asked for is no absence, and its MINIMUM is not looked at."""
        query = asking("example.com", "SOA")
        assert seconds(query, answering(query, soa(900, 60))) == 900

    def test_alias_to_nothing(self) -> None:
        """An alias of a name without the type is an absence (RFC 2308 section 2.2)."""
        for ttl, kept in ((300, 60), (30, 30)):
            alias = f"@ {ttl} CNAME www.example.net."
            answer = answering(asking(), alias, authority=(soa(900, 60),))
            assert seconds(asking(), answer) == kept
        answer = answering(asking(), "@ 300 CNAME www.example.net.")
        assert seconds(asking(), answer) == 0

    def test_alias_to_no_name(self) -> None:
        """So is an alias of a name that is not (RFC 2308 section 2.1)."""
        alias = "@ 300 CNAME www.example.net."
        for authority, kept in (((soa(900, 60),), 60), ((), 0)):
            answer = answering(asking(), alias, authority=authority, flags=NXDOMAIN)
            assert seconds(asking(), answer) == kept
            query = asking("example.com", "CNAME")
            answer = answering(query, alias, authority=authority, flags=NXDOMAIN)
            assert seconds(query, answer) == kept

    def test_bounds(self) -> None:
        """None holds for longer than negative_max_ttl (RFC 2308 section 5)."""
        assert self.nxdomain(DAY, DAY) == 3600
        assert self.nxdomain(900, 60, Caching(negative_max_ttl=50)) == 50
        assert self.nxdomain(900, 60, Caching(max_ttl=40)) == 40
        assert self.nxdomain(900, 60, Caching(negative_max_ttl=0)) == 0

    def test_never_longer(self) -> None:
        """No min_ttl makes an absence last: the name may be there in a moment."""
        assert self.nxdomain(900, 5, Caching(min_ttl=30)) == 5

    def test_not_at_all(self) -> None:
        """With 0 as its TTL or MINIMUM it is not kept (RFC 2308 section 5)."""
        assert self.nxdomain(900, 0) == 0
        assert self.nxdomain(0, 60) == 0

    def test_too_high(self) -> None:
        """A TTL above 2^31-1 is 0, here too (RFC 2181 section 8)."""
        assert self.nxdomain(2**31, 60) == 0

    def test_shown(self) -> None:
        """What is shown counts down from the same number (RFC 2308 section 6)."""
        answer = answering(
            asking(), "@ 300 CNAME www.example.net.", authority=(soa(900, 60),)
        )
        kept_for = lifetime(asking(), answer, BOUNDS)
        assert kept_for is not None
        assert [kept_for.shown(ttl) for ttl in (300, 900, 60)] == [60, 60, 60]


class NotKeptTests(TestCase):
    def test_other_rcodes(self) -> None:
        """What speaks of the server and not of the name is not kept."""
        for rcode in range(16):
            answer = answering(
                asking(), "@ 300 A 192.0.2.1", authority=(SOA,), flags=0x8180 | rcode
            )
            kept = {0: 300, 3: 60}.get(rcode, 0)
            assert seconds(asking(), answer) == kept

    def test_extended_rcodes(self) -> None:
        """The RCODE is the whole RCODE, EDNS's share too (RFC 6891 section 6.1.3)."""
        for flags in (0x8180, 0x8183):
            sections = [[line("@ 300 A 192.0.2.1")], [line(SOA)]]
            more = [opt(ttl=0x01000000)]
            wire = message(flags, [asking().question], *sections, more)
            assert seconds(asking(), parse_answer(wire)) == 0

    def test_cut_short(self) -> None:
        """An answer that is cut short is not kept (RFC 1035 section 7.4)."""
        for flags in (0x8380, 0x8383):
            answer = answering(
                asking(), "@ 300 A 192.0.2.1", authority=(SOA,), flags=flags
            )
            assert seconds(asking(), answer) == 0

    def test_no_question(self) -> None:
        """An error without its question has nothing to be kept under."""
        found = parse_answer(message(NXDOMAIN, [], [], [line(SOA.replace("@", "."))]))
        assert seconds(asking(), found) == 0


class SubnetTests(TestCase):
    def kept(self, *values: bytes) -> bool:
        """Whether an answer with EDNS Client Subnet options is kept."""
        options = b"".join(option(8, value) for value in values)
        answer = answering(asking(), "@ 300 A 192.0.2.1", options=options)
        return lifetime(asking(), answer, BOUNDS) is not None

    def test_for_some(self) -> None:
        """What is meant for one subnet is not kept for all (RFC 7871 7.3.1)."""
        assert not self.kept(b"\0\1\x18\x18" + ADDRESS[:3])
        assert not self.kept(b"\0\1\0\1")
        assert not self.kept(b"\0\1\0\0", b"\0\1\x18\x18" + ADDRESS[:3])

    def test_for_all(self) -> None:
        """A scope of 0 is for everybody (RFC 7871 section 7.3.1)."""
        assert self.kept(b"\0\1\0\0")
        assert self.kept(b"\0\1\x18\0" + ADDRESS[:3])

    def test_without_scope(self) -> None:
        """An option too short to have a scope has none."""
        assert self.kept(b"")
        assert self.kept(b"\0\1\x18")

    def test_other_options(self) -> None:
        """Other options, and none, are for nobody in particular."""
        other = option(12, b"\xff" * 8)
        for options in (None, b"", other):
            answer = answering(asking(), "@ 300 A 192.0.2.1", options=options)
            assert seconds(asking(), answer) == 300


class AnyTests(TestCase):
    @quick
    @given(st.data(), st.integers(0, 400), st.integers(1, 400), st.integers(0, 400))
    def test_shown(
        self, data: st.DataObject, least: int, most: int, negative: int
    ) -> None:
        """Whatever is kept, no TTL of it ends before it does, or above the bounds."""
        bounds = Caching(
            min_ttl=min(least, most), max_ttl=most, negative_max_ttl=negative
        )
        query = parse_query(data.draw(queries()))
        answer = parse_answer(data.draw(answers(query.wire)))
        kept_for = lifetime(query, answer, bounds)
        if kept_for is not None:
            assert 0 < kept_for.seconds <= kept_for.highest <= most
            for ttl in (0, 1, 300, 2**31 - 1):
                assert kept_for.seconds <= kept_for.shown(ttl) <= kept_for.highest
