"""The cache's file: read at start in the background, written now and then."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, cooperate
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.local.cache import Cache
from dotproxy.local.entry import check
from dotproxy.local.snapshot import dump, load
from dotproxy.whole_file import write_whole
from dotproxy.wire.message import FormatError

INTERVAL = 300.0
"""Seconds between two writings: what a crash may lose."""

AT_ONCE = 1000
"""Entries taken back in one turn, so that queries are answered meanwhile."""


class CacheFile(Service):
    """Keep a cache over a restart.

    The file is written whole or not at all, for its owner's eyes only: it says which
    names were asked.  One that is damaged is left aside, with a warning.  `read` fires
    with None when what could be taken back is back: entries that `admits` lets in, by
    their key.
    """

    log = Logger()

    def __init__(
        self,
        cache: Cache,
        path: str,
        clock: IReactorTime,
        admits: Callable[[bytes, bytes], bool] = lambda key, entry: True,
    ) -> None:
        self._cache = cache
        self._admits = admits
        self._path = Path(path)
        self._writing = LoopingCall(self._write_behind)
        self._writing.clock = clock
        self._one_by_one = DeferredLock()
        self.read: Deferred[None] = Deferred()

    def startService(self) -> None:
        """Read in the background, and write from time to time."""
        super().startService()
        reading = self._one_by_one.run(self._read)
        reading.addCallback(lambda _: self.read.callback(None))
        self._writing.start(INTERVAL, now=False)

    def stopService(self) -> Deferred[None]:
        """Write a last time; fires when that is done."""
        super().stopService()
        self._writing.stop()
        return self._one_by_one.run(self._write_last)

    def keep(self, cache: Cache) -> None:
        """Keep this cache from now on, and nothing of the one before if it is another.

        What is still being read was for that one.
        """
        if cache is not self._cache:
            self._cache = cache
            self._write_behind()

    def _read(self) -> Deferred[None]:
        loading = deferToThread(self._load).addCallback(self._restore, self._cache)
        return loading.addErrback(self._complain, "read")

    def _write_behind(self) -> Deferred[None]:
        return self._one_by_one.run(self._write_in_thread)

    def _write_in_thread(self) -> Deferred[None]:
        """Take the entries in this thread, and write them in another."""
        items = self._cache.entries()
        writing = deferToThread(lambda: self._write(dump(items)))
        return writing.addErrback(self._complain, "written")

    def _write_last(self) -> None:
        try:
            self._write(dump(self._cache.entries()))
        except OSError as fault:
            self._warn("written", str(fault))

    def _load(self) -> tuple[int, bytes] | None:
        """Return for how many seconds the file lay there, and what is in it."""
        try:
            age = time.time() - self._path.stat().st_mtime
            return max(int(age), 0), self._path.read_bytes()
        except FileNotFoundError:
            return None

    def _restore(self, found: tuple[int, bytes] | None, cache: Cache) -> Deferred[None]:
        if found is None:
            return succeed(None)
        lay, snapshot = found
        items = load(snapshot)

        def take() -> Iterator[None]:
            while batch := list(islice(items, AT_ONCE)):
                for age, key, entry in batch:
                    check(key, entry)
                    if self._admits(key, entry):
                        cache.restore(age + lay, key, entry)
                yield

        return cooperate(take()).whenDone().addCallback(lambda _: None)

    def _write(self, snapshot: bytes) -> None:
        write_whole(self._path, snapshot)

    def _complain(self, failure: Failure, done: str) -> None:
        failure.trap(OSError, FormatError)
        self._warn(done, failure.getErrorMessage())

    def _warn(self, done: str, fault: str) -> None:
        self.log.warn(
            "cache file {path} cannot be {done}: {fault}",
            path=str(self._path),
            done=done,
            fault=fault,
        )
