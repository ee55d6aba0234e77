"""How addresses, names and pins are spelled."""

from base64 import b64encode
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.config.spelling import (
    address_and_port,
    host_name,
    ip_literal,
    joined,
    spki_pin,
)
from tests.messages import quick

ADDRESS_RULE = (
    "must be an IP address such as 192.0.2.1 or 2001:db8::1,"
    " not a name, and without a zone"
)
NAME_RULE = (
    "must be a host name such as dns.example.net: letters, digits, hyphens"
    " and dots, at most 253 (other scripts in their xn-- form)"
)
PIN_RULE = (
    "must be sha256//BASE64 or plain base64 of 32 octets,"
    " the SHA-256 of a public key (SPKI)"
)

addresses = st.ip_addresses(v=4) | st.ip_addresses(v=6)
digests = st.binary(min_size=32, max_size=32)


def faults(read: Callable[[str], object], texts: Iterable[str]) -> set[str]:
    """Return the rules which `texts` break; what breaks none adds its own value."""
    found = set()
    for text in texts:
        try:
            found.add(f"{text!r} was read as {read(text)!r}")
        except ValueError as fault:
            found.add(str(fault))
    return found


class IpLiteralTests(TestCase):
    def test_spelling(self) -> None:
        """The shortest spelling comes back."""
        self.assertEqual(ip_literal("192.0.2.1"), "192.0.2.1")
        self.assertEqual(ip_literal("2001:DB8:0::0001"), "2001:db8::1")

    def test_faults(self) -> None:
        """Nothing but a whole, plain address is one."""
        texts = ("", "1.1.1", "1.1.1.256", "01.1.1.1", " 1.1.1.1", "dns.google", "1")
        ranges = ("1.1.1.1/32", "[::1]", "fe80::1%eth0", "::1%", "1.1.1.1\n")
        self.assertEqual(faults(ip_literal, texts + ranges), {ADDRESS_RULE})


class AddressAndPortTests(TestCase):
    def test_with_port(self) -> None:
        """The port follows the address; IPv6 stands in brackets."""
        self.assertEqual(address_and_port("127.0.0.1:5300"), ("127.0.0.1", 5300))
        self.assertEqual(address_and_port("[::1]:5300"), ("::1", 5300))
        self.assertEqual(address_and_port("127.0.0.1:0"), ("127.0.0.1", 0))

    def test_default(self) -> None:
        """Without a port the default holds, and brackets need not be there."""
        for text in ("::1", "[::1]"):
            self.assertEqual(address_and_port(text, 53), ("::1", 53))
        self.assertEqual(address_and_port("9.9.9.9", 53), ("9.9.9.9", 53))

    def test_no_port(self) -> None:
        """Where a port must be named, its lack is what is told."""
        rule = "must be an IP address and a port such as 127.0.0.1:5300 or [::1]:5300"
        texts = ("127.0.0.1", "::1", "[::1]", "localhost", "", "[::1]:", "1.1.1.1:x")
        self.assertEqual(faults(address_and_port, texts), {rule})

    def test_high_port(self) -> None:
        """No port is higher than 65535."""
        self.assertEqual(
            faults(address_and_port, ["127.0.0.1:65536", "[::1]:99999"]),
            {"must have a port of at most 65535"},
        )
        self.assertEqual(address_and_port("[::1]:65535"), ("::1", 65535))

    def test_no_address(self) -> None:
        """A name is no address, with or without a port."""
        texts = ("localhost:53", "[localhost]:53", "[]:53", ":53")
        self.assertEqual(faults(address_and_port, texts), {ADDRESS_RULE})

    @quick
    @given(addresses, st.integers(0, 65535))
    def test_round_trip(self, address: IPv4Address | IPv6Address, port: int) -> None:
        """What is joined splits into the same again."""
        pair = str(address), port
        self.assertEqual(address_and_port(joined(*pair)), pair)


class HostNameTests(TestCase):
    def test_names(self) -> None:
        """Letters, digits and inner hyphens make labels of up to 63."""
        longest = ".".join(["a" * 63] * 3 + ["b" * 61])
        for name in (
            "dns.google",
            "localhost",
            "9.Dns-1.EXAMPLE",
            "a.xn--p1ai",
            longest,
        ):
            self.assertEqual(host_name(name), name)

    def test_faults(self) -> None:
        """What is no host name is refused, and so is a mistyped address."""
        texts = ("a_b.example", "-a.example", "a-.example", "a..b", "a.", ".", "")
        numbers = ("1.1.1.300", "1.1.1", "53")
        others = ("dns.example:853", "a b", "dnś.example", "a\n", "a" * 64)
        long = ".".join(["a" * 63] * 3 + ["b" * 62])
        all_texts = (*texts, *numbers, *others, long)
        self.assertEqual(faults(host_name, all_texts), {NAME_RULE})

    def test_address(self) -> None:
        """An address is told to leave: nothing needs to be said to verify it."""
        rule = "is an address: leave it away, an address needs no name to be verified"
        self.assertEqual(faults(host_name, ["1.1.1.1", "2001:db8::1"]), {rule})


class SpkiPinTests(TestCase):
    @quick
    @given(digests)
    def test_spellings(self, digest: bytes) -> None:
        """Plain base64 comes back, with curl's prefix or without."""
        plain = b64encode(digest).decode()
        self.assertEqual(spki_pin(plain), plain)
        self.assertEqual(spki_pin("sha256//" + plain), plain)

    def test_idle_bits(self) -> None:
        """Bits that say nothing are cleared, so that equal pins look equal."""
        self.assertEqual(spki_pin("A" * 42 + "B="), "A" * 43 + "=")

    def test_faults(self) -> None:
        """What is not base64 of 32 octets is no pin, and neither is hex."""
        good = "A" * 43 + "="
        texts = (
            "",
            "x",
            "A" * 43,
            "00" * 32,
            good + good,
            "sha1//" + good,
            good + "\n",
        )
        signs = (
            "_" * 43 + "=",
            "ä" + good[1:],
            "sha256/" + good,
            "sha256//sha256//" + good,
        )
        self.assertEqual(faults(spki_pin, texts + signs), {PIN_RULE})
