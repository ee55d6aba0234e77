"""Names as people write them."""

from unittest import TestCase

import pytest

from dotproxy.wire.dotted import join_labels, read_name, spell_name
from dotproxy.wire.message import FormatError

NAMES = (
    ("example.org", b"\7example\3org\0"),
    ("Example.ORG.", b"\7example\3org\0"),
    ("router", b"\6router\0"),
    ("_dns.resolver.arpa", b"\4_dns\10resolver\4arpa\0"),
    ("10.in-addr.arpa", b"\00210\7in-addr\4arpa\0"),
    ("bücher.example", b"\15xn--bcher-kva\7example\0"),
)

FAULTS = (
    ("", "has no name in ''"),
    ("a..b", "has no name in 'a..b'"),
    ("a b", "has no name in 'a b'"),
    (f"{'x' * 64}.org", f"has no name in '{'x' * 60}'"),
    ("192.0.2.1", "has an address where a name should be: '192.0.2.1'"),
    (".".join(["x" * 62] * 5), "has a name of more than 255 octets"),
    ("ü" * 300, "has a name of more than 255 octets"),
)


class DottedTests(TestCase):
    def test_names(self) -> None:
        """A name is folded, may end in a dot, and U-labels become A-labels."""
        for text, wire in NAMES:
            assert read_name(text) == wire, text

    def test_faults(self) -> None:
        """What is no name is told in one line."""
        for text, message in FAULTS:
            with pytest.raises(FormatError) as caught:
                read_name(text)
            assert str(caught.value) == message

    def test_script(self) -> None:
        """A label that no script allows is told with the reason."""
        with pytest.raises(FormatError, match=r"^has no name in 'a\\u0301\.\.b': .+$"):
            read_name("a\u0301..b")

    def test_longest(self) -> None:
        """A name has 255 octets at most, the root included (RFC 1035 2.3.4)."""
        labels = [b"x" * 63] * 3
        assert len(join_labels([*labels, b"x" * 61])) == 255
        with pytest.raises(FormatError):
            join_labels([*labels, b"x" * 62])

    def test_spelled(self) -> None:
        """A name on the wire can be spelled again, the root too."""
        assert spell_name(b"\7example\3org\0") == "example.org"
        assert spell_name(b"\0") == "."
