"""The names that the gateway is for."""

from unittest import TestCase

from dotproxy.config.naming import Naming
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.local.redirects import Redirect, Redirects
from tests.redirects import redirect, rules_of


class FindTests(TestCase):
    def test_names(self) -> None:
        """What the DNS redirects the relay knows, and nothing else."""
        rules = rules_of(
            redirect("www.example.org"),
            redirect(".example.net"),
            Rule("block", (".ads.example.net", "blocked.example")),
        )
        table = Redirects(rules)
        for name in ("www.example.org", "example.net", "a.b.example.net"):
            assert table.find(name) == Redirect(), name
        for name in ("example.org", "x.ads.example.net", "blocked.example", "net"):
            assert table.find(name) is None, name

    def test_ways(self) -> None:
        """A rule says where its names go."""
        table = Redirects(
            rules_of(
                redirect("a.example", backend="[::1]:8443", proxy_protocol=True),
                redirect("b.example", origin="Edge.example", private=True),
            )
        )
        expected = Redirect(backend=("::1", 8443), proxy_protocol=True)
        assert table.find("a.example") == expected
        expected = Redirect(origin="edge.example", private=True)
        assert table.find("b.example") == expected

    def test_change(self) -> None:
        """Other rules hold at once."""
        rules = rules_of(redirect("a.example"))
        table = Redirects(rules)
        rules.use(Book.read(Naming((redirect("b.example"),))))
        assert table.find("a.example") is None
        assert table.find("b.example") == Redirect()
