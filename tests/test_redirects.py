"""The names that the gateway is for."""

from unittest import TestCase

from dotproxy.config.naming import Naming
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.local.redirects import Redirect, Redirects
from tests.redirects import LEASES, redirect, rules_of


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


class ShownTests(TestCase):
    """Names that encrypted hellos show."""

    def setUp(self) -> None:
        self.keep = redirect(".example.org", policy="keep-ech", private=True)
        self.rules = rules_of(self.keep)
        self.table = Redirects(self.rules)
        shown = ("shown.example", "www.example.org")
        self.rules.edges.learn("www.example.org", "edge.example", shown)

    def use(self, *rules: Rule) -> None:
        self.rules.use(Book.read(Naming(rules)))

    def test_shown(self) -> None:
        """A hello that shows such a name goes to who can read it."""
        expected = Redirect(origin="edge.example", private=True)
        assert self.table.find("shown.example") == expected
        assert self.table.find("other.example") is None

    def test_below(self) -> None:
        """So it does where a rule is for all names of the zone, and this is one."""
        edge = Redirect(origin="edge.example", private=True)
        assert self.table.find("www.example.org") == edge
        assert self.table.find("other.example.org") == Redirect(private=True)

    def test_own(self) -> None:
        """A name with a rule of its own goes its own way."""
        self.use(self.keep, redirect("www.example.org"))
        assert self.table.find("www.example.org") == Redirect()

    def test_other_rule(self) -> None:
        """No origin has a say about the names of another rule than its own."""
        self.use(self.keep, redirect(".shown.example", policy="keep-ech"))
        self.rules.edges.learn("www.example.org", "edge.example", ("a.shown.example",))
        for name in ("shown.example", "a.shown.example"):
            assert self.table.find(name) == Redirect()

    def test_ruled(self) -> None:
        """Where the rule says where to go, that holds."""
        keep = {"policy": "keep-ech"}
        self.use(redirect(".example.org", origin="b.example", **keep))
        assert self.table.find("shown.example") == Redirect(origin="b.example")
        self.use(redirect(".example.org", backend="10.0.0.1:8443", **keep))
        found = self.table.find("shown.example")
        assert found is not None
        assert found.backend == ("10.0.0.1", 8443)

    def test_gone(self) -> None:
        """When the rule is gone, or keeps no ECH, nothing goes there any more."""
        for rules in ((), (redirect(".example.org"),)):
            self.use(*rules)
            assert self.table.find("shown.example") is None


class LeasedTests(TestCase):
    def setUp(self) -> None:
        rule = redirect(".example.org", policy="address-per-name")
        self.rules = rules_of(rule, leases=LEASES)
        self.table = Redirects(self.rules)

    def test_address(self) -> None:
        """The name is known by the address that was leased to it."""
        assert self.table.name_at("127.64.0.1") is None
        self.rules.leases.lease("www.example.org")
        assert self.table.name_at("127.64.0.1") == "www.example.org"

    def test_origin(self) -> None:
        """It goes to who reads its encrypted hellos, once that is known."""
        assert self.table.find("www.example.org") == Redirect()
        self.rules.edges.learn("www.example.org", "edge.example", ("shown.example",))
        expected = Redirect(origin="edge.example")
        assert self.table.find("www.example.org") == expected
        assert self.table.find("shown.example") == expected

    def test_shown(self) -> None:
        """A leased address says more than what a hello shows."""
        name = "www.example.org"
        self.rules.edges.learn("other.example.org", "edge.example", (name,))
        assert self.table.find(name) == Redirect()
