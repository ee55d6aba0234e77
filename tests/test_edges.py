"""What is behind the names that encrypted hellos show."""

from unittest import TestCase

from dotproxy.local.edges import MOST, Edges


class EdgesTests(TestCase):
    def test_learned(self) -> None:
        """It is known who is behind a name, and who reads its hellos."""
        edges = Edges()
        edges.learn("a.example", "edge.example.net", ("one.example", "two.example"))
        assert edges.behind("one.example") == edges.behind("two.example") == "a.example"
        assert edges.origin("a.example") == "edge.example.net"
        assert edges.behind("a.example") is None
        assert edges.origin("b.example") == ""

    def test_last(self) -> None:
        """The last one who shows a name is behind it."""
        edges = Edges()
        edges.learn("a.example", "x.example", ("shown.example",))
        edges.learn("b.example", "y.example", ("shown.example",))
        assert edges.behind("shown.example") == "b.example"

    def test_bound(self) -> None:
        """So many are remembered: those that were learned last."""
        edges = Edges()
        edges.learn("a.example", "x.example", ("a.shown",))
        for number in range(MOST - 1):
            edges.learn(f"{number}.example", "x.example", (f"{number}.shown",))
        edges.learn("a.example", "x.example", ("a.shown",))
        edges.learn("b.example", "x.example", ("b.shown",))
        assert edges.behind("a.shown") == "a.example"
        assert edges.behind("0.shown") is None
        assert edges.origin("0.example") == ""
        assert edges.origin("1.example") == "x.example"
