"""The rules of one moment, and their files."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import TestCase

import pytest

from dotproxy.config.naming import Hosts, Naming, Rebinding, SpecialNames
from dotproxy.config.rule import Rule
from dotproxy.local.actions import Ask, Block, Each, Own, Pass
from dotproxy.local.book import Book, Found, own_names
from dotproxy.local.special import CANARY, Nowhere, Zone
from dotproxy.local.verdicts import Effect
from dotproxy.wire.dotted import read_name
from tests.words import asking

LAN = Rule("forward", (".lan",), group="lan")


def block(*names: str, files: tuple[str, ...] = ()) -> Rule:
    return Rule("block", names, files)


def allow(*names: str) -> Rule:
    return Rule("allow", names)


def answer(*names: str, record: str = "A 192.0.2.1") -> Rule:
    return Rule("answer", names, records=(record,))


class BookCase(TestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.complaints: list[OSError] = []

    def write(self, name: str, text: str, changed: int = 1) -> str:
        """Write a file that looks as if it had been changed so many seconds late."""
        path = self.folder / name
        path.write_text(text)
        os.utime(path, (changed, changed))
        return str(path)

    def book(self, *rules: Rule, **settings: Any) -> Book:
        return Book.read(Naming(rules, **settings))

    def met(self, book: Book, name: str) -> tuple[int, type, int] | None:
        """Return the place of what a name meets, its kind, and how much is below."""
        found = book.find(read_name(name) if name != "." else b"\0")
        if found is None:
            return None
        return found.entry, type(found.action), found.at

    def renew(self, book: Book) -> Book:
        return book.renewed(self.complaints.append)


class BookTests(BookCase):
    def test_names(self) -> None:
        """A name is for itself, one behind a dot also for all below."""
        book = self.book(block("a.example"), answer(".b.example"))
        assert self.met(book, "a.example") == (0, Block, 0)
        assert self.met(book, "x.a.example") is None
        assert self.met(book, "b.example") == (1, Own, 0)
        assert self.met(book, "x.y.b.example") == (1, Own, 4)

    def test_root(self) -> None:
        """A dot alone is for every name that nothing else is for."""
        book = self.book(block("."), allow(".example"))
        assert self.met(book, "www.com") == (0, Block, 8)
        assert self.met(book, ".") == (0, Block, 0)
        assert self.met(book, "www.example") == (1, Pass, 4)

    def test_files(self) -> None:
        """Names come from lists as well, and exceptions in them are let through."""
        path = self.write("list", "a.example\n||b.example^\n@@||c.b.example^\n")
        book = self.book(block(files=(path,)))
        assert self.met(book, "a.example") == (0, Block, 0)
        assert self.met(book, "x.b.example") == (0, Block, 2)
        assert self.met(book, "x.c.b.example") == (0, Pass, 2)

    def test_allow(self) -> None:
        """An allow beats a block of the same name, wherever it stands."""
        book = self.book(block("a.example"), allow("a.example"))
        found = book.find(read_name("a.example"))
        assert found is not None
        assert (found.effect, type(found.action)) == (Effect.ALLOW, Pass)

    def test_order(self) -> None:
        """A rule goes before hosts, these before special names, for the same name."""
        hosts = Hosts((self.write("hosts", "192.168.1.1 box.lan nas.local\n"),))
        book = self.book(LAN, block("box.lan"), block(".home.arpa"), hosts=hosts)
        assert self.met(book, "box.lan") == (1, Block, 0)
        assert self.met(book, "nas.local") == (3, Each, 0)
        assert self.met(book, "1.1.168.192.in-addr.arpa") == (3, Each, 0)
        assert self.met(book, "nas.home.arpa") == (2, Block, 4)
        other = self.met(book, "other.local")
        assert other is not None
        assert other[1:] == (Nowhere, 6)

    def test_split(self) -> None:
        """A forward rule takes a special name along (RFC 8375 section 4)."""
        rule = Rule("forward", (".home.arpa", ".10.in-addr.arpa"), group="lan")
        book = self.book(rule)
        assert self.met(book, "nas.home.arpa") == (0, Ask, 4)
        assert self.met(book, "1.0.0.10.in-addr.arpa") == (0, Ask, 6)
        remaining = self.met(book, "1.1.168.192.in-addr.arpa")
        assert remaining is not None
        assert remaining[1] is Zone

    def test_canary(self) -> None:
        """The canary's name is special on request."""
        assert self.met(self.book(), CANARY) is None
        book = self.book(special=SpecialNames(canary=True))
        assert self.met(book, CANARY) is not None

    def test_private(self) -> None:
        """Private addresses are for names that are listed, or asked of others."""
        lan, main = LAN, Rule("forward", (".main",), group="default")
        rebinding = Rebinding(True, (".plex.direct", "nas.example"))
        book = self.book(lan, main, block("a.main"), rebinding=rebinding)
        for name, may in (
            ("x.plex.direct", True),
            ("nas.example", True),
            ("x.nas.example", False),
            ("box.lan", True),
            ("box.main", False),
            ("a.main", False),
            ("example.com", False),
        ):
            wire = read_name(name)
            assert book.may_be_private(wire, book.find(wire)) == may, name
        anything = self.book()
        assert anything.may_be_private(b"\0", None)

    def test_concerns(self) -> None:
        """A book knows whether names are blocked, and whether some are aliases."""
        for rule, blocks, follows in (
            (block("a.example"), True, False),
            (answer("a.example"), False, False),
            (answer("a.example", record="CNAME b.example"), False, True),
            (LAN, False, False),
        ):
            book = self.book(rule)
            assert (book.blocks, book.follows) == (blocks, follows)

    def test_paused(self) -> None:
        """In a pause only what is forwarded or allowed meets a rule, by its place."""
        lists = (self.write("list", "a.lan\nb.example\n@@good.lan\n"),)
        nas, good = answer("nas.example"), allow("c.example")
        book = self.book(block(files=lists), nas, LAN, good).paused()
        assert (book.blocks, book.follows, book.leads) == (False, False, False)
        met = {
            name: (found.entry if (found := book.find(read_name(name))) else None)
            for name in ("a.lan", "good.lan", "b.example", "nas.example", "c.example")
        }
        assert [*met.values()] == [2, 2, None, None, 3]
        assert book.find(read_name("localhost")) is not None


class ServiceTests(BookCase):
    """What HTTPS and SVCB of _8443._https.example.org meet."""

    def found(self, book: Book, name: str, kind: str = "HTTPS") -> Found | None:
        return book.find_for(read_name(name), asking(name, kind).question)

    def met_for(self, book: Book, name: str, kind: str = "HTTPS") -> object:
        found = self.found(book, name, kind)
        return found and (found.entry, type(found.action), found.at)

    def test_host(self) -> None:
        """They meet what the host meets, and no other type does."""
        book = self.book(block("a.example"))
        name = "_8443._https.a.example"
        for kind in ("SVCB", "HTTPS"):
            assert self.met_for(book, name, kind) == (0, Block, 13)
        assert self.met_for(book, name, "A") is None
        assert self.met_for(book, "www.a.example") is None
        assert self.met_for(book, "_8443._https.b.example") is None
        assert self.met_for(book, "a.example") == (0, Block, 0)

    def test_most_specific(self) -> None:
        """A rule for the longer name goes first, then the host's, then a suffix's."""
        book = self.book(
            block(".example"), allow("a.example", ".b.example"), block("_dns.a.example")
        )
        assert self.met_for(book, "_dns.a.example") == (2, Block, 0)
        assert self.met_for(book, "_25._dns.a.example") == (1, Pass, 9)
        assert self.met_for(book, "_dns.b.example") == (1, Pass, 5)
        assert self.met_for(book, "_dns.c.example") == (0, Block, 7)

    def test_exempt(self) -> None:
        """What a list exempts is exempt with its services."""
        path = self.write("list", "||example^\n@@|a.example^\n")
        book = self.book(block(files=(path,)))
        assert self.met_for(book, "_dns.b.example") == (0, Block, 7)
        found = self.found(book, "_dns.a.example")
        assert found is not None
        assert found.effect is Effect.ALLOW

    def test_records(self) -> None:
        """The host's own records are not the service's, unless it is below, too."""
        hosts = Hosts((self.write("hosts", "192.168.1.1 nas.example\n"),))
        book = self.book(answer("a.example"), answer(".b.example"), hosts=hosts)
        for name, kinds in (("a", []), ("nas", []), ("b", [1])):
            found = self.found(book, f"_dns.{name}.example")
            assert found is not None
            assert isinstance(found.action, Own)
            assert [*found.action.records] == kinds, name


class RenewedTests(BookCase):
    def test_unchanged(self) -> None:
        """Where no file looks different, the book stays the same."""
        path = self.write("list", "a.example\n")
        hosts = Hosts((self.write("hosts", "192.168.1.1 box\n"),))
        book = self.book(block(files=(path,)), hosts=hosts)
        assert self.renew(book) is book
        assert Book.read(book.naming, book) is book

    def test_changed(self) -> None:
        """A list that changed holds anew; others are not read again."""
        one, other = self.write("one", "a.example\n"), self.write("two", "b.example\n")
        hosts = self.write("hosts", "192.168.1.1 box\n")
        before = self.book(block(files=(one, other)), hosts=Hosts((hosts,)))
        self.write("one", "c.example\n", changed=2)
        self.write("hosts", "192.168.1.1 nas\n", changed=2)
        book = self.renew(before)
        assert self.met(before, "a.example") == (0, Block, 0)
        assert self.met(book, "a.example") is None
        assert self.met(book, "c.example") == (0, Block, 0)
        assert self.met(book, "nas") == (1, Each, 0)
        assert book.files.lists[other] is before.files.lists[other]
        assert self.complaints == []

    def test_gone(self) -> None:
        """What is gone stays as it was, with a complaint; the rest is renewed."""
        one, other = self.write("one", "a.example\n"), self.write("two", "b.example\n")
        hosts = self.write("hosts", "192.168.1.1 box\n")
        before = self.book(block(files=(one, other)), hosts=Hosts((hosts,)))
        for path in (one, hosts):
            os.unlink(path)
        self.write("two", "c.example\n", changed=2)
        book = self.renew(before)
        assert [fault.filename for fault in self.complaints] == [one, hosts]
        for name in ("a.example", "c.example", "box"):
            assert self.met(book, name) is not None

    def test_read(self) -> None:
        """With other rules, lists that look the same are not read again."""
        path = self.write("list", "a.example\n")
        before = self.book(block(files=(path,)))
        book = Book.read(Naming((allow("b.example"), block(files=(path,)))), before)
        assert book.files.lists[path] is before.files.lists[path]
        assert self.met(book, "a.example") == (1, Block, 0)

    def test_missing(self) -> None:
        """At first every file must be there."""
        with pytest.raises(FileNotFoundError):
            self.book(block(files=(str(self.folder / "none"),)))


class OwnNamesTests(TestCase):
    def test_sorted(self) -> None:
        """Names and suffixes are told apart; the root is a suffix."""
        listed = own_names(["a.example", ".b.example", "."])
        assert list(listed.names) == [b"\1a\7example\0"]
        assert list(listed.suffixes) == [b"\1b\7example\0", b"\0"]
