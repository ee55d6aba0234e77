"""The files that rules are in."""

import os
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import current_thread, main_thread
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from dotproxy.config.naming import Hosts, Naming
from dotproxy.config.rule import Rule
from dotproxy.local.book import Book
from dotproxy.local.rules import Rules
from dotproxy.rule_files import INTERVAL, RuleFiles
from tests.words import asking


class RuleFilesTests(TestCase):
    """The files are real, and so are the threads; the time to look is not."""

    timeout = 10

    def setUp(self) -> None:
        self.folder = Path(mkdtemp())
        self.addCleanup(rmtree, self.folder)
        self.list = self.write("list", "a.example\n", 1)
        self.hosts = self.write("hosts", "192.168.1.1 box.lan\n", 1)
        self.clock = Clock()
        self.changes = 0

    def write(self, name: str, text: str, changed: int) -> Path:
        path = self.folder / name
        path.write_text(text)
        os.utime(path, (changed, changed))
        return path

    def start(self) -> RuleFiles:
        rule = Rule("block", files=(str(self.list),))
        self.rules = Rules(Book.read(Naming((rule,), Hosts((str(self.hosts),)))))
        self.files = RuleFiles(self.rules, self.changed, self.clock)
        self.files.startService()
        self.addCleanup(self.stop)
        return self.files

    def stop(self) -> None:
        if self.files.running:
            self.files.stopService()

    def changed(self) -> None:
        self.changes += 1

    def blocked(self, name: str) -> bool:
        return self.rules.answer(asking(name)) is not None

    def logged(self, events: list[LogEvent]) -> list[str | None]:
        """Return the warnings."""
        warned = [each for each in events if each["log_level"] is LogLevel.warn]
        return [formatEvent(event) for event in warned]

    def test_no_files(self) -> None:
        """Where the rules are in no file, nothing is looked at, until they are."""
        self.start()
        with_files = self.rules.book
        self.rules.use(Book.read(Naming()))
        self.files.watch()
        assert self.clock.getDelayedCalls() == []
        self.rules.use(with_files)
        self.files.watch()
        self.files.watch()
        assert len(self.clock.getDelayedCalls()) == 1
        self.files.stopService()
        self.files.watch()
        assert self.clock.getDelayedCalls() == []

    async def test_changed(self) -> None:
        """A list that changes holds, and whoever remembers the old one hears of it."""
        files = self.start()
        assert self.blocked("a.example")
        self.write("list", "b.example\n", 2)
        await files.look()
        assert (self.blocked("a.example"), self.blocked("b.example")) == (False, True)
        assert self.changes == 1
        self.write("hosts", "192.168.1.1 nas.lan\n", 2)
        await files.look()
        assert self.blocked("nas.lan")
        assert self.changes == 2

    async def test_unchanged(self) -> None:
        """Where nothing changes nobody hears anything."""
        files = self.start()
        book = self.rules.book
        await files.look()
        assert self.rules.book is book
        assert self.changes == 0

    async def test_by_itself(self) -> None:
        """The files are looked at now and then, in a thread, and no more at the end."""
        threads: list[bool] = []
        looked: Deferred[None] = Deferred()

        def renewed(book: Book, complain: object) -> Book:
            threads.append(current_thread() is main_thread())
            looked.callback(None)
            return book

        with patch.object(Book, "renewed", renewed):
            files = self.start()
            self.clock.advance(INTERVAL - 0.1)
            assert threads == []
            self.clock.advance(0.1)
            await looked
        assert threads == [False]
        files.stopService()
        assert self.clock.getDelayedCalls() == []

    async def test_gone(self) -> None:
        """A file that is gone leaves its list in force, with one warning."""
        files = self.start()
        with capturedLogs() as events:
            self.list.unlink()
            await files.look()
            await files.look()
            assert self.blocked("a.example")
        fault = f"{self.list}: No such file or directory"
        assert self.logged(events) == [f"the list stays as it was: {fault}"]
        assert self.changes == 0
        with capturedLogs() as events:
            self.write("list", "c.example\n", 3)
            await files.look()
            self.list.unlink()
            await files.look()
        assert len(self.logged(events)) == 1
        assert self.blocked("c.example")

    async def test_bad_lines(self) -> None:
        """Bad lines are counted, the first is named, once for each state of a file."""
        self.write("list", "a.example\nx y\n-- --\n", 1)
        with capturedLogs() as events:
            files = self.start()
            self.write("hosts", "x nas\n", 2)
            await files.look()
        assert self.logged(events) == [
            f"2 bad lines left out; {self.list}: line 2 has no name or address in 'x'",
            f"1 bad line left out; {self.hosts}: line 1 has no address in 'x'",
        ]

    async def test_stopped(self) -> None:
        """What is read when the service has ended changes nothing."""
        files = self.start()
        self.write("list", "b.example\n", 2)
        looking = files.look()
        files.stopService()
        await looking
        assert (self.blocked("b.example"), self.changes) == (False, 0)

    async def test_overtaken(self) -> None:
        """Nor does what was read for rules that others have replaced."""
        files = self.start()
        self.write("list", "b.example\n", 2)
        looking = files.look()
        self.rules.use(Book.read(Naming()))
        await looking
        assert (self.blocked("b.example"), self.changes) == (False, 0)

    async def test_bug(self) -> None:
        """A bug is logged, and the rules stay."""
        files = self.start()
        with patch.object(Book, "renewed", side_effect=ZeroDivisionError):
            await files.look()
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        assert self.blocked("a.example")
