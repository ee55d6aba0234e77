"""Which queries somebody wants to see."""

from unittest import TestCase

import pytest

from dotproxy.journal.wanted import read_wanted
from tests.notes import noted


def admits(note: object = None, **words: str) -> bool:
    """Whether a note is wanted by these words."""
    return read_wanted(words).admits(note or noted())  # type: ignore[arg-type]


class WantedTests(TestCase):
    def test_all(self) -> None:
        """Without a word everything is wanted, even what cannot be read."""
        assert admits()
        assert admits(noted(query=b""), name="", client="", rcode="", source="")

    def test_name(self) -> None:
        """A name is that one, and behind a dot that and all below it."""
        for name, wanted in (
            ("www.lab.example", True),
            ("WWW.lab.example.", True),
            ("lab.example", False),
            (".lab.example", True),
            (".www.lab.example", True),
            (".w.lab.example", False),
            (".ab.example", False),
            (".", True),
        ):
            assert admits(name=name) == wanted, name
        assert not admits(noted(query=b""), name=".example")

    def test_client(self) -> None:
        """A client is an address or a network, and looked at as it is."""
        for client, wanted in (
            ("192.168.1.7", True),
            ("192.168.1.8", False),
            ("192.168.1.0/24", True),
            ("192.168.1.9/24", True),
            ("::/0", False),
        ):
            assert admits(client=client) == wanted, client
        assert admits(noted(client="2001:db8::1"), client="2001:db8::/32")

    def test_outcome(self) -> None:
        """The code of the reply and its source may matter; then all must fit."""
        assert admits(noted(rcode="NXDOMAIN"), rcode="nxdomain", source="cache")
        assert not admits(rcode="NXDOMAIN")
        assert not admits(rcode="NOERROR", source="upstream")

    def test_faults(self) -> None:
        """What is no such word is said in a line."""
        for words, fault in (
            ({"name": "a b"}, "name 'a b' has no name in 'a b'"),
            ({"client": "me"}, "client 'me' must be an address or a network"),
            ({"rcode": "BAD"}, "rcode 'BAD' must be one such as NXDOMAIN"),
            ({"rcode": "BADVERS"}, "rcode 'BADVERS' must be one such as NXDOMAIN"),
            ({"source": "x"}, "source 'x' is none of ready, local, cache, stale,"),
        ):
            with pytest.raises(ValueError, match=fault) as caught:
                read_wanted(words)
            assert "\n" not in str(caught.value)
