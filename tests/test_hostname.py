"""Host names, as TLS carries them."""

from contextlib import suppress
from unittest import TestCase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.hostname import LONGEST_HOST_NAME, read_host_name
from dotproxy.wire.message import FormatError
from tests.messages import quick

LABEL = b"a" * 63

NAMES = (
    b"example.com",
    b"localhost",
    b"a.b.c.d.e",
    b"xn--bcher-kva.example",
    b"1and1.com",
    b"3com",
    b"1.2.3.4.example",
    b"0x7f.example",
    b"0xg",
    LABEL + b".example",
)

NEITHER = (
    b"",
    b".",
    b".example.com",
    b"example.com.",
    b"example..com",
    b"-a.example",
    b"a-.example",
    b"example.-",
    b"a_b.example",
    b"a b.example",
    b"*.example",
    b"a\0.example",
    b"example.com\n",
    b"b\xc3\xbccher.example",
    b"a" + LABEL + b".example",
    b"[2001:db8::1]",
    b"2001:db8::1",
    b"::ffff:192.0.2.1",
)

NUMBERS = (b"192.0.2.1", b"1", b"127.1", b"example.1", b"0x7f000001", b"a.0XA", b"0x")


class HostNameTests(TestCase):
    def test_names(self) -> None:
        """Labels are letters, digits, hyphens within (RFC 5890 section 2.3.1)."""
        for name in NAMES:
            assert read_host_name(name) == name.decode()

    def test_lower_case(self) -> None:
        """Names that differ in case alone are one name (RFC 4343)."""
        assert read_host_name(b"WWW.Example.COM") == "www.example.com"

    def test_neither(self) -> None:
        """Other octets, and dots without a label at both sides, are no host name."""
        for octets in NEITHER:
            with pytest.raises(FormatError, match="letters"):
                read_host_name(octets)

    def test_numbers(self) -> None:
        """An address is no name, nor what some read as one (RFC 9849 section 4)."""
        for octets in NUMBERS:
            with pytest.raises(FormatError, match="number"):
                read_host_name(octets)

    def test_longest(self) -> None:
        """A name has 253 octets at most (RFC 1035 section 2.3.4)."""
        assert LONGEST_HOST_NAME == 253
        longest = b".".join((LABEL, LABEL, LABEL, LABEL[:61]))
        assert read_host_name(longest) == longest.decode()
        with pytest.raises(FormatError, match="253"):
            read_host_name(longest + b"a")

    @quick
    @given(st.binary(max_size=12) | st.text("aZ0-.x_", max_size=12).map(str.encode))
    def test_whatever_the_octets(self, octets: bytes) -> None:
        """Whatever the octets, they are a fault, or a name that stays as it is."""
        with suppress(FormatError):
            name = read_host_name(octets)
            assert name.encode() == octets.lower()
            assert read_host_name(name.encode()) == name
            assert all(0 < len(label) < 64 for label in name.split("."))
