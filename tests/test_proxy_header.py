"""The header that tells a backend who the client is."""

from unittest import TestCase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.message import FormatError
from dotproxy.wire.proxy_header import (
    LONGEST,
    LONGEST_LINE,
    SIGNATURE,
    Header,
    read_proxy_header,
    write_proxy_header,
)
from tests.messages import quick

ENDS = bytes.fromhex("c6336407 c0000201 c350 01bb")
"""From 198.51.100.7, port 50000, to 192.0.2.1, port 443."""

CLIENT = ("198.51.100.7", 50_000)


def binary(head: str, behind: bytes, length: int | None = None) -> bytes:
    """Write a header of version 2, with a length that may be wrong."""
    size = len(behind) if length is None else length
    return SIGNATURE + bytes.fromhex(head) + size.to_bytes(2, "big") + behind


def refused(octets: bytes) -> str:
    """Return why these are no header."""
    with pytest.raises(FormatError) as caught:
        read_proxy_header(octets)
    return str(caught.value)


class HeaderTests(TestCase):
    def test_ipv4(self) -> None:
        """It is what the specification says, octet by octet."""
        header = write_proxy_header(
            ("198.51.100.7", 50_000), ("192.0.2.1", 443), "a.example", ()
        )
        assert header == bytes.fromhex(
            "0d0a0d0a000d0a515549540a 21 11 0018"
            "c6336407 c0000201 c350 01bb"
            "02 0009 612e6578616d706c65"
        )

    def test_ipv6(self) -> None:
        """Addresses of IPv6 are longer; a zone is left away."""
        header = write_proxy_header(("fe80::1%eth0", 1), ("2001:db8::2", 2), "", ())
        assert header[12:16] == b"\x21\x21\0\x24"
        assert header[16:] == bytes.fromhex(
            "fe80000000000000 0000000000000001"
            "20010db800000000 0000000000000002 0001 0002"
        )

    def test_protocol(self) -> None:
        """The protocol is told if there is but one."""
        ends = ("192.0.2.7", 1), ("192.0.2.1", 2)
        assert write_proxy_header(*ends, "", (b"h2",))[28:] == b"\1\0\2h2"
        assert write_proxy_header(*ends, "", (b"h2", b"http/1.1"))[28:] == b""


class LineTests(TestCase):
    """Version 1, as HAProxy sends it with send-proxy."""

    def test_families(self) -> None:
        """The client is told with its port, for both families."""
        line = b"PROXY TCP4 198.51.100.7 192.0.2.1 50000 443\r\n"
        assert read_proxy_header(line + b"query") == Header(CLIENT, len(line))
        line = b"PROXY TCP6 2001:db8::7 2001:DB8:0::1 50000 443\r\n"
        assert read_proxy_header(line) == Header(("2001:db8::7", 50_000), len(line))

    def test_mapped(self) -> None:
        """An IPv4 address inside an IPv6 one is what it is, for the sake of limits."""
        line = b"PROXY TCP6 ::ffff:198.51.100.7 ::ffff:192.0.2.1 50000 443\r\n"
        assert read_proxy_header(line) == Header(CLIENT, len(line))
        mapped = bytes.fromhex("00000000000000000000ffff")
        ends = mapped + ENDS[:4] + mapped + ENDS[4:]
        assert read_proxy_header(binary("2121", ends)) == Header(CLIENT, 52)

    def test_unknown(self) -> None:
        """Whatever follows UNKNOWN says nothing."""
        for line in (b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN a b c d e\r\n"):
            assert read_proxy_header(line) == Header(None, len(line))

    def test_longest(self) -> None:
        """The longest line of all is read, and one octet more is refused at once."""
        line = b"PROXY UNKNOWN " + b"f" * (LONGEST_LINE - 16)
        assert read_proxy_header(line + b"\r\n") == Header(None, LONGEST_LINE)
        assert read_proxy_header(line + b"f") is None
        assert "without an end" in refused(line + b"f\r")
        assert "without an end" in refused(line + b"f\r\n")

    def test_faults(self) -> None:
        """A word too few or too many, no address, another family, no port."""
        for words in (
            *(b"TCP4", b"TCP4 ", b"TCP4 1.2.3.4 1.2.3.4 1", b"UNIX a b 1 2", b""),
            *(b"TCP4 1.2.3.4 1.2.3.4 1 2 ", b"TCP4  1.2.3.4 1.2.3.4 1 2"),
            *(b"TCP4 1.2.3 1.2.3.4 1 2", b"TCP4 1.2.3.4 x 1 2", b"TCP4 ::1 ::1 1 2"),
            *(b"TCP6 1.2.3.4 1.2.3.4 1 2", b"TCP4 1.2.3.4 1.2.3.4 65536 2"),
            *(b"TCP4 1.2.3.4 1.2.3.4 1 -2", b"TCP4 1.2.3.4 1.2.3.4 000001 2"),
            *(b"TCP6 fe80::1%a fe80::1 1 2", b"TCP4 \xff 1.2.3.4 1 2"),
            b"tcp4 1.2.3.4 1.2.3.4 1 2",
        ):
            assert "PROXY" in refused(b"PROXY " + words + b"\r\n"), words

    def test_another(self) -> None:
        """What begins otherwise is refused by its first wrong octet."""
        for octets in (b"PROXX", b"PROXY\t", b"\r\n\r\r", b"\r\n\r\n\0\r\nR"):
            assert refused(octets) == "no PROXY header"
            assert read_proxy_header(octets[:-1]) is None
        for octets in (b"G", b"\0\x1d", b"\x16\3\1"):
            assert refused(octets) == refused(octets[:1]) == "no PROXY header"


class BinaryTests(TestCase):
    """Version 2."""

    def test_families(self) -> None:
        """What we write ourselves we read, with what stands behind the addresses."""
        ends = CLIENT, ("192.0.2.1", 443)
        header = write_proxy_header(*ends, "a.example", (b"h2",))
        assert read_proxy_header(header + b"query") == Header(CLIENT, len(header))
        client = ("2001:db8::7", 1)
        header = write_proxy_header(client, ("2001:db8::1", 2), "", ())
        assert read_proxy_header(header) == Header(client, len(header))

    def test_datagram(self) -> None:
        """What came to the balancer over UDP counts as well."""
        assert read_proxy_header(binary("2112", ENDS)) == Header(CLIENT, 28)

    def test_own(self) -> None:
        """The balancer's own, one without a family, and one of a UNIX socket."""
        for head in ("2000", "2011", "2100", "2131"):
            header = binary(head, ENDS)
            assert read_proxy_header(header) == Header(None, len(header)), head

    def test_longest(self) -> None:
        """What is too long is refused before it is read."""
        longest = binary("2111", ENDS + bytes(LONGEST - 16 - len(ENDS)))
        assert read_proxy_header(longest) == Header(CLIENT, LONGEST)
        assert "too long" in refused(binary("2111", b"", LONGEST - 15))

    def test_faults(self) -> None:
        """Another version, command, family or transport, and addresses cut short."""
        for head, behind in (
            *(("1111", ENDS), ("3111", ENDS), ("2211", ENDS), ("2f11", ENDS)),
            *(("2141", ENDS), ("2113", ENDS), ("2111", ENDS[:-1]), ("2121", ENDS)),
        ):
            assert "PROXY" in refused(binary(head, behind)), head


class AnyTests(TestCase):
    @quick
    @given(st.binary(max_size=64), st.sampled_from([b"", b"PROXY TCP4 ", SIGNATURE]))
    def test_any(self, octets: bytes, before: bytes) -> None:
        """Any octets are a header, the beginning of one, or a FormatError."""
        try:
            header = read_proxy_header(before + octets)
        except FormatError:
            return
        assert header is None or header.size <= len(before + octets)

    def test_cuts(self) -> None:
        """Nothing is known before the last octet of a header, and no more after it."""
        for header in (
            b"PROXY TCP4 198.51.100.7 192.0.2.1 50000 443\r\n",
            binary("2111", ENDS + b"\4\0\1x"),
        ):
            for cut in range(len(header)):
                assert read_proxy_header(header[:cut]) is None, cut
            assert read_proxy_header(header) == Header(CLIENT, len(header))
