"""SOCKS5, from the client's side."""

from contextlib import suppress
from unittest import TestCase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.socks import Login, Negotiation, SocksError

V4 = bytes.fromhex("05 01 00 01 c0000201 01bb")
V6 = bytes.fromhex("05 01 00 04 20010db8000000000000000000000001 20fb")
CONNECTED = bytes.fromhex("05 00 00 01 00000000 0000")
LOGIN = Login("me", "se:cret")


def negotiation(login: Login | None = None) -> Negotiation:
    return Negotiation("192.0.2.1", 443, login)


class NegotiationTests(TestCase):
    def fault(self, *said: bytes, login: Login | None = None) -> SocksError:
        talk = negotiation(login)
        *before, last = said
        for octets in before:
            talk.feed(octets)
        with pytest.raises(SocksError) as caught:
            talk.feed(last)
        return caught.value

    def test_ipv4(self) -> None:
        """Without a login there are two steps: how, and where to."""
        talk = negotiation()
        assert talk.begin() == b"\5\1\0"
        assert not talk.asked
        assert talk.feed(b"\5\0") == V4
        assert (talk.asked, talk.connected) == (True, False)
        assert talk.feed(CONNECTED) == b""
        assert talk.connected
        assert talk.rest == b""

    def test_ipv6(self) -> None:
        """Addresses of IPv6 are longer."""
        talk = Negotiation("2001:db8::1", 8443)
        assert talk.feed(b"\5\0") == V6

    def test_login(self) -> None:
        """With a login there is a step between, and no way without it is offered."""
        talk = negotiation(LOGIN)
        assert talk.begin() == b"\5\1\2"
        assert talk.feed(b"\5\2") == b"\1\2me\7se:cret"
        assert not talk.asked
        assert talk.feed(b"\1\0") == V4
        assert talk.asked
        talk.feed(CONNECTED)
        assert talk.connected

    def test_replies(self) -> None:
        """The proxy speaks of an address of its own, of any kind: no matter which."""
        for place in (b"\1" + bytes(4), b"\4" + bytes(16), b"\3\5proxy", b"\3\0"):
            talk = negotiation()
            talk.feed(b"\5\0")
            talk.feed(b"\5\0\0" + place + b"\4\x38" + b"hello")
            assert talk.connected
            assert talk.rest == b"hello"

    def test_refusals(self) -> None:
        """A refusal says why, and whether that is the proxy's own doing."""
        for code, why, proxy in (
            (1, "general failure", True),
            (2, "not allowed by its rules", True),
            (3, "network unreachable", False),
            (4, "host unreachable", False),
            (5, "connection refused", False),
            (6, "TTL expired", False),
            (7, "command not supported", True),
            (8, "address type not supported", True),
            (99, "reply 99", True),
        ):
            refused = bytes((5, code))
            fault = self.fault(b"\5\0", refused)
            assert (str(fault), fault.proxy) == (f"says {why}", proxy)

    def test_other_login(self) -> None:
        """Where proxy and we have no login in common, it says which is missing."""
        fault = self.fault(b"\5\xff")
        assert str(fault).startswith("wants a user and a password")
        assert "(method 2)" in str(self.fault(b"\5\2"))
        for method in (b"\xff", b"\0"):
            fault = self.fault(b"\5" + method, login=LOGIN)
            assert str(fault).startswith("takes none, or another login")

    def test_bad_login(self) -> None:
        """A login that is refused says so, and does not say the login."""
        fault = self.fault(b"\5\2", b"\1\1", login=LOGIN)
        assert str(fault) == "refuses the user or the password"

    def test_another_protocol(self) -> None:
        """Who speaks something else is told at the first octet."""
        assert str(self.fault(b"H")) == "does not speak SOCKS5"
        assert str(self.fault(b"\5\0", b"\4")) == "does not speak SOCKS5"
        assert "kind 9" in str(self.fault(b"\5\0", b"\5\0\0\x09\0"))

    @given(st.lists(st.integers(1, 40)), st.sampled_from([None, LOGIN]))
    def test_any_cut(self, cuts: list[int], login: Login | None) -> None:
        """However the proxy's words are cut, the same is said, and the same is left."""
        words = (b"\5\2\1\0" if login else b"\5\0") + CONNECTED + b"banner"
        talk, whole = negotiation(login), negotiation(login)
        at, said = 0, b""
        for size in [*cuts, len(words)]:
            if not talk.connected:
                said += talk.feed(words[at : at + size])
                at += size
        assert said == whole.feed(words)
        assert talk.connected
        assert talk.rest + words[at:] == whole.rest == b"banner"

    @given(st.binary(max_size=40), st.sampled_from([None, LOGIN]))
    def test_anything(self, octets: bytes, login: Login | None) -> None:
        """Whatever comes, it is understood, waited for, or refused."""
        talk = negotiation(login)
        with suppress(SocksError):
            talk.feed(octets)
            assert octets.endswith(talk.rest)
