"""What becomes of an origin's HTTPS and SVCB records, parameter by parameter."""

from base64 import b64encode
from ipaddress import ip_address
from unittest import TestCase

import dns.rdata
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.local.detour import Service, led, services, shown
from dotproxy.wire.answer import parse_answer
from dotproxy.wire.svcb import ALPN, ECH, HTTPS, Binding, read_binding, write_binding
from tests.hellos import PUBLISHED
from tests.messages import BACK, message, record
from tests.words import answering, asking, wire

GATEWAY = tuple(map(ip_address, ("192.0.2.10", "2001:db8::10")))

HINTS = 'ipv4hint="192.0.2.10" ipv6hint="2001:db8::10"'

LIST = f'ech="{b64encode(PUBLISHED).decode()}"'

GONE = None

LED = (
    # Another protocol, another place.
    ("1 .", f"1 . {HINTS}"),
    ("16 svc.example.net. alpn=h2", f'16 . alpn="h2" {HINTS}'),
    ("1 . alpn=h2,h3", f'1 . alpn="h2" {HINTS}'),
    ("1 . alpn=h3-29,http/1.1,hq-interop", f'1 . alpn="http/1.1" {HINTS}'),
    ("1 . alpn=h3", f"1 . {HINTS}"),
    ("1 . alpn=h3 no-default-alpn", GONE),
    ("1 . alpn=h3,h2 no-default-alpn", f'1 . alpn="h2" no-default-alpn {HINTS}'),
    ("1 . port=8443", f"1 . {HINTS}"),
    ("1 . ipv4hint=9.9.9.9,1.1.1.1 ipv6hint=2620:fe::fe", f"1 . {HINTS}"),
    # What a client must heed cannot just be taken away.
    ("1 . mandatory=port port=8443", GONE),
    ("1 . mandatory=alpn alpn=h3", GONE),
    ("1 . mandatory=alpn alpn=h3,h2", f'1 . mandatory="alpn" alpn="h2" {HINTS}'),
    (
        "1 . mandatory=ipv4hint ipv4hint=9.9.9.9",
        f'1 . mandatory="ipv4hint" {HINTS}',
    ),
    # ECH stays, and so does what nobody knows here.
    (f"1 . alpn=h3,h2 {LIST}", f'1 . alpn="h2" ipv4hint="192.0.2.10" {LIST} IPV6'),
    ("1 . mandatory=key99 key99=x", f'1 . mandatory="key99" {HINTS} key99="x"'),
    # A list that cannot be read tells nobody where to go.
    ('1 . ech="AAQBAQEB"', f"1 . {HINTS}"),
    ('1 . mandatory=ech ech="AAQBAQEB"', GONE),
)
"""Records of origins, and what becomes of them."""


def binding(text: str) -> Binding:
    return read_binding(wire(dns.rdata.from_text("IN", "HTTPS", text)))


def spelled(changed: Binding | None) -> str | None:
    if changed is None:
        return None
    data = write_binding(changed)
    return str(dns.rdata.from_wire("IN", "HTTPS", data, 0, len(data)))


class LedTests(TestCase):
    def test_all(self) -> None:
        """What leads past the gateway goes, and the rest agrees with itself."""
        for text, expected in LED:
            with self.subTest(text=text):
                if expected is not None:
                    expected = expected.replace("IPV6", 'ipv6hint="2001:db8::10"')
                assert spelled(led(binding(text), GATEWAY)) == expected

    def test_one_family(self) -> None:
        """Of a family that the gateway has no address of there are no hints."""
        both = "ipv4hint=9.9.9.9 ipv6hint=2620:fe::fe"
        assert spelled(led(binding(f"1 . {both}"), GATEWAY[1:])) == (
            '1 . ipv6hint="2001:db8::10"'
        )
        must = binding(f"1 . mandatory=ipv4hint {both}")
        assert led(must, GATEWAY[1:]) is None

    @given(
        st.lists(st.sampled_from([b"h2", b"h3", b"http/1.1", b"h3-29"]), unique=True),
        st.booleans(),
        st.sets(st.sampled_from([1, 3, 4, 6])),
    )
    def test_any(self, alpn: list[bytes], default: bool, mandatory: set[int]) -> None:
        """Whatever comes out can be read again, and has no way but the gateway's."""
        made = binding("1 x.example. port=1 ipv4hint=9.9.9.9 ipv6hint=2620:fe::fe")
        made = made.with_alpn(alpn)
        if alpn and not default:
            made = made.with_param(2, b"")
        keys = sorted(key for key in mandatory if made.value(key) is not None)
        if keys:
            value = b"".join(key.to_bytes(2, "big") for key in keys)
            made = made.with_param(0, value)
        changed = led(made, GATEWAY)
        assert (changed is None) >= (3 in keys)
        if changed is not None:
            assert read_binding(write_binding(changed)) == changed
            assert changed.hints == GATEWAY
            assert changed.port is None
            assert changed.target == b"\0"
            assert changed.mandatory == tuple(keys)
            assert set(changed.alpn) == {*alpn} & {b"h2", b"http/1.1"}
            assert changed.alpn or default or not alpn


class ShownTests(TestCase):
    def test_names(self) -> None:
        """Who hides behind which name stands in the ECHConfigList."""
        assert shown(binding("1 .").with_param(ECH, PUBLISHED)) == (
            "cloudflare-ech.com",
        )
        assert shown(binding("1 . alpn=h2")) == ()
        assert shown(binding('1 . ech="AAQBAQEB"')) is None


class ServicesTests(TestCase):
    def test_order(self) -> None:
        """They come in the order in which they are tried, with owner and TTL."""
        query = asking("www.example.org", "HTTPS")
        answer = answering(
            query,
            "@ 300 CNAME Host.example.",
            "Host.example. 30 HTTPS 2 . alpn=h3",
            "Host.example. 20 HTTPS 1 Svc.example.net.",
            "Host.example. 20 A 9.9.9.9",
            authority=("x.example. 20 HTTPS 1 .",),
        )
        first, second = services(answer, HTTPS)
        assert first[:2] == (b"\4host\7example\0", 20)
        assert first.host == b"\3svc\7example\3net\0"
        assert second.host == second.owner == b"\4host\7example\0"
        assert second.binding.value(ALPN) == b"\2h3"
        assert services(answer, 64) == []

    def test_unreadable(self) -> None:
        """One that cannot be read spoils the others (RFC 9460 section 2.2)."""
        query = asking("www.example.org", "HTTPS")
        for rdata in (b"\0\1", b"\0\1\0\0\1\0\0"):
            found = [record(BACK, HTTPS, each, 9) for each in (b"\0\1\0", rdata)]
            answer = parse_answer(message(0x8180, [query.question], found))
            assert services(answer, HTTPS) == []
        answer = parse_answer(message(0x8180, [query.question], found[:1]))
        assert services(answer, HTTPS) == [Service(query.name, 9, Binding(1, b"\0"))]
