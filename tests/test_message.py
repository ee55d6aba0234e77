"""The header, the question, and the walk over records."""

from contextlib import suppress
from unittest import TestCase

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dotproxy.wire import message as numbers
from dotproxy.wire.message import (
    FORMERR,
    FormatError,
    Record,
    fold,
    records,
    skip_name,
    skip_plain_name,
)
from tests.messages import (
    ADDRESS,
    BACK,
    EXAMPLE,
    answers,
    message,
    names,
    queries,
    quick,
    record,
    spoiled,
)

QUERY = message(0x0100, [EXAMPLE])
BEHIND = len(QUERY)


class FormatErrorTests(TestCase):
    def test_what_to_tell(self) -> None:
        """A fault is a FORMERR for its sender unless it is said otherwise."""
        assert FormatError("odd").rcode == FORMERR
        assert FormatError("odd", rcode=None).rcode is None
        assert str(FormatError("odd")) == "odd"


class NumbersTests(TestCase):
    def test_types(self) -> None:
        """Types and classes are those of the registry (RFC 6895 section 3)."""
        for name in ("SOA", "SIG", "OPT", "TSIG", "IXFR", "AXFR", "ANY"):
            assert getattr(numbers, name) == dns.rdatatype.from_text(name)
        assert dns.rdataclass.from_text("CHAOS") == numbers.CHAOS

    def test_rcodes(self) -> None:
        """So are the RCODEs (RFC 6895 section 2.3)."""
        for name in ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"):
            assert getattr(numbers, name) == dns.rcode.from_text(name)
        assert numbers.BADVERS == dns.rcode.BADVERS

    def test_flags(self) -> None:
        """Flags lie in the header's third octet and its fourth (RFC 6895 section 2)."""
        for name in ("QR", "AA", "TC", "RD"):
            assert getattr(numbers, name) << 8 == dns.flags.from_text(name)
        for name in ("RA", "AD", "CD"):
            assert getattr(numbers, name) == dns.flags.from_text(name)
        assert (numbers.OPCODE, numbers.Z, numbers.RCODE) == (0x78, 0x40, 0x0F)


class RecordsTests(TestCase):
    def test_places(self) -> None:
        """Each record is found with its type, name, fixed part and end."""
        first = record(BACK, 1, ADDRESS)
        second = record(b"\3www" + BACK, 0xFF00, b"")
        wire = QUERY + first + second
        middle = BEHIND + len(first)
        assert list(records(wire, BEHIND, 2)) == [
            Record(1, BEHIND, BEHIND + 2, middle),
            Record(0xFF00, middle, middle + 6, len(wire)),
        ]

    def test_none(self) -> None:
        """No records are no records, even at the very end of a message."""
        assert list(records(QUERY, BEHIND, 0)) == []

    def test_cut_anywhere(self) -> None:
        """A record that is cut short, wherever that is, is a fault."""
        wire = QUERY + record(b"\3www" + BACK, 1, ADDRESS)
        for end in range(BEHIND, len(wire)):
            with pytest.raises(FormatError):
                list(records(wire[:end], BEHIND, 1))

    def test_too_many(self) -> None:
        """A count that promises more records than there are is a fault."""
        wire = QUERY + record(BACK, 1, ADDRESS)
        with pytest.raises(FormatError, match="runs off the end"):
            list(records(wire, BEHIND, 2))

    @quick
    @given(st.data())
    def test_real_messages(self, data: st.DataObject) -> None:
        """The walk over a real message ends where the message ends."""
        query = data.draw(queries())
        wire = data.draw(answers(query))
        behind = skip_plain_name(wire, 12) + 4
        count = sum(int.from_bytes(wire[at : at + 2], "big") for at in (6, 8, 10))
        ends = [behind, *(found.end for found in records(wire, behind, count))]
        assert len(ends) == count + 1
        assert ends[-1] == len(wire)

    @quick
    @given(spoiled(queries().flatmap(answers)), st.integers(0, 40), st.integers(0, 40))
    @example(b"", 0, 1)
    def test_whatever_the_octets(self, wire: bytes, at: int, count: int) -> None:
        """Whatever the octets, there are records within the message or a fault."""
        end = at
        with suppress(FormatError):
            for found in records(wire, at, count):
                assert found.at == end
                assert found.at < found.fixed <= found.end - 10
                end = found.end
                assert end <= len(wire)


class FoldTests(TestCase):
    def test_name_only(self) -> None:
        """The name is folded, type and class are not (RFC 4343 section 3)."""
        assert fold(b"\7eXaMpLe\3COM\0\0A\0\1") == b"\7example\3com\0\0A\0\1"
        assert fold(b"\0\x41\x5a\x41\x5a") == b"\0\x41\x5a\x41\x5a"

    def test_ascii_only(self) -> None:
        """Only the letters of ASCII have two cases (RFC 4343 section 3)."""
        name = b"\2\xc4\xdc\0"
        assert fold(name + b"\0\1\0\1") == name + b"\0\1\0\1"


class SkipNameTests(TestCase):
    def test_root(self) -> None:
        """The root is one octet."""
        assert skip_name(b"\0", 0) == 1

    def test_pointer_ends_a_name(self) -> None:
        """A compression pointer is the last of a name (RFC 1035 section 4.1.4)."""
        wire = QUERY + b"\3www" + BACK + b"\3not"
        assert skip_name(wire, BEHIND) == BEHIND + 6

    def test_pointer_forwards(self) -> None:
        """A pointer to the name itself or behind it is a fault (RFC 1035 4.1.4)."""
        for target in (BEHIND, BEHIND + 1, 0x3FFF):
            pointer = (0xC000 | target).to_bytes(2, "big")
            with pytest.raises(FormatError, match="points to no prior name"):
                skip_name(QUERY + pointer + bytes(8), BEHIND)

    def test_pointer_into_header(self) -> None:
        """So is one into the header: the name would change with the ID."""
        for target in (0, 2, 11):
            pointer = (0xC000 | target).to_bytes(2, "big")
            with pytest.raises(FormatError, match="points to no prior name"):
                skip_name(QUERY + pointer, BEHIND)
        assert skip_name(QUERY + b"\xc0\x0c", BEHIND) == BEHIND + 2

    def test_pointer_cut(self) -> None:
        """Half a pointer is a fault."""
        with pytest.raises(FormatError, match="runs off the end"):
            skip_name(QUERY + b"\xc0", BEHIND)

    def test_label_too_long(self) -> None:
        """A label over 63 octets is a fault (RFC 1035 section 2.3.4)."""
        assert skip_name(b"\x3f" + bytes(64), 0) == 65
        for length in (0x40, 0x7F, 0x80, 0xBF):
            with pytest.raises(FormatError, match="63 octets"):
                skip_name(bytes([length]) + bytes(256), 0)

    def test_name_too_long(self) -> None:
        """A name may have 255 octets and no more (RFC 1035 section 2.3.4)."""
        label = b"\x3f" + b"a" * 63
        assert skip_name(label * 3 + b"\x3d" + b"a" * 61 + b"\0", 0) == 255
        with pytest.raises(FormatError, match="255 octets"):
            skip_name(label * 3 + b"\x3e" + b"a" * 62 + b"\0", 0)

    @quick
    @given(names)
    def test_real_names(self, name: dns.name.Name) -> None:
        """Both readers find the end of every name."""
        wire = b"".join(bytes([len(label)]) + label for label in name.labels)
        assert skip_name(wire + b"\5", 0) == len(wire)
        assert skip_plain_name(wire + b"\5", 0) == len(wire)


class SkipPlainNameTests(TestCase):
    def test_compressed(self) -> None:
        """A pointer, or a label that long, is a fault (RFC 1035 section 4.1.4)."""
        for length in (0x40, 0x80, 0xC0, 0xFF):
            with pytest.raises(FormatError, match="compressed or overlong"):
                skip_plain_name(bytes(12) + bytes([length]) + bytes(256), 12)

    def test_cut(self) -> None:
        """A name without its end is a fault."""
        for end in range(12, BEHIND - 4):
            with pytest.raises(FormatError, match="runs off the end"):
                skip_plain_name(QUERY[:end], 12)

    def test_too_long(self) -> None:
        """A name may have 255 octets and no more (RFC 1035 section 2.3.4)."""
        label = b"\x3f" + b"a" * 63
        assert skip_plain_name(label * 3 + b"\x3d" + b"a" * 61 + b"\0", 0) == 255
        with pytest.raises(FormatError, match="255 octets"):
            skip_plain_name(label * 4 + b"\0", 0)

    @quick
    @given(st.binary(max_size=300), st.integers(0, 310))
    def test_whatever_the_octets(self, wire: bytes, at: int) -> None:
        """Whatever the octets, there is an end within the message or a fault."""
        for reader in (skip_name, skip_plain_name):
            with suppress(FormatError):
                assert at < reader(wire, at) <= len(wire)
