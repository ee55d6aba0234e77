"""The names that the gateway is for."""

from unittest import TestCase

from dotproxy.local.redirects import Redirect, Redirects

ONE, TWO, THREE = (Redirect(origin=f"{n}.example") for n in "123")


class FindTests(TestCase):
    def test_name(self) -> None:
        """A name is itself, and nothing below or above."""
        table = Redirects([("www.example.org", ONE)])
        assert table.find("www.example.org") is ONE
        for other in ("example.org", "a.www.example.org", "www.example.orga", ""):
            assert table.find(other) is None, other

    def test_suffix(self) -> None:
        """A suffix is the name behind its dot, and all below, label by label."""
        table = Redirects([(".example.org", ONE)])
        for name in ("example.org", "www.example.org", "a.b.c.example.org"):
            assert table.find(name) is ONE, name
        for other in ("org", "myexample.org", "example.org.net"):
            assert table.find(other) is None, other

    def test_most_specific(self) -> None:
        """The most specific counts, whatever the order."""
        entries = [
            (".example.org", ONE),
            (".b.example.org", TWO),
            ("b.example.org", THREE),
        ]
        for each in (entries, entries[::-1]):
            table = Redirects(each)
            assert table.find("b.example.org") is THREE
            assert table.find("a.b.example.org") is TWO
            assert table.find("c.example.org") is ONE

    def test_twice(self) -> None:
        """Of two that are the same, the first counts."""
        table = Redirects([("a.example", ONE), ("a.example", TWO)])
        assert table.find("a.example") is ONE
