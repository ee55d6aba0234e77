"""Answers ready to send."""

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from dotproxy.config.caching import Caching
from dotproxy.local.cache import Cache
from dotproxy.local.ready import MOST_OCTETS, MOST_TALLIES, Ready
from dotproxy.wire.answer import parse_answer
from dotproxy.wire.message import NXDOMAIN, REFUSED
from dotproxy.wire.query import Query, limit_datagram, parse_query
from dotproxy.wire.reply import from_answer, status
from tests.messages import EXAMPLE, answers, message, opt, queries, quick, record
from tests.traces import follow
from tests.words import Time, answering, asking, letters, respelled


def ready_for(query: Query, reply: bytes = b"") -> Ready:
    """Make one that has a reply to `query` ready: an address, if none is given."""
    ready = Ready()
    ready.turn(1000.0)
    answer = answering(query, "@ 300 A 192.0.2.1")
    ready.keep(query, reply or from_answer(query, answer))
    return ready


def plain(query: Query) -> bool:
    """Whether the only octet 0 of a query's name is its end."""
    return query.question.index(0) == len(query.question) - 5


def alike(one: bytes, other: bytes) -> bool:
    """Whether two messages differ in ID and in the case of the name, if at all."""
    if len(one) != len(other):
        return False
    places = letters(one)
    for at, (octet, another) in enumerate(zip(one, other, strict=True)):
        same_letter = at in places and octet ^ another == 0x20
        if at >= 2 and octet != another and not same_letter:
            return False
    return True


@st.composite
def spelled_otherwise(draw: DrawFn, wire: bytes) -> bytes:
    """Draw the same query under another ID, in another spelling."""
    other = bytearray(wire)
    other[:2] = draw(st.binary(min_size=2, max_size=2))
    for place in letters(wire):
        other[place] ^= draw(st.sampled_from([0, 0x20]))
    return bytes(other)


@st.composite
def meddled(draw: DrawFn, wire: bytes) -> bytes:
    """Draw a message that was made from another by a few small changes."""
    other = bytearray(wire)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(other)))
        change = draw(st.sampled_from(["case", "octet", "zero", "in", "out", "more"]))
        if change == "in":
            other.insert(at, draw(st.integers(0, 255)))
        elif change == "more":
            other += draw(st.binary(max_size=3))
        elif at == len(other):
            continue
        elif change == "case":
            other[at] ^= 0x20
        elif change == "octet":
            other[at] = draw(st.integers(0, 255))
        elif change == "zero":
            other[at] = 0
        else:
            del other[at]
    return bytes(other)


class FoundTests(TestCase):
    def test_nothing(self) -> None:
        """What was not answered in this second is not ready."""
        ready = ready_for(asking())
        assert ready.find(asking("example.net").wire) is None
        assert ready.hits == 0

    def test_found(self) -> None:
        """Who asks the same gets the same, and is counted."""
        reply = from_answer(asking(), answering(asking(), "@ 300 A 192.0.2.1"))
        ready = ready_for(asking())
        assert ready.find(asking().wire) == reply
        assert ready.find(asking().wire) == reply
        assert ready.hits == 2

    def test_counts(self) -> None:
        """What was found counts by its RCODE, and with what was looked at by type."""
        ready = Ready()
        for kind, rcode, times in (("A", NXDOMAIN, 1), ("A", REFUSED, 2), ("MX", 0, 3)):
            query = asking("example.com", kind)
            ready.looked_at[query.type] += 1
            ready.keep(query, status(query, rcode))
            for _ in range(times):
                ready.find(query.wire)
        assert ready.hits == 6
        counts = {rcode: count for rcode, count in enumerate(ready.by_rcode()) if count}
        assert counts == {NXDOMAIN: 1, REFUSED: 2, 0: 3}
        assert ready.by_type() == {1: 5, 15: 4}
        ready.turn(2000.0)
        assert ready.hits == 6, "what has gone out was counted"

    def test_made_up_types(self) -> None:
        """Types that somebody makes up do not make more and more numbers."""
        ready = Ready()
        for kind in range(1, MOST_TALLIES + 10):
            query = asking("example.com", f"TYPE{kind}")
            ready.keep(query, status(query, REFUSED))
            ready.find(query.wire)
        assert ready.hits == MOST_TALLIES + 9
        assert len(ready.by_type()) == MOST_TALLIES + 1
        assert ready.by_type()[0] == 9

    def test_own(self) -> None:
        """ID and spelling are those of who asks (RFC 1035 4.1.1, RFC 4343 4.1)."""
        ready = ready_for(asking("eXaMpLe.com"))
        message = b"\xbe\xef" + asking("ExAmPlE.com").wire[2:]
        found = ready.find(message)
        assert found is not None
        assert found[:2] == b"\xbe\xef"
        assert found[12:29] == b"\7ExAmPlE\3com\0\0\1\0\1"
        assert found == from_answer(
            parse_query(message), answering(asking(), "@ 300 A 192.0.2.1")
        )

    def test_the_root(self) -> None:
        """The root has no spelling, and is found all the same."""
        query = asking(".", "NS")
        ready = ready_for(query)
        assert ready.find(query.wire) == from_answer(
            query, answering(query, "@ 300 A 192.0.2.1")
        )
        assert ready.find(asking("a", "NS").wire) is None

    def test_any_reply(self) -> None:
        """Whatever the reply was, it is ready: an error, with EDNS or without."""
        for query in (asking(), asking("example.com", "A", opt())):
            ready = ready_for(query, status(query, REFUSED))
            other = parse_query(respelled(query.wire))
            assert ready.find(other.wire) == status(other, REFUSED)

    def test_replaced(self) -> None:
        """What is kept later for the same query takes the place of the first."""
        ready = ready_for(asking())
        ready.keep(asking(), status(asking(), REFUSED))
        assert ready.find(asking().wire) == status(asking(), REFUSED)
        assert len(ready.replies) == 1

    def test_by_hand(self) -> None:
        """The hot path finds in `replies` what `find` finds."""
        ready = ready_for(asking())
        wire = respelled(asking().wire)
        key = wire[2:12] + wire[12:24].lower() + wire[24:]
        head, tail, _ = ready.replies[key]
        assert wire[:2] + head + wire[12:24] + tail == ready.find(wire)


class SecondTests(TestCase):
    def test_the_rest_of_the_second(self) -> None:
        """A reply is ready until its TTLs count down, and not an instant longer."""
        ready = ready_for(asking())
        for now in (1000.0, 1000.5, 1000.999999):
            ready.turn(now)
            assert ready.find(asking().wire) is not None
        ready.turn(1001.0)
        assert ready.find(asking().wire) is None
        assert len(ready.replies) == 0

    def test_late(self) -> None:
        """What was kept late in a second goes with it."""
        ready = Ready()
        ready.turn(1000.9)
        ready.keep(asking(), status(asking(), REFUSED))
        ready.turn(1000.95)
        assert ready.find(asking().wire) is not None
        ready.turn(1001.0)
        assert ready.find(asking().wire) is None

    def test_long_silence(self) -> None:
        """After a long silence nothing is left."""
        ready = ready_for(asking())
        ready.turn(99999.0)
        assert ready.find(asking().wire) is None

    def test_clear(self) -> None:
        """What replies rest on may change within the second: then all are forgotten."""
        ready = ready_for(asking())
        ready.clear()
        assert ready.find(asking().wire) is None
        ready.turn(1000.7)
        ready.keep(asking(), status(asking(), REFUSED))
        assert ready.find(asking().wire) is not None

    def test_most(self) -> None:
        """Some 4 MiB are kept in a second; the next second has room again."""
        assert MOST_OCTETS == 4 * 2**20
        ready, kept = Ready(), 0
        query = asking("example.com", "TYPE0")
        large = status(query, REFUSED).ljust(0xFFFF, b"\0")
        while len(ready.replies) == kept:
            wire = query.wire[:-4] + kept.to_bytes(2, "big") + b"\0\1"
            ready.keep(parse_query(wire), large)
            kept += 1
        octets = len(wire) + len(large)
        assert (kept - 1) * octets <= MOST_OCTETS < kept * octets
        assert ready.find(query.wire) == large
        assert ready.find(wire) is None
        ready.keep(query, status(query, REFUSED))
        assert ready.find(query.wire) == status(query, REFUSED)
        ready.turn(1000.0)
        ready.keep(parse_query(wire), large)
        assert ready.find(wire) is not None


class NotFoundTests(TestCase):
    def test_any_octet(self) -> None:
        """Changed in any octet but ID and case it is another message, and not found."""
        query = asking("ab.Cd-1.example", "A", opt(b"\0\x0a\0\x04AaZz"))
        ready, wire = ready_for(query), query.wire
        for at in range(len(wire)):
            for octet in range(256):
                other = wire[:at] + bytes([octet]) + wire[at + 1 :]
                found = ready.find(other) is not None
                assert found == alike(wire, other), (at, octet)

    def test_lengths(self) -> None:
        """Lengths from 65 to 90 are no letters, though they have the same octets."""
        for length in range(1, 64):
            label = bytes([length]) + b"a" * length
            query = parse_query(message(0x0100, [label + EXAMPLE]))
            ready = ready_for(query)
            for other in (length ^ 0x20, length | 0x40, length | 0x60):
                wire = query.wire[:12] + bytes([other]) + query.wire[13:]
                assert ready.find(wire) is None

    def test_flags_and_counts(self) -> None:
        """Flags and counts are looked at, so a response is not found either."""
        ready = ready_for(asking())
        for flags in (0x0000, 0x0110, 0x0120, 0x8100, 0x2100, 0x0300):
            assert ready.find(message(flags, [asking().question])) is None
        for at in (5, 7, 9, 11):
            wire = bytearray(asking().wire)
            wire[at] += 1
            assert ready.find(bytes(wire)) is None

    def test_cut_or_more(self) -> None:
        """Neither a part of a query is found, nor one with octets behind it."""
        query = asking("example.com", "A", opt())
        ready = ready_for(query)
        for end in range(len(query.wire)):
            assert ready.find(query.wire[:end]) is None
        for more in (b"\0", b"\0\0\1", query.wire):
            assert ready.find(query.wire + more) is None

    def test_records(self) -> None:
        """What comes behind the name is compared as it is, in its case."""
        records = [record(b"\1a\0", 16, b"\1a"), record(b"\1A\0", 16, b"\1a")]
        lower, upper = (asking("example.com", "A", each) for each in records)
        ready = ready_for(lower)
        assert ready.find(lower.wire) is not None
        assert ready.find(upper.wire) is None

    def test_types(self) -> None:
        """Types 65 and 97 are two, though as letters they are A and a."""
        ready = ready_for(asking("example.com", "TYPE97"))
        assert ready.find(asking("example.com", "HTTPS").wire) is None

    def test_zero_in_a_label(self) -> None:
        """A name with an octet 0 in it is not kept: its end cannot be told so fast."""
        for name in (b"\3a\0b\0", b"\1\0\0", b"\2ab\4\0xyz\0", b"\3ab\0\1c\0"):
            query = parse_query(message(0x0100, [name + b"\0\1\0\1"]))
            ready = ready_for(query)
            assert len(ready.replies) == 0
            assert ready.find(query.wire) is None

    def test_zero_behind_a_name(self) -> None:
        """Nor is one found that differs in case behind an octet 0 in a label."""
        lower, upper = (b"\5a\0\0" + tail for tail in (b"\1a\0", b"\1A\0"))
        one = parse_query(message(0x0100, [lower + b"\0\1\0\1"]))
        ready = ready_for(one)
        assert ready.find(message(0x0100, [upper + b"\0\1\0\1"])) is None


class AnyTests(TestCase):
    @quick
    @given(st.data())
    def test_as_the_ordinary_way(self, data: st.DataObject) -> None:
        """Whatever the query, and whenever in the second, it is the ordinary reply."""
        query = parse_query(data.draw(queries()))
        answer = parse_answer(data.draw(answers(query.wire)))
        other = parse_query(data.draw(spelled_otherwise(query.wire)))
        for each in (query, other):
            limit_datagram(each)
        ready = Ready()
        ready.turn(1000 + data.draw(st.floats(0, 0.9)))
        ready.keep(query, from_answer(query, answer))
        ready.turn(1000 + data.draw(st.floats(0.9, 0.999)))
        expected = from_answer(other, answer) if plain(query) else None
        assert ready.find(other.wire) == expected

    @quick
    @given(st.data(), st.floats(0, 299), st.floats(0, 1))
    def test_as_the_cache(self, data: st.DataObject, age: float, later: float) -> None:
        """What is ready is what the cache would say, TTLs and all, or it is gone."""
        query = parse_query(data.draw(queries()))
        other = parse_query(data.draw(spelled_otherwise(query.wire)))
        time, ready = Time(), Ready()
        cache = Cache(Caching(), time)
        kept = [record(b"\xc0\x0c", query.type, bytes(4), 300)]
        cache.learn(query, parse_answer(message(0x8180, [query.question], kept)))
        time.now += age
        ready.turn(time.now)
        reply = cache.answer(query)
        assert reply is not None
        ready.keep(query, reply)
        second = int(time.now)
        time.now += later
        ready.turn(time.now)
        found = ready.find(other.wire)
        if found is not None:
            assert found == cache.answer(other)
        same_second = int(time.now) == second
        assert (found is not None) == (plain(query) and same_second)

    @quick
    @given(st.data())
    def test_nobody_elses(self, data: st.DataObject) -> None:
        """What was kept for one message is never found for a different one."""
        query = parse_query(data.draw(queries()))
        ready = ready_for(query)
        other = data.draw(meddled(query.wire) | spelled_otherwise(query.wire))
        found = ready.find(other) is not None
        assert found == (plain(query) and alike(query.wire, other))

    @quick
    @given(st.data(), st.binary(max_size=60))
    def test_whatever_the_octets(self, data: st.DataObject, octets: bytes) -> None:
        """Whatever the octets, to look for a reply to them is no fault."""
        ready = ready_for(parse_query(data.draw(queries())))
        assert ready.find(octets) is None


class TraceTests(TestCase):
    def test_not_kept(self) -> None:
        """What is traced is never ready: it has to go all its way each time."""
        query = asking()
        follow(query)
        assert not ready_for(query).replies
        query.trace = None
        assert ready_for(query).replies
