"""EDNS Client Subnet: which options are well formed, and whom an answer is for."""

from ipaddress import ip_network
from unittest import TestCase

import dns.edns
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.edns import Opt, explanation, option
from dotproxy.wire.message import FormatError
from dotproxy.wire.subnet import (
    NOBODY,
    SUBNET,
    leading_subnet,
    read_subnet,
    scoped,
    subnet_for_client,
)
from tests.messages import quick

SENT = b"\0\1\x18\0\xc0\0\2"
"""192.0.2.0/24, as a query says it."""

COOKIE = (10, b"8 octets")


def an_opt(*values: bytes) -> Opt:
    """Return an OPT with a subnet for each value, behind an option of another kind."""
    options = (COOKIE, *((SUBNET, value) for value in values))
    return Opt(1232, 0, 0, 0, options)


def fault(*values: bytes) -> str:
    """Return what is wrong with these values."""
    with pytest.raises(FormatError) as caught:
        read_subnet(an_opt(*values))
    return str(caught.value)


class ReadTests(TestCase):
    def test_none(self) -> None:
        """A query need not speak of a subnet."""
        assert read_subnet(an_opt()) == b""

    def test_value(self) -> None:
        """The value stays as it is."""
        assert read_subnet(an_opt(SENT)) == SENT

    def test_nobody(self) -> None:
        """A prefix of no bits asks to add no address, whatever the family says."""
        for family in (b"\0\0", b"\0\1", b"\0\2"):
            assert read_subnet(an_opt(family + b"\0\0")) == NOBODY
        assert dns.edns.ECSOption("0.0.0.0", 0).to_wire() == NOBODY

    @quick
    @given(st.ip_addresses(), st.integers(0, 128), st.integers(0, 128))
    def test_any_network(self, address: object, bits: int, scope: int) -> None:
        """What dnspython writes is read; with a scope it is no query's."""
        width = ip_network(str(address)).max_prefixlen
        bits, scope = min(bits, width), min(scope, width)
        value = dns.edns.ECSOption(str(address), bits, 0).to_wire()
        assert read_subnet(an_opt(value)) == (value if bits else NOBODY)
        if scope:
            value = dns.edns.ECSOption(str(address), bits, scope).to_wire()
            assert fault(value) == "a subnet is none that can be asked for"

    def test_faults(self) -> None:
        """What is malformed is a FormatError (RFC 7871 section 6)."""
        wrong = "a subnet is none that can be asked for"
        length = "a subnet does not have the length of its prefix"
        for value, reason in (
            (b"", "a subnet is cut short"),
            (b"\0\1\x18", "a subnet is cut short"),
            (b"\0\1\x21\0\xc0\0\2\1\0", wrong),
            (b"\0\2\x81\0" + bytes(17), wrong),
            (b"\0\3\x18\0\xc0\0\2", wrong),
            (b"\0\1\0\1", wrong),
            (b"\0\1\x18\0\xc0\0", length),
            (b"\0\1\x18\0\xc0\0\2\0", length),
            (b"\0\1\0\0\0", length),
            (b"\0\1\x17\0\xc0\0\3", length),
        ):
            with self.subTest(value=value):
                assert fault(value) == reason
        assert read_subnet(an_opt(b"\0\1\x17\0\xc0\0\2")) == b"\0\1\x17\0\xc0\0\2"

    def test_two(self) -> None:
        """A query has one client."""
        assert fault(SENT, SENT) == "a query speaks of one subnet"

    @quick
    @given(st.binary(max_size=24))
    def test_any_octets(self, value: bytes) -> None:
        """Any octets are a subnet or a FormatError."""
        try:
            found = read_subnet(an_opt(value))
        except FormatError:
            return
        assert found in (value, NOBODY)


class ForClientTests(TestCase):
    def test_scope(self) -> None:
        """The client hears for whom the answer is, if it is for its own subnet."""
        said = SENT[:3] + b"\x10" + SENT[4:]
        assert subnet_for_client(SENT, an_opt(said)) == option(SUBNET, said)
        assert subnet_for_client(SENT, an_opt(SENT)) == option(SUBNET, SENT)

    def test_silence(self) -> None:
        """Without a word, the answer is for everybody."""
        assert subnet_for_client(SENT, None) == b""
        assert subnet_for_client(SENT, an_opt()) == b""

    def test_another(self) -> None:
        """What is said of another subnet, prefix or family is said of nobody here."""
        for said in (
            b"\0\1\x18\x18\xc0\0\3",
            b"\0\1\x17\x18\xc0\0\2",
            b"\0\2\x18\x18\xc0\0\2",
            b"",
        ):
            assert subnet_for_client(SENT, an_opt(said)) == b""

    def test_nobody(self) -> None:
        """Who asked to be nobody hears nothing of it: maybe we asked in their place."""
        assert subnet_for_client(NOBODY, an_opt(NOBODY)) == b""


class ScopedTests(TestCase):
    def test_scope(self) -> None:
        """A scope of some bits is a part of the network, one of none is all."""
        assert scoped(an_opt(b"\0\1\x18\1\xc0\0\2"))
        for values in ((), (SENT,), (NOBODY,), (b"\0\1\x18",)):
            assert not scoped(an_opt(*values))


class LeadingTests(TestCase):
    def test_options(self) -> None:
        """Only a subnet is taken, and only from the front."""
        subnet, why = option(SUBNET, SENT), explanation(0, "so it is")
        assert leading_subnet(subnet + why) == leading_subnet(subnet) == subnet
        assert leading_subnet(why + subnet) == leading_subnet(b"") == b""
