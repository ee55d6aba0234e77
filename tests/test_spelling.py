"""How addresses, networks, names and pins are spelled."""

from base64 import b64encode
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_network
from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from dotproxy.config.spelling import (
    address_and_port,
    host_name,
    ip_literal,
    joined,
    network,
    spki_pin,
    spread,
)
from tests.messages import quick

ADDRESS_RULE = (
    "must be an IP address such as 192.0.2.1 or 2001:db8::1,"
    " not a name, and without a zone"
)
NETWORK_RULE = (
    "must be a network such as 192.168.1.0/24 or fd00::/8, or an IP address,"
    " without a zone"
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


class NetworkTests(TestCase):
    def test_spelling(self) -> None:
        """The shortest spelling comes back; one address needs no prefix."""
        for text, spelled in (
            ("192.168.1.0/24", "192.168.1.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("2001:DB8:0::/48", "2001:db8::/48"),
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("0:0::1/128", "::1"),
        ):
            self.assertEqual(network(text), spelled)

    def test_mapped(self) -> None:
        """An IPv4 network written as IPv6 is an IPv4 network (RFC 4291 2.5.5.2)."""
        self.assertEqual(network("::ffff:10.0.0.0/104"), "10.0.0.0/8")
        self.assertEqual(network("::ffff:192.0.2.1"), "192.0.2.1")
        self.assertEqual(network("::ffff:0:0/96"), "0.0.0.0/0")
        self.assertEqual(network("::fffe:0:0/95"), "::fffe:0:0/95")

    def test_host_bits(self) -> None:
        """An address with the prefix of its network is told apart from both."""
        rule = "has bits beyond its prefix: write {} for the network, or {} for the one"
        for text, whole, one in (
            ("192.168.1.7/24", "192.168.1.0/24", "192.168.1.7"),
            ("10.0.0.1/0", "0.0.0.0/0", "10.0.0.1"),
            ("fd00::1/8", "fd00::/8", "fd00::1"),
        ):
            expected = rule.format(whole, one) + " address"
            self.assertEqual(faults(network, [text]), {expected})

    def test_faults(self) -> None:
        """Nothing but an address with a prefix, or without one, is a network."""
        texts = ("", "10.0.0.0/", "10/8", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "lan")
        masks = ("10.0.0.0/255.0.0.0", "10.0.0.0/0.0.0.255", "10.0.0.0/8/8", "/8")
        zones = ("fe80::%eth0/10", "fe80::/10%eth0", "[::1]", " ::1", "10.0.0.0/8\n")
        self.assertEqual(faults(network, texts + masks + zones), {NETWORK_RULE})

    @quick
    @given(addresses, st.integers(0, 128))
    def test_own_spelling(
        self, address: IPv4Address | IPv6Address, prefix: int
    ) -> None:
        """Its own spelling is read back as the same network."""
        whole = ip_network((address, min(prefix, address.max_prefixlen)), strict=False)
        spelled = network(str(whole))
        self.assertEqual(network(spelled), spelled)
        if getattr(whole.network_address, "ipv4_mapped", None) is None:
            self.assertEqual(ip_network(spelled), whole)


class SpreadTests(TestCase):
    def test_everywhere(self) -> None:
        """A port without an address is that of all, over IPv4 and over IPv6."""
        self.assertEqual(spread(":53"), ("0.0.0.0:53", "[::]:53"))
        both = ("tls://0.0.0.0:853", "tls://[::]:853")
        self.assertEqual(spread("tls://:853"), both)

    def test_others(self) -> None:
        """All else stays as it is, for others to read."""
        for text in (
            "127.0.0.1:53",
            "[::1]:53",
            "::",
            ":",
            ":x",
            "tls://",
            "tls://a:1",
        ):
            self.assertEqual(spread(text), (text,))


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
