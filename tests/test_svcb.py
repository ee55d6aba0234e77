"""HTTPS and SVCB records: read, edited, written."""

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from unittest import TestCase

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.version
import pytest
from dns.rdtypes.svcbbase import SVCBBase
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.ech import public_names
from dotproxy.wire.message import FormatError
from dotproxy.wire.svcb import (
    ALPN,
    ECH,
    HTTPS,
    IPV4HINT,
    IPV6HINT,
    MANDATORY,
    NO_DEFAULT_ALPN,
    PORT,
    ROOT,
    SVCB,
    Binding,
    read_binding,
    write_binding,
)
from dotproxy.wire.vector import write_vector
from tests.hellos import PUBLISHED
from tests.messages import names, quick, spoiled

V4, OTHER_V4 = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
V6 = IPv6Address("2001:db8::1")

STRICT = (dns.version.MAJOR, dns.version.MINOR) >= (2, 9)
"""Whether dnspython refuses empty lists; it once let some pass."""

OHTTP, DOCPATH = 8, 10
"""Keys whose values dnspython judges, while they are octets to us."""

EVERYTHING = (
    "1 svc.example.com. mandatory=alpn,ipv4hint,key666 alpn=h2,h3 no-default-alpn "
    "port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1 "
    r"dohpath=/q{?dns} key666=\000\255"
)


def rdata(text: str) -> bytes:
    """Write a record as dnspython does, of its presentation."""
    return wire_of(dns.rdata.from_text("IN", "HTTPS", text))


def wire_of(found: dns.rdata.Rdata) -> bytes:
    wire = found.to_wire()
    assert wire is not None
    return wire


def binding(text: str) -> Binding:
    return read_binding(rdata(text))


def odd(*params: tuple[int, bytes], priority: int = 1) -> bytes:
    """Write a record for the owner itself with any parameters, in any order."""
    pairs = [key.to_bytes(2, "big") + write_vector(value, 2) for key, value in params]
    return priority.to_bytes(2, "big") + ROOT + b"".join(pairs)


def by_dnspython(wire: bytes) -> SVCBBase | None:
    """Read a record as dnspython does; None if it cannot."""
    try:
        found = dns.rdata.from_wire(
            dns.rdataclass.IN, dns.rdatatype.HTTPS, wire, 0, len(wire)
        )
    except (dns.exception.DNSException, ValueError):
        return None
    assert isinstance(found, SVCBBase)
    return found


VALUES = {
    MANDATORY: st.lists(st.integers(0, 12), max_size=3).map(
        lambda keys: b"".join(key.to_bytes(2, "big") for key in keys)
    ),
    ALPN: st.lists(st.binary(max_size=4), max_size=3).map(
        lambda ids: b"".join(write_vector(each, 1) for each in ids)
    ),
    NO_DEFAULT_ALPN: st.just(b""),
    PORT: st.binary(min_size=2, max_size=2),
    IPV4HINT: st.integers(0, 3).map(lambda count: bytes(4 * count)),
    ECH: st.just(PUBLISHED) | st.binary(max_size=6).map(lambda v: write_vector(v, 2)),
    IPV6HINT: st.integers(0, 2).map(lambda count: bytes(16 * count)),
    7: st.binary(max_size=6),
    12: st.binary(max_size=6),
    65535: st.binary(max_size=6),
}
"""For each key values of its kind, most of them such as it may have."""


@st.composite
def rdatas(draw: st.DrawFn) -> bytes:
    """Draw the data of a record that is well formed, or nearly."""
    keys = sorted(draw(st.sets(st.sampled_from(sorted(VALUES)))))
    params = [(key, draw(VALUES[key])) for key in keys]
    if draw(st.booleans()):
        # All of what is mandatory is there, in order.
        named = sorted(draw(st.sets(st.sampled_from(keys))) if keys else ())
        value = b"".join(key.to_bytes(2, "big") for key in named if key)
        params = [(MANDATORY, value), *(each for each in params if each[0])]
    priority = draw(st.sampled_from([1, 1, 1, 2, 0xFFFF]))
    target = draw(names).to_wire() or ROOT
    return priority.to_bytes(2, "big") + target + odd(*params)[3:]


class ReadTests(TestCase):
    def test_each_part(self) -> None:
        """All that dnspython writes is found (RFC 9460 section 2.2)."""
        found = binding(EVERYTHING)
        assert (found.priority, found.alias) == (1, False)
        assert found.target == b"\3svc\7example\3com\0"
        assert found.mandatory == (ALPN, IPV4HINT, 666)
        assert found.alpn == (b"h2", b"h3")
        assert found.value(NO_DEFAULT_ALPN) == b""
        assert found.port == 8443
        assert found.hints == (V4, OTHER_V4, V6)
        assert found.value(7) == b"/q{?dns}"
        assert found.value(666) == b"\0\xff"

    def test_nothing(self) -> None:
        """What a record does not say is empty, or None."""
        found = binding("16 .")
        assert found == Binding(16, ROOT)
        assert (found.mandatory, found.alpn, found.hints) == ((), (), ())
        assert (found.port, found.value(ECH)) == (None, None)

    def test_ech(self) -> None:
        """The list of configurations is there as a whole (RFC 9848 section 3)."""
        found = read_binding(odd((ECH, PUBLISHED)))
        assert public_names(found.value(ECH) or b"") == ("cloudflare-ech.com",)
        shortest = odd((ECH, b"\0\4\xfe\x0a\0\0"))
        assert write_binding(read_binding(shortest)) == shortest

    def test_alias(self) -> None:
        """Behind the target of an alias, nothing is heeded (RFC 9460 section 2.4.2)."""
        plain = binding("0 svc.example.com.")
        assert plain == Binding(0, b"\3svc\7example\3com\0")
        assert plain.alias
        for behind in (odd((ALPN, b"\2h2")), odd((PORT, b"")), b"\0\1\0?"):
            assert read_binding(b"\0\0\0" + behind[3:]) == Binding(0, ROOT)

    def test_spelling(self) -> None:
        """The target stays as it was spelled (RFC 4343 section 3)."""
        wire = rdata("1 SVC.Example.COM.")
        assert read_binding(wire).target == b"\3SVC\7Example\3COM\0"
        assert write_binding(read_binding(wire)) == wire

    def test_types(self) -> None:
        """The types have the numbers that dnspython has for them."""
        assert (SVCB, HTTPS) == (dns.rdatatype.SVCB, dns.rdatatype.HTTPS)

    def test_cut_short(self) -> None:
        """A record that ends anywhere but behind a parameter is a fault."""
        whole = odd((PORT, b"\1\xbb"), (12, b"abc"))
        for end in (0, 1, 2, *range(4, 9), *range(10, len(whole))):
            with pytest.raises(FormatError):
                read_binding(whole[:end])

    def test_target(self) -> None:
        """The target is a name, and not compressed (RFC 9460 section 2.2)."""
        for target in (
            b"\xc0\0",
            b"\1a\xc0\0",
            b"\x40",
            b"\3com",
            b"\1a" * 128 + ROOT,
        ):
            with pytest.raises(FormatError, match="target"):
                read_binding(b"\0\1" + target)

    def test_order(self) -> None:
        """Keys rise, and so stand once each (RFC 9460 section 2.2)."""
        for params in (((12, b"x"), (12, b"x")), ((13, b""), (12, b""))):
            with pytest.raises(FormatError, match="rising"):
                read_binding(odd(*params))

    def test_values(self) -> None:
        """A value that its key cannot have makes the record malformed."""
        for key, values in (
            (MANDATORY, (b"", b"\0", b"\0\0", b"\0\0\0\4", b"\0\4\0")),
            (MANDATORY, (b"\0\4\0\4", b"\0\6\0\4")),
            (ALPN, (b"", b"\0", b"\2h2\0", b"\2h2\3h3", b"\2")),
            (PORT, (b"", b"\1", b"\1\2\3")),
            (IPV4HINT, (b"", b"\0\0\0", bytes(5), bytes(16 + 1))),
            (IPV6HINT, (b"", bytes(4), bytes(17))),
            (ECH, (b"", b"\0", b"\0\0", b"\0\3abc", PUBLISHED + b"\0", b"\0\5abcd")),
        ):
            for value in values:
                params = {key: value} | ({4: bytes(4), 6: bytes(16)} if not key else {})
                with pytest.raises(FormatError):
                    read_binding(odd(*sorted(params.items())))
                if STRICT:
                    assert by_dnspython(odd(*sorted(params.items()))) is None

    def test_no_default_alpn(self) -> None:
        """no-default-alpn is empty, and needs alpn (RFC 9460 section 7.1.1)."""
        with pytest.raises(FormatError, match="without alpn"):
            read_binding(odd((NO_DEFAULT_ALPN, b"")))
        with pytest.raises(FormatError, match="parameter 2"):
            read_binding(odd((ALPN, b"\2h2"), (NO_DEFAULT_ALPN, b"x")))

    def test_mandatory_is_missing(self) -> None:
        """What is mandatory must be there (RFC 9460 section 8)."""
        with pytest.raises(FormatError, match="parameter 4 is mandatory"):
            read_binding(odd((MANDATORY, b"\0\3\0\4"), (PORT, b"\1\xbb")))

    @quick
    @given(rdatas() | spoiled(rdatas()))
    def test_as_dnspython(self, wire: bytes) -> None:
        """We read what dnspython does, and write the same octets as it."""
        theirs = by_dnspython(wire)
        try:
            ours = read_binding(wire)
        except FormatError:
            # A pointer, which is forbidden here, is what dnspython expands.
            assert theirs is None or wire_of(theirs) != wire or not STRICT
            return
        if ours.alias or {OHTTP, DOCPATH} & {key for key, _ in ours.params}:
            return
        assert theirs is not None
        assert write_binding(ours) == wire == wire_of(theirs)
        assert (ours.priority, ours.target) == (
            theirs.priority,
            theirs.target.to_wire(),
        )
        assert [key for key, _ in ours.params] == sorted(theirs.params)
        said = {key: value for key, value in theirs.params.items() if value}
        assert ours.mandatory == (said[0].keys if 0 in said else ())
        assert ours.alpn == (said[1].ids if 1 in said else ())
        assert ours.port == (said[3].port if 3 in said else None)
        hints = [text for key in (4, 6) if key in said for text in said[key].addresses]
        assert [each.packed for each in ours.hints] == [
            (IPv6Address if ":" in text else IPv4Address)(text).packed for text in hints
        ]

    @quick
    @given(st.binary(max_size=40))
    def test_whatever_the_octets(self, wire: bytes) -> None:
        """Whatever the octets, they are a fault, or written again as they came."""
        with suppress(FormatError):
            found = read_binding(wire)
            assert found.alias or write_binding(found) == wire


class WriteTests(TestCase):
    def test_made_here(self) -> None:
        """A record can be made from nothing."""
        made = Binding(1, ROOT).with_alpn([b"h2"]).with_hints([V4])
        assert write_binding(made) == rdata("1 . alpn=h2 ipv4hint=192.0.2.1")

    def test_longest(self) -> None:
        """No record has more than 65,535 octets (RFC 1035 section 3.2.1)."""
        longest = Binding(1, ROOT).with_param(12, bytes(0xFFFF - 7))
        assert len(write_binding(longest)) == 0xFFFF
        with pytest.raises(FormatError, match="65,535"):
            write_binding(longest.with_param(12, bytes(0xFFFF - 6)))


class WithoutTests(TestCase):
    def test_left_out(self) -> None:
        """What is left out is gone, and all else stays as it was."""
        left = binding("1 . alpn=h2 port=8443 key666=x").without(PORT, 667)
        assert write_binding(left) == rdata("1 . alpn=h2 key666=x")

    def test_mandatory(self) -> None:
        """A parameter leaves the mandatory ones as well (RFC 9460 section 8)."""
        left = binding(EVERYTHING).without(IPV4HINT)
        assert left.mandatory == (ALPN, 666)
        left = left.without(ALPN, 666)
        assert MANDATORY not in dict(left.params)
        assert write_binding(left) == rdata(
            "1 svc.example.com. port=8443 ipv6hint=2001:db8::1 dohpath=/q{?dns}"
        )

    def test_mandatory_itself(self) -> None:
        """What says which parameters are mandatory may go alone."""
        left = binding("1 . mandatory=port port=8443").without(MANDATORY)
        assert write_binding(left) == rdata("1 . port=8443")

    def test_alpn(self) -> None:
        """no-default-alpn goes with alpn, also as mandatory (RFC 9460 7.1.1)."""
        text = "1 . mandatory=no-default-alpn alpn=h3 no-default-alpn port=8443"
        assert write_binding(binding(text).without(ALPN)) == rdata("1 . port=8443")

    @quick
    @given(rdatas(), st.sets(st.sampled_from(sorted(VALUES))))
    def test_consistent(self, wire: bytes, keys: set[int]) -> None:
        """Whatever is left out, the rest can be read, by dnspython too."""
        with suppress(FormatError):
            found = read_binding(wire)
            left = found.without(*keys)
            assert read_binding(write_binding(left)) == left
            assert by_dnspython(write_binding(left)) is not None
            assert not keys & {*left.mandatory, *dict(left.params)}


class WithTests(TestCase):
    def test_param(self) -> None:
        """A parameter is put in its place, or takes the place of another value."""
        found = binding("1 . alpn=h2 key666=x")
        found = found.with_param(PORT, b"\x20\xfb").with_param(666, b"y")
        found = found.with_param(NO_DEFAULT_ALPN, b"")
        found = found.with_param(MANDATORY, b"\0\3")
        assert write_binding(found) == rdata(
            "1 . mandatory=port alpn=h2 no-default-alpn port=8443 key666=y"
        )

    def test_ech(self) -> None:
        """ECH is put in, and taken out, like any other."""
        found = Binding(1, ROOT).with_param(ECH, PUBLISHED)
        assert write_binding(found) == odd((ECH, PUBLISHED))
        assert found.without(ECH) == Binding(1, ROOT)

    def test_param_that_cannot_be(self) -> None:
        """What could not be read cannot be put in either."""
        found = Binding(1, ROOT)
        for key, value in (
            (PORT, b"\1"),
            (NO_DEFAULT_ALPN, b""),
            (MANDATORY, b"\0\3"),
            (12, bytes(0x10000)),
        ):
            with pytest.raises(FormatError):
                found.with_param(key, value)

    def test_alias(self) -> None:
        """An alias has no parameters, and is given none (RFC 9460 section 2.4.2)."""
        with pytest.raises(FormatError, match="alias"):
            Binding(0, ROOT).with_alpn([b"h2"])

    def test_alpn(self) -> None:
        """Protocols are listed in the order that is given."""
        found = binding("1 . alpn=h2,h3 no-default-alpn").with_alpn([b"h2"])
        assert write_binding(found) == rdata("1 . alpn=h2 no-default-alpn")
        assert binding("1 .").with_alpn([b"h3", b"h2"]).alpn == (b"h3", b"h2")

    def test_alpn_that_cannot_be(self) -> None:
        """A protocol has 1 to 255 octets (RFC 7301 section 3.1)."""
        for protocol in (b"", bytes(256)):
            with pytest.raises(FormatError):
                Binding(1, ROOT).with_alpn([b"h2", protocol])

    def test_no_alpn(self) -> None:
        """With no protocols listed, the default set is what is left (RFC 9460 7.1)."""
        found = binding("1 . alpn=h3 no-default-alpn ipv4hint=192.0.2.1")
        assert write_binding(found.with_alpn([])) == rdata("1 . ipv4hint=192.0.2.1")

    def test_hints(self) -> None:
        """Hints take the place of those of both families, and stay mandatory."""
        found = binding(EVERYTHING).with_hints([V6, OTHER_V4])
        assert found.hints == (OTHER_V4, V6)
        assert found.mandatory == (ALPN, IPV4HINT, 666)

    def test_no_hints(self) -> None:
        """A family without an address has no hints at all, mandatory or not."""
        found = binding(EVERYTHING).with_hints([V6])
        assert found.hints == (V6,)
        assert found.mandatory == (ALPN, 666)
        assert found.with_hints([]).hints == ()

    def test_redirected(self) -> None:
        """A record of another's becomes one of ours that keeps its ECH."""
        theirs = odd(
            (MANDATORY, b"\0\1\0\3"),
            (ALPN, b"\2h2\2h3"),
            (PORT, b"\x20\xfb"),
            (IPV4HINT, OTHER_V4.packed),
            (ECH, PUBLISHED),
        )
        found = read_binding(theirs)._replace(target=ROOT).without(PORT)
        kept = [each for each in found.alpn if each != b"h3"]
        ours = write_binding(found.with_alpn(kept).with_hints([V4]))
        assert ours == odd(
            (MANDATORY, b"\0\1"),
            (ALPN, b"\2h2"),
            (IPV4HINT, V4.packed),
            (ECH, PUBLISHED),
        )
        assert by_dnspython(ours) is not None
