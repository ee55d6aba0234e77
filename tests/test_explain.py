"""Which rule a name meets, and why."""

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase

import dns.rdatatype

from dotproxy.config.naming import Hosts, Naming
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.local.explain import Explanation, explain
from dotproxy.wire.dotted import read_name

NOTHING = ("NOERROR",)
NO_NAME = ("NXDOMAIN",)


class ExplainTests(TestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.list = str(Path(folder.name, "list"))
        Path(self.list).write_text("ads.example\n||bad.example^\n@@|x.bad.example^\n")
        hosts = str(Path(folder.name, "hosts"))
        Path(hosts).write_text("192.168.1.1 nas.lan\n")
        rules = (
            Rule("block", (".ads.example", "t.example"), (self.list,)),
            Rule("allow", ("good.ads.example",)),
            Rule("answer", ("own.example",), records=("A 192.0.2.1",)),
            Rule("answer", (".files.example",), records=("CNAME own.example",)),
            Rule("forward", (".corp",), group="lan"),
            Rule("block", (".",), reply="null"),
        )
        self.book = Book.read(Naming(rules, Hosts((hosts,))))

    def test_all(self) -> None:
        """A name meets a rule by a name that is listed, and that has a source."""
        block, here, lists = "block (nxdomain)", "names", self.list
        address, alias = (*NOTHING, "A 192.0.2.1"), (*NOTHING, "CNAME own.example.")
        nobody, nas = (*NOTHING, "A 0.0.0.0"), (*NOTHING, "A 192.168.1.1")
        for question, *expected in (
            ("T.example A", 1, "t.example", block, here, NO_NAME),
            ("ads.example A", 1, "ads.example", block, lists, NO_NAME),
            ("a.ads.example A", 1, ".ads.example", block, here, NO_NAME),
            ("bad.example A", 1, ".bad.example", block, lists, NO_NAME),
            ("x.bad.example A", 1, "x.bad.example", f"exempt from {block}", lists, ()),
            ("good.ads.example A", 2, "good.ads.example", "allow", here, ()),
            ("own.example A", 3, "own.example", "answer", here, address),
            ("own.example MX", 3, "own.example", "answer", here, NOTHING),
            ("a.files.example AAAA", 4, ".files.example", "answer", here, alias),
            ("x.corp A", 5, ".corp", "forward (lan)", here, ()),
            ("example.org A", 6, ".", "block (null)", here, nobody),
            ("_dns.t.example SVCB", 1, "t.example", block, here, NO_NAME),
            ("nas.lan A", None, "nas.lan", "answer", "hosts", nas),
            ("a.onion A", None, ".onion", "never leave", "special names", NO_NAME),
        ):
            name, kind = str(question).split()
            rdtype = dns.rdatatype.from_text(kind)
            assert explain(self.book, read_name(name), rdtype) == tuple(expected), name

    def test_no_rule(self) -> None:
        """Where nothing is said upstreams are asked, unless the name has no dot."""
        book = Book.read(Naming())
        for name, kind, action, says in (
            ("example.org", 1, "ask upstreams", ()),
            ("nas", 1, "stay here, having no dot", NOTHING),
            ("com", 2, "ask upstreams", ()),
        ):
            found = explain(book, read_name(name), kind)
            assert found == Explanation(None, name, action, "", says)
