"""The cache's file: read at start in the background, written now and then."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from stat import S_IMODE
from tempfile import mkdtemp
from threading import Event, current_thread, main_thread
from typing import Any

import dns.message
from twisted.internet import reactor
from twisted.internet.task import Clock, Cooperator, deferLater
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from dotproxy import cache_file
from dotproxy.cache_file import AT_ONCE, INTERVAL, CacheFile
from dotproxy.config.caching import Caching
from dotproxy.local.cache import Cache
from dotproxy.local.snapshot import MAGIC, dump, load
from tests.fakes import make_answer, make_query

TTL = 300
"""Seconds for which the answers of these tests hold."""

OWNER_ONLY = 0o600


def fill(cache: Cache, *names: str, address: str = "192.0.2.1") -> None:
    """Have a cache learn the address of some names."""
    for name in names:
        query = make_query(name)
        cache.learn(query, make_answer(query, address=address))


def known(cache: Cache, name: str = "example.com") -> str:
    """Return the TTL and the address that a cache has for a name; "" for none."""
    return _shown(cache.answer(make_query(name)))


def stale(cache: Cache, name: str = "example.com") -> str:
    """Return the same of what it has outlived."""
    return _shown(cache.stale(make_query(name)))


def _shown(reply: bytes | None) -> str:
    if reply is None:
        return ""
    (rrset,) = dns.message.from_wire(reply).answer
    return f"{rrset.ttl} {rrset[0]}"


class CacheFileTests(TestCase):
    """The files are real, and so are the threads; the time to write is not."""

    timeout = 10

    def setUp(self) -> None:
        self.folder = Path(mkdtemp())
        self.addCleanup(rmtree, self.folder)
        self.path = self.folder / "cache"
        self.clock = Clock()
        self.cache = self.make_cache()

    def make_cache(self) -> Cache:
        return Cache(Caching(), self.clock.seconds)

    def make_file(self, cache: Cache | None = None) -> CacheFile:
        cache = self.cache if cache is None else cache
        return CacheFile(cache, str(self.path), self.clock)

    async def start(self, cache: Cache | None = None) -> CacheFile:
        """Start, and wait until what was kept is back."""
        file = self.make_file(cache)
        file.startService()
        self.addCleanup(self.stop, file)
        await file.read
        return file

    async def stop(self, file: CacheFile) -> None:
        if file.running:
            await file.stopService()

    async def keep(self, *names: str) -> None:
        """Have a file with the addresses of these names."""
        cache = self.make_cache()
        file = await self.start(cache)
        fill(cache, *names)
        await file.stopService()

    def lay(self, seconds: int) -> None:
        """Let the file have lain there for so long."""
        then = time.time() - seconds
        os.utime(self.path, (then, then))

    def names(self) -> int:
        """Return how many entries are in the file, all of which is sound."""
        return len(list(load(self.path.read_bytes())))

    async def until(self, happened: Callable[[], object]) -> None:
        while not happened():
            await deferLater(reactor, 0.001)


class ReadTests(CacheFileTests):
    async def test_admitted(self) -> None:
        """Only what is let in comes back, by its key and entry."""
        await self.keep("example.com", "example.org")
        asked: list[bytes] = []

        def admits(key: bytes, entry: bytes) -> bool:
            asked.append(entry)
            return key.startswith(b"\7example\3org")

        file = CacheFile(self.cache, str(self.path), self.clock, admits)
        file.startService()
        self.addCleanup(self.stop, file)
        await file.read
        assert known(self.cache, "example.com") == ""
        assert known(self.cache, "example.org") == "300 192.0.2.1"
        assert len(asked) == 2

    async def test_back(self) -> None:
        """What was kept is back after a restart."""
        await self.keep("example.com", "www.example.com")
        await self.start()
        assert len(self.cache) == 2
        assert known(self.cache) in ("300 192.0.2.1", "299 192.0.2.1")
        assert known(self.cache, "www.example.com") != ""

    async def test_age(self) -> None:
        """TTLs count on from when an answer came: before the restart, and during it."""
        old = self.make_cache()
        file = await self.start(old)
        fill(old, "example.com")
        self.clock.advance(50)
        await file.stopService()
        self.lay(100)
        await self.start()
        assert known(self.cache) in ("150 192.0.2.1", "149 192.0.2.1")

    async def test_over(self) -> None:
        """What has ended meanwhile may serve as stale, and as nothing else."""
        await self.keep("example.com")
        self.lay(TTL + 100)
        await self.start()
        assert known(self.cache) == ""
        assert stale(self.cache) == "30 192.0.2.1"

    async def test_too_old(self) -> None:
        """What has ended too long ago does not even do that."""
        await self.keep("example.com")
        self.lay(TTL + 86_400 + 10)
        await self.start()
        assert stale(self.cache) == ""

    async def test_from_the_future(self) -> None:
        """A file that is dated tomorrow, by a clock that was wrong, is new."""
        await self.keep("example.com")
        self.lay(-86_400)
        await self.start()
        assert known(self.cache) == "300 192.0.2.1"

    async def test_background(self) -> None:
        """Nobody waits for it: what is learned meanwhile stays, as it is newer."""
        await self.keep("example.com", "www.example.com")
        file = self.make_file()
        file.startService()
        self.addCleanup(self.stop, file)
        assert not file.read.called
        assert len(self.cache) == 0
        fill(self.cache, "example.com", address="192.0.2.2")
        await file.read
        assert known(self.cache) == "300 192.0.2.2"
        assert known(self.cache, "www.example.com") != ""

    async def test_in_turns(self) -> None:
        """A large cache comes back bit by bit, and queries are answered meanwhile."""
        await self.keep(*(f"n{number}.example" for number in range(2 * AT_ONCE + 1)))
        turns = Cooperator(
            terminationPredicateFactory=lambda: lambda: True,
            scheduler=lambda step: self.clock.callLater(1, step),
        )
        self.patch(cache_file, "cooperate", turns.cooperate)
        file = self.make_file()
        file.startService()
        self.addCleanup(self.stop, file)
        before = len(self.clock.getDelayedCalls())
        await self.until(lambda: len(self.clock.getDelayedCalls()) > before)
        come = []
        while not file.read.called:
            self.clock.advance(1)
            come.append(len(self.cache))
        assert come[:3] == [AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 1]

    async def test_missing(self) -> None:
        """That there is no file yet is no fault."""
        with capturedLogs() as events:
            await self.start()
        assert complaints(events) == []
        assert len(self.cache) == 0


class DamagedTests(CacheFileTests):
    async def assert_refused(self, content: bytes, why: str) -> None:
        """One warning says which file and why; the file stays as it is."""
        self.path.write_bytes(content)
        with capturedLogs() as events:
            await self.start()
        assert complaints(events) == [f"cache file {self.path} cannot be read: {why}"]
        assert len(self.cache) == 0
        assert self.path.read_bytes() == content

    async def test_changed(self) -> None:
        """A single octet that has changed is found, and nothing is taken back."""
        await self.keep("example.com", "www.example.com")
        content = bytearray(self.path.read_bytes())
        content[len(content) // 2] ^= 1
        await self.assert_refused(bytes(content), "it is damaged")

    async def test_cut_off(self) -> None:
        """So is an end that is missing."""
        await self.keep("example.com", "www.example.com")
        await self.assert_refused(self.path.read_bytes()[:-1], "it is damaged")

    async def test_something_else(self) -> None:
        """What is no cache at all, or of another version, is told as such."""
        for content in (b"", MAGIC[:-1], b"#!/bin/sh\n", MAGIC[:-1] + b"2" + bytes(9)):
            await self.assert_refused(content, "it is no cache of this version")

    async def test_odd_entry(self) -> None:
        """So is what has the right sum, and an entry that nobody could be told."""
        key = make_query("example.com").key
        await self.assert_refused(dump([(0, key, b"odd")]), "an entry is cut short")

    async def test_unreadable(self) -> None:
        """What cannot be read is a warning, too, and ends nothing."""
        self.path.mkdir()
        with capturedLogs() as events:
            file = await self.start()
        (line,) = complaints(events)
        assert line.startswith(f"cache file {self.path} cannot be read: ")
        assert "Is a directory" in line
        assert file.running


class WriteTests(CacheFileTests):
    def assert_private(self) -> None:
        """The file is its owner's, and stands alone in its folder."""
        assert S_IMODE(self.path.stat().st_mode) == OWNER_ONLY
        assert list(self.folder.iterdir()) == [self.path]

    async def test_at_the_end(self) -> None:
        """It is written at the end, whole, and for nobody else to read."""
        self.addCleanup(os.umask, os.umask(0))
        file = await self.start()
        fill(self.cache, "example.com", "www.example.com")
        assert not self.path.exists()
        await file.stopService()
        assert self.names() == 2
        self.assert_private()

    async def test_replaced(self) -> None:
        """It takes the place of the one before, whatever rights that had."""
        self.path.write_bytes(b"something else")
        self.path.chmod(0o644)
        file = await self.start()
        fill(self.cache, "example.com")
        await file.stopService()
        assert self.names() == 1
        self.assert_private()

    async def test_in_the_way(self) -> None:
        """Nor does a file that lies where it is made lend it its rights."""
        new = self.path.with_name("cache.new")
        new.write_bytes(b"left by somebody")
        new.chmod(0o644)
        file = await self.start()
        fill(self.cache, "example.com")
        await file.stopService()
        assert self.names() == 1
        assert S_IMODE(self.path.stat().st_mode) == OWNER_ONLY

    async def test_now_and_then(self) -> None:
        """It is written every five minutes, and not before."""
        await self.start()
        fill(self.cache, "example.com")
        self.clock.advance(INTERVAL - 1)
        await deferLater(reactor, 0.01)
        assert not self.path.exists()
        self.clock.advance(1)
        await self.until(self.path.exists)
        assert self.names() == 1
        self.assert_private()
        fill(self.cache, "www.example.com")
        await self.until(self.clock.getDelayedCalls)
        self.clock.advance(INTERVAL)
        await self.until(lambda: self.names() == 2)

    async def test_whole_or_not(self) -> None:
        """If it cannot be written as a whole, the one before stays."""
        await self.keep("example.com")
        before = self.path.read_bytes()
        file = await self.start()
        fill(self.cache, "www.example.com")

        def fail(_: int) -> None:
            raise OSError(28, "No space left on device")

        self.patch(os, "fsync", fail)
        with capturedLogs() as events:
            await file.stopService()
        assert self.path.read_bytes() == before
        (line,) = complaints(events)
        assert line.startswith(f"cache file {self.path} cannot be written: ")
        assert "No space left on device" in line

    async def test_no_folder(self) -> None:
        """A folder that cannot be written to is a warning each time, and no more."""
        self.path = self.folder / "missing" / "cache"
        file = await self.start()
        with capturedLogs() as events:
            self.clock.advance(INTERVAL)
            await self.until(lambda: len(complaints(events)) == 1)
            self.clock.advance(INTERVAL)
            await self.until(lambda: len(complaints(events)) == 2)
            await file.stopService()
        start = f"cache file {self.path} cannot be written: "
        lines = complaints(events)
        assert [line[: len(start)] for line in lines] == [start] * 3
        assert not file.running

    async def test_nothing_left(self) -> None:
        """After the end nothing is written any more, and nothing is left to happen."""
        file = await self.start()
        await file.stopService()
        assert self.clock.getDelayedCalls() == []
        written = self.path.stat().st_mtime_ns
        self.clock.advance(2 * INTERVAL)
        assert self.path.stat().st_mtime_ns == written

    async def test_again(self) -> None:
        """Who stopped can start again."""
        first = await self.start()
        fill(self.cache, "example.com")
        await first.stopService()
        other = self.make_cache()
        await self.start(other)
        assert known(other) != ""


class EndTests(CacheFileTests):
    """The end may come at any time."""

    async def test_while_reading(self) -> None:
        """Who stops before all is read does not lose what is not read yet."""
        await self.keep("example.com", "www.example.com")
        file = self.make_file()
        file.startService()
        assert not file.read.called
        await file.stopService()
        await file.read
        assert self.names() == 2

    async def test_while_writing(self) -> None:
        """Who stops while it is being written behind leaves a whole file, the last."""
        reached, go_on = Event(), Event()
        self.addCleanup(go_on.set)
        really_open = os.open

        def open_slowly(*words: Any) -> int:
            opened = really_open(*words)
            if current_thread() is not main_thread():
                reached.set()
                go_on.wait(2)
            return opened

        self.patch(os, "open", open_slowly)
        file = await self.start()
        fill(self.cache, "example.com")
        self.clock.advance(INTERVAL)
        await self.until(reached.is_set)
        fill(self.cache, "www.example.com")
        with capturedLogs() as events:
            stopping = file.stopService()
            go_on.set()
            await stopping
            await deferLater(reactor, 0.05)
        assert self.names() == 2
        assert complaints(events) == []


class KeepTests(CacheFileTests):
    """Another cache takes the place of the first."""

    async def test_other(self) -> None:
        """It is written at once: what the file knew is to be forgotten."""
        file = await self.start()
        fill(self.cache, "example.com", "www.example.com")
        self.clock.advance(INTERVAL)
        await self.until(lambda: self.path.exists() and self.names() == 2)
        other = self.make_cache()
        file.keep(other)
        await self.until(lambda: self.names() == 0)
        fill(other, "example.com")
        await file.stopService()
        assert self.names() == 1

    async def test_same(self) -> None:
        """The same cache is nothing new, and no reason to write."""
        file = await self.start()
        fill(self.cache, "example.com")
        file.keep(self.cache)
        await deferLater(reactor, 0.02)
        assert not self.path.exists()

    async def test_while_reading(self) -> None:
        """What is being read was for the one before, and does not get into it."""
        await self.keep("example.com")
        file = self.make_file(self.cache)
        file.startService()
        self.addCleanup(self.stop, file)
        other = self.make_cache()
        file.keep(other)
        await file.read
        assert len(other) == 0


def complaints(events: Sequence[LogEvent]) -> list[str]:
    """Return the warnings among some events, as people read them."""
    warnings = (event for event in events if event["log_level"] is LogLevel.warn)
    return [formatEvent(event) for event in warnings]
