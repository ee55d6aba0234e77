"""ECHConfigList: which names an encrypted hello may show."""

from contextlib import suppress
from unittest import TestCase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotproxy.wire.ech import VERSION, public_names
from dotproxy.wire.message import FormatError
from dotproxy.wire.vector import write_vector
from tests.hellos import PUBLISHED
from tests.messages import quick, spoiled


def contents(
    name: bytes,
    key: bytes = bytes(32),
    suites: bytes = b"\0\1\0\3",
    extensions: bytes = b"",
) -> bytes:
    """Put ECHConfigContents together (RFC 9849 section 4)."""
    hpke = b"\x2a\0\x20" + write_vector(key, 2) + write_vector(suites, 2)
    return hpke + b"\x40" + write_vector(name, 1) + write_vector(extensions, 2)


def config(inside: bytes, version: int = VERSION) -> bytes:
    return version.to_bytes(2, "big") + write_vector(inside, 2)


def config_list(*configs: bytes) -> bytes:
    return write_vector(b"".join(configs), 2)


def named(*names: bytes) -> bytes:
    """Return a list with a configuration for each name."""
    return config_list(*(config(contents(name)) for name in names))


class PublicNamesTests(TestCase):
    def test_published(self) -> None:
        """The public name is found in a list from the world outside."""
        assert public_names(PUBLISHED) == ("cloudflare-ech.com",)

    def test_several(self) -> None:
        """Each name is there once, in lower case, in the order of the list."""
        listed = named(b"b.example", b"A.example", b"B.Example", b"c.example")
        assert public_names(listed) == ("b.example", "a.example", "c.example")

    def test_other_versions(self) -> None:
        """Other versions are passed over, whatever is in them (RFC 9849 section 4)."""
        old = config(contents(b"old.example"), 0xFE0C)
        odd = config(b"?", 0xFE0E)
        new = config(contents(b"new.example"))
        assert public_names(config_list(old, odd, new)) == ("new.example",)
        assert public_names(config_list(odd)) == ()

    def test_no_host_name(self) -> None:
        """Clients pass over a name that is none, and so it is not learned."""
        for name in (b".", b"a.example.", b"a_b.example", b"192.0.2.1", b"a.0x1f"):
            assert public_names(named(name, b"a.example")) == ("a.example",)

    def test_extensions(self) -> None:
        """Extensions change nothing, even those that are mandatory."""
        extended = config(contents(b"a.example", extensions=b"\xff\1\0\1x"))
        assert public_names(config_list(extended)) == ("a.example",)

    def test_empty_list(self) -> None:
        """A list has at least one configuration (RFC 9849 section 4)."""
        with pytest.raises(FormatError, match="empty"):
            public_names(config_list())

    def test_cut_short(self) -> None:
        """A list whose end is missing, or that has more behind it, is a fault."""
        for end in range(len(PUBLISHED)):
            with pytest.raises(FormatError):
                public_names(PUBLISHED[:end])
        with pytest.raises(FormatError):
            public_names(PUBLISHED + b"\0")

    def test_contents_cut_short(self) -> None:
        """Contents whose end is missing, or that have more behind it, are a fault."""
        whole = contents(b"a.example")
        for end in range(len(whole)):
            with pytest.raises(FormatError):
                public_names(config_list(config(whole[:end])))
        with pytest.raises(FormatError, match="wrong length"):
            public_names(config_list(config(whole + b"\0")))

    def test_parts_of_a_wrong_length(self) -> None:
        """A key, a suite of four octets, and a name there must be."""
        for wrong in (
            contents(b""),
            contents(b"a.example", key=b""),
            contents(b"a.example", suites=b""),
            contents(b"a.example", suites=b"\0\1\0\3\0\1"),
        ):
            with pytest.raises(FormatError, match="wrong length"):
                public_names(config_list(config(wrong)))

    @quick
    @given(st.binary(max_size=80) | spoiled(st.just(PUBLISHED)))
    def test_whatever_the_octets(self, configs: bytes) -> None:
        """Whatever the octets, they hold names or are a fault."""
        with suppress(FormatError):
            for name in public_names(configs):
                assert name.encode() in configs.lower()
