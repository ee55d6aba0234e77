"""Messages for the tests: real ones by dnspython, odd ones put together by hand."""

from collections.abc import Sequence
from itertools import chain
from struct import pack

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

quick = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
"""How properties are tried: a busy machine is no failure, and nothing is kept."""

EXAMPLE = b"\7example\3com\0\0\1\0\1"
"""The question for example.com, type A, class IN."""

BACK = b"\xc0\x0c"
"""A pointer to the name in the question, which starts at offset 12."""

ADDRESS = bytes((192, 0, 2, 1))


def message(flags: int, *sections: Sequence[bytes]) -> bytes:
    """Put a message together: ID 0x1234, the flags, up to four sections."""
    counts = [len(section) for section in sections] + [0] * (4 - len(sections))
    return pack("!6H", 0x1234, flags, *counts) + b"".join(chain(*sections))


def record(owner: bytes, rdtype: int, rdata: bytes, ttl: int = 300) -> bytes:
    """Put a record of class IN together; `owner` is a name on the wire."""
    return owner + pack("!HHIH", rdtype, 1, ttl, len(rdata)) + rdata


def opt(rdata: bytes = b"", ttl: int = 0, payload: int = 1232) -> bytes:
    """Put an OPT record together; RCODE, version and flags are the `ttl`."""
    return b"\0" + pack("!HHIH", 41, payload, ttl, len(rdata)) + rdata


def odd_option(code: int, value: bytes) -> dns.edns.Option:
    """Make an option of which dnspython knows nothing."""
    return dns.edns.GenericOption(dns.edns.OptionType.make(code), value)


OPTIONS: tuple[dns.edns.Option, ...] = (
    dns.edns.ECSOption("192.0.2.0", 24),
    dns.edns.CookieOption(b"8 octets", b""),
    odd_option(12, bytes(40)),
    odd_option(11, b"\0\x64"),
    dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "so it is"),
    odd_option(65001, b"of our own"),
)
"""One of each kind of option that a neighbour may send."""

RDATAS = (
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("MX", "10 mail.example.com."),
    ("SOA", "ns.example.com. hostmaster.example.com. 1 7200 3600 1209600 60"),
    ("TXT", f'"{"x" * 120}"'),
    ("HTTPS", "1 . alpn=h2,h3 ipv4hint=192.0.2.1"),
    ("TYPE65280", r"\# 6 c00cc0ffee00"),
)
"""Data of records: short, long, with names to compress, of an unknown type."""

labels = st.binary(min_size=1, max_size=63) | st.text(
    "aZ-0", min_size=1, max_size=63
).map(str.encode)
names = st.lists(labels, max_size=3).map(lambda some: dns.name.Name([*some, b""]))


@st.composite
def queries(draw: DrawFn) -> bytes:
    """Draw a query as a client may send it: any flags, EDNS or not."""
    kind = draw(st.sampled_from(["A", "HTTPS", "ANY", "TYPE97", "TYPE65280"]))
    query = dns.message.make_query(draw(names), kind)
    query.flags = dns.flags.Flag(draw(st.integers(0, 0xFF)) & 0x70)
    query.flags |= draw(st.sampled_from([0, dns.flags.RD]))
    if draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(OPTIONS), max_size=3))
        flags = draw(st.sampled_from([0, dns.flags.DO]))
        query.use_edns(0, flags, draw(st.integers(0, 0xFFFF)), options=chosen)
    return query.to_wire()


@st.composite
def answers(draw: DrawFn, query: bytes) -> bytes:
    """Draw what an upstream may answer to `query`: any flags, EDNS or not."""
    asked = dns.message.from_wire(query)
    answer = dns.message.make_response(asked)
    owner = asked.question[0].name
    for section in (answer.answer, answer.authority, answer.additional):
        for rdata in draw(st.lists(st.sampled_from(RDATAS), max_size=6)):
            section.append(dns.rrset.from_text(owner, 300, "IN", *rdata))
    answer.use_edns(False)
    if draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(OPTIONS), max_size=3))
        answer.use_edns(0, draw(st.sampled_from([0, dns.flags.DO])), options=chosen)
    answer.flags = dns.flags.Flag(draw(st.integers(0, 0xFFFF)) & 0x87F0 | 0x8000)
    answer.set_rcode(dns.rcode.Rcode(draw(st.sampled_from([0, 2, 3, 5, 16, 23]))))
    return answer.to_wire(max_size=0xFFFF)


@st.composite
def spoiled(draw: DrawFn, wires: SearchStrategy[bytes]) -> bytes:
    """Draw a message with some octets changed, its end cut off, or more behind it."""
    wire = bytearray(draw(wires))
    places = st.tuples(st.integers(0, len(wire) - 1), st.integers(0, 255))
    for at, octet in draw(st.lists(places, max_size=4)):
        wire[at] = octet
    end = draw(st.just(len(wire)) | st.integers(0, len(wire)))
    return bytes(wire[:end]) + draw(st.just(b"") | st.binary(max_size=16))
