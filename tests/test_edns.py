"""OPT and its options."""

from contextlib import suppress
from unittest import TestCase

import dns.edns
import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.edns import (
    DNSSEC_OK,
    EXPLANATION,
    KEEPALIVE,
    LONGEST_TEXT,
    PADDING,
    Opt,
    explanation,
    explanations,
    keepalive,
    keepalive_option,
    option,
    read_opt,
    write_opt,
)
from dotproxy.wire.message import FORMERR, FormatError, records
from tests.messages import ADDRESS, BACK, EXAMPLE, message, opt, quick, record


def with_opt(*additionals: bytes) -> bytes:
    return message(0x0100, [EXAMPLE], [], [], additionals)


def read(wire: bytes) -> Opt:
    """Read the OPT that is the first record of a message."""
    found = records(wire, 12 + len(EXAMPLE), 1)[0]
    return read_opt(wire, found)


def saying(*pairs: tuple[int, bytes]) -> Opt:
    """Return an OPT with these options."""
    return Opt(1232, 0, 0, 0, pairs)


class ReadTests(TestCase):
    def test_each_part(self) -> None:
        """All that dnspython puts into OPT is found (RFC 6891 section 6.1.2)."""
        query = dns.message.make_query("example.com", "A")
        query.use_edns(3, dns.flags.DO, 1400, options=[dns.edns.NSIDOption(b"me")])
        found = read(query.to_wire())
        assert found == Opt(1400, 0, 3, DNSSEC_OK, ((3, b"me"),))

    def test_extended_rcode(self) -> None:
        """The upper bits of the RCODE stand where they belong (RFC 6891 6.1.3)."""
        assert read(with_opt(opt(ttl=0x01000000))).rcode == 16
        assert read(with_opt(opt(ttl=0xFF000000))).rcode == 0xFF0

    def test_name_by_pointer(self) -> None:
        """OPT with a compressed name is a fault (RFC 6891 section 6.1.2)."""
        with pytest.raises(FormatError, match="root") as caught:
            read(with_opt(BACK + opt()[1:]))
        assert caught.value.rcode == FORMERR

    def test_name_in_full(self) -> None:
        """OPT with a name in full is a fault as well (RFC 6891 section 6.1.2)."""
        with pytest.raises(FormatError, match="root") as caught:
            read(with_opt(b"\1x\0" + opt()[1:]))
        assert caught.value.rcode == FORMERR

    def test_option_overruns(self) -> None:
        """An option longer than OPT is a fault, whatever follows (RFC 6891 6.1.2)."""
        for more in ([], [record(BACK, 1, ADDRESS)]):
            with pytest.raises(FormatError, match="runs off the end") as caught:
                read(with_opt(opt(b"\0\3\0\3me"), *more))
            assert caught.value.rcode == FORMERR

    def test_option_cut_short(self) -> None:
        """An option without its whole code and length is a fault, whatever follows."""
        for end in (1, 2, 3):
            for more in ([], [record(BACK, 1, ADDRESS)]):
                with pytest.raises(FormatError):
                    read(with_opt(opt(b"\0\3\0\0"[:end]), *more))

    @quick
    @given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=20))))
    def test_options(self, pairs: list[tuple[int, bytes]]) -> None:
        """Options are read as they were written, in their order."""
        rdata = b"".join(option(code, value) for code, value in pairs)
        assert read(with_opt(opt(rdata))).options == tuple(pairs)

    @quick
    @given(st.binary(max_size=40), st.binary(max_size=20))
    def test_whatever_the_octets(self, rdata: bytes, more: bytes) -> None:
        """Whatever the octets, they are options to the last octet or a fault."""
        with suppress(FormatError):
            found = read(with_opt(opt(rdata)) + more)
            assert b"".join(option(*pair) for pair in found.options) == rdata


class WriteTests(TestCase):
    def test_as_dnspython_reads_it(self) -> None:
        """Payload, RCODE, version 0, flags and options arrive (RFC 6891 6.1.2)."""
        written = write_opt(1232, 16, DNSSEC_OK, option(PADDING, bytes(3)))
        found = dns.message.from_wire(with_opt(written))
        assert (found.payload, found.rcode(), found.edns) == (1232, 16, 0)
        assert found.ednsflags & 0xFFFF == dns.flags.DO
        assert [(int(each.otype), each.to_wire()) for each in found.options] == [
            (PADDING, bytes(3))
        ]

    def test_there_and_back(self) -> None:
        """What is written is read again; the lower RCODE is the header's."""
        found = read(with_opt(write_opt(512, 0xABC, 0x4001, b"")))
        assert found == Opt(512, 0xAB0, 0, 0x4001, ())


class ExplanationTests(TestCase):
    def test_as_dnspython_reads_it(self) -> None:
        """An Extended DNS Error says a code and a text (RFC 8914 section 2)."""
        written = write_opt(1232, 0, 0, explanation(22, "niemand antwortet: übel"))
        (found,) = dns.message.from_wire(with_opt(written)).extended_errors()
        assert found.code == dns.edns.EDECode.NO_REACHABLE_AUTHORITY
        assert found.text == "niemand antwortet: übel"

    def test_longest(self) -> None:
        """A text is cut where it would take the room of what it explains."""
        assert LONGEST_TEXT == 400
        for size in (0, 399, 400, 401, 9000):
            expected = option(EXPLANATION, b"\0\x16" + b"x" * min(size, 400))
            assert explanation(22, "x" * size) == expected

    def test_longest_not_in_a_character(self) -> None:
        """It is cut between characters, and stays UTF-8 (RFC 8914 section 2)."""
        for text in ("x" + "ü" * 300, "xxx" + "\U0001f600" * 200):
            whole = explanation(22, text)[6:].decode()
            assert text.startswith(whole)
            assert 400 - 4 < len(whole.encode()) <= 400

    def test_picked_out(self) -> None:
        """Only the explanations are handed on, all of them, octet for octet."""
        mixed = saying(
            (KEEPALIVE, b"\0\x64"),
            (EXPLANATION, b"\0\6bogus"),
            (PADDING, bytes(9)),
            (EXPLANATION, b"\0\x0f"),
            (8, b"\0\1\x18\0\xc0\0\2"),
            (10, b"8 octets"),
        )
        assert explanations(mixed) == b"\0\x0f\0\7\0\6bogus" + b"\0\x0f\0\2\0\x0f"

    def test_none(self) -> None:
        """Without options there is nothing to hand on."""
        assert explanations(saying()) == b""

    def test_without_code(self) -> None:
        """An explanation too short for its code explains nothing (RFC 8914 2)."""
        assert explanations(saying((EXPLANATION, b"\0"))) == b""

    def test_no_text(self) -> None:
        """An explanation whose text is not UTF-8 is left out (RFC 8914 2)."""
        broken = (EXPLANATION, b"\0\6\xff")
        whole = (EXPLANATION, b"\0\6bogus")
        assert explanations(saying(broken, whole)) == option(*whole)


class KeepaliveTests(TestCase):
    def test_tenths_of_seconds(self) -> None:
        """The option counts in tenths of a second (RFC 7828 section 3.1)."""
        assert keepalive(saying((PADDING, b""), (KEEPALIVE, b"\x01\x2d"))) == 30.1

    def test_zero(self) -> None:
        """Zero is a time-out too: close now (RFC 7828 section 3.2.2)."""
        assert keepalive(saying((KEEPALIVE, b"\0\0"))) == 0.0

    def test_none(self) -> None:
        """Nothing is said without the option, or by a client's, which is empty."""
        assert keepalive(saying()) is None
        assert keepalive(saying((PADDING, b"\0\0"))) is None
        assert keepalive(saying((KEEPALIVE, b""))) is None

    def test_written(self) -> None:
        """Tenths of a second are rounded down, and are at most what two octets hold."""
        assert keepalive_option(10.0) == b"\0\x0b\0\2\0\x64"
        assert keepalive_option(0.19)[-2:] == b"\0\1"
        assert keepalive_option(3600.0)[-2:] == b"\x8c\xa0"
        assert keepalive_option(1e9)[-2:] == b"\xff\xff"
