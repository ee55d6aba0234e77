"""The files that rules are in: looked at now and then, and read again when changed."""

from collections.abc import Callable, Iterator

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.local.book import Book
from dotproxy.local.rules import Rules

INTERVAL = 5.0
"""Seconds between two looks at the files."""


class RuleFiles(Service):
    """Keep rules up to date with their files.

    All is read in a thread; the rules before hold meanwhile, and for good where a file
    is gone or cannot be read.  `on_change` is called when others hold: whoever
    remembers what the old ones said has to forget it.
    """

    log = Logger()

    def __init__(
        self, rules: Rules, on_change: Callable[[], object], clock: IReactorTime
    ) -> None:
        self._rules = rules
        self._on_change = on_change
        self._looking = LoopingCall(self.look)
        self._looking.clock = clock
        self._faults: frozenset[str] = frozenset()

    def startService(self) -> None:
        """Say what is wrong with the files, then look at them now and then."""
        super().startService()
        self._report(self._rules.book, None)
        self.watch()

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        self.watch()

    def watch(self) -> None:
        """Look now and then from now on, if the rules are in files."""
        wanted = self.running and any(self._rules.book.files)
        if wanted and not self._looking.running:
            self._looking.start(INTERVAL, now=False)
        elif not wanted and self._looking.running:
            self._looking.stop()

    def follow(self, before: Book) -> None:
        """Take note of rules that others have read, and say what is wrong with them."""
        self._report(self._rules.book, before)
        self.watch()

    def look(self) -> Deferred[None]:
        """Read what has changed; fires when that holds.  It never fails."""
        before, faults = self._rules.book, list[str]()
        reading = deferToThread(
            before.renewed,
            lambda fault: faults.append(f"{fault.filename}: {fault.strerror}"),
        )
        using: Deferred[None] = reading.addCallback(self._use, before, faults)
        return using.addErrback(self._fail)

    def _use(self, book: Book, before: Book, faults: list[str]) -> None:
        self._complain(frozenset(faults))
        if book is before or self._rules.book is not before or not self.running:
            return
        self._rules.use(book)
        self._on_change()
        self._report(book, before)
        self.log.info("rules read again, since their files changed")

    def _complain(self, faults: frozenset[str]) -> None:
        """Warn of each file that cannot be read, once until it can be again."""
        for fault in sorted(faults - self._faults):
            self.log.warn("the list stays as it was: {fault}", fault=fault)
        self._faults = faults

    def _report(self, book: Book, before: Book | None) -> None:
        """Say in one line what is bad in each file that is new."""
        known = {*_faults(before)} if before else set()
        for bad, first in _faults(book):
            if (bad, first) not in known:
                lines = "1 bad line" if bad == 1 else f"{bad} bad lines"
                self.log.warn("{lines} left out; {first}", lines=lines, first=first)

    def _fail(self, failure: Failure) -> None:
        self.log.failure("the rules stay as they are", failure)


def _faults(book: Book) -> Iterator[tuple[int, str]]:
    """Return of each file with bad lines how many there are, and the first."""
    for listed in book.files.lists.values():
        if listed.listed.bad:
            yield listed.listed.bad, listed.listed.faults[0]
    for hosts in book.files.hosts.values():
        if hosts.faults:
            yield len(hosts.faults), hosts.faults[0]
