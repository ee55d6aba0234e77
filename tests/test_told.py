"""What a trace is told of what is known here."""

from tempfile import NamedTemporaryFile
from unittest import TestCase

from dotproxy.config.caching import Caching
from dotproxy.config.naming import Hosts, Naming
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.local.cache import Cache
from dotproxy.local.told import of_cache, of_learning, of_rules
from dotproxy.wire.answer import Answer
from dotproxy.wire.edns import option
from dotproxy.wire.query import parse_query
from tests.words import Time, answering, asking

RULES = (
    Rule("block", (".ads.example",)),
    Rule("allow", ("good.ads.example",)),
    Rule("forward", (".lan",), group="router"),
)


class RulesTests(TestCase):
    def said(self, name: str) -> str:
        return of_rules(Book.read(Naming(RULES)), asking(name), answered=False)

    def test_rules(self) -> None:
        """A rule has its number, what it does, and the listed name."""
        assert self.said("x.Ads.example") == "rule 1, block (nxdomain), by ads.example"
        assert self.said("good.ads.example") == "rule 2, allow, by good.ads.example"
        assert self.said("nas.lan") == "rule 3, forward (router), by lan"

    def test_others(self) -> None:
        """So have names of special use; all others meet none."""
        assert self.said("a.test") == "test is of special use, and never leaves"
        assert self.said("example.com") == "none meets it"

    def test_no_dot(self) -> None:
        """A name without a dot is answered though no rule is for it."""
        book = Book.read(Naming(RULES))
        said = of_rules(book, asking("printer"), answered=True)
        assert said == "it has no dot, and stays here"

    def test_class(self) -> None:
        """Rules are for the class IN, and for no other."""
        chaos = parse_query(asking("x.ads.example").wire[:-2] + b"\0\4")
        said = of_rules(Book.read(Naming(RULES)), chaos, answered=False)
        assert said == "there are none for this class"

    def test_exempt(self) -> None:
        """A name that a list exempts from its rule is said to be so."""
        with NamedTemporaryFile("w") as file:
            file.write("||ads.example^\n@@||good.ads.example^\n")
            file.flush()
            book = Book.read(Naming((Rule("block", files=(file.name,)),)))
        said = of_rules(book, asking("good.ads.example"), answered=False)
        assert said == "exempt from rule 1, block (nxdomain), by good.ads.example"

    def test_hosts(self) -> None:
        """A name of a hosts file is said to be there."""
        with NamedTemporaryFile("w") as file:
            file.write("192.168.1.1 nas.lan\n")
            file.flush()
            book = Book.read(Naming(hosts=Hosts((file.name,))))
        said = of_rules(book, asking("nas.lan"), answered=True)
        assert said == "a hosts file has nas.lan"


class CacheTests(TestCase):
    def setUp(self) -> None:
        self.time = Time()
        self.cache = Cache(Caching(), self.time)
        self.query = asking()

    def learn(self, answer: Answer) -> str:
        self.cache.learn(self.query, answer)
        return of_learning(self.cache, self.query, answer)

    def test_kept(self) -> None:
        """What is kept is a hit while it holds, and then a miss."""
        assert of_cache(self.cache, self.query) == "a miss, nothing is kept"
        said = self.learn(answering(self.query, "@ 100 A 192.0.2.1"))
        assert said == "NOERROR, 1 records, kept for 100 s"
        self.time.now += 99
        said = of_cache(self.cache, self.query)
        assert said == "a hit, 99 s old, holds for 1 s more"
        self.time.now += 1
        said = of_cache(self.cache, self.query)
        assert said == "a miss, what is kept ended 0 s ago"

    def test_flags(self) -> None:
        """What is kept for those who set other flags is no hit, and that is why."""
        self.learn(answering(self.query, "@ 100 A 192.0.2.1"))
        said = of_cache(self.cache, asking(flags=0))
        assert said == "a miss, what is kept is for other flags (RD, CD, DO)"

    def test_not_kept(self) -> None:
        """What is not kept has its reason, even where something older is."""
        self.learn(answering(self.query, "@ 100 A 192.0.2.1"))
        self.time.now += 10
        address, scope = "@ 0 A 192.0.2.1", option(8, b"\0\1\x18\x18\xc0\0\2")
        for answer, why in (
            (answering(self.query, flags=0x8380), "it was cut short"),
            (
                answering(self.query, flags=0x8182),
                "it speaks of the server and not of the name",
            ),
            (
                answering(self.query, address, options=scope),
                "it is for a part of the network",
            ),
            (
                answering(self.query, address),
                "it has a TTL of 0, or no SOA, or finds no room",
            ),
        ):
            assert self.learn(answer).endswith(f" records, not kept: {why}")
