"""The file of the leases."""

import os
import time
from ipaddress import ip_network
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import Clock, deferLater
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from dotproxy.lease_file import INTERVAL, LeaseFile
from dotproxy.local.leases import KEEP, Leases

NETWORKS = (ip_network("10.0.0.0/30"),)


class LeaseFileTests(TestCase):
    timeout = 10

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.clock = Clock()

    def leases(self) -> Leases:
        return Leases(NETWORKS, self.clock.seconds)

    def file(self, leases: Leases) -> LeaseFile:
        return LeaseFile(leases, str(self.path), self.clock)

    async def written(self, content: str) -> None:
        """Wait till the file holds this."""
        while not self.path.exists() or content not in self.path.read_text():
            await deferLater(reactor, 0.01)  # type: ignore[arg-type]

    async def test_restart(self) -> None:
        """What was leased before a restart is so after it."""
        before, after = self.leases(), self.leases()
        file = self.file(before)
        file.startService()
        before.lease("a.example")
        await file.stopService()
        self.file(after)
        assert after.name_at("10.0.0.1") == "a.example"

    async def test_soon(self) -> None:
        """A new lease is written within seconds, and otherwise nothing is."""
        leases = self.leases()
        file = self.file(leases)
        file.startService()
        self.clock.advance(INTERVAL)
        assert not self.path.exists()
        leases.lease("a.example")
        self.clock.advance(INTERVAL)
        await self.written("a.example")
        self.path.unlink()
        leases.lease("a.example")
        self.clock.advance(INTERVAL)
        leases.lease("b.example")
        self.clock.advance(INTERVAL)
        await self.written("b.example")
        await file.stopService()
        assert self.clock.getDelayedCalls() == []

    def test_age(self) -> None:
        """The time that the file lay there counts."""
        self.path.write_text(
            "dotproxy leases 2\n0 0 1 a.example\n0 0 2 b.example\nend of 2\n"
        )
        then = time.time() - KEEP
        os.utime(self.path, (then, then))
        leases = self.leases()
        self.file(leases)
        assert leases.lease("c.example") is not None

    def test_damaged(self) -> None:
        """What cannot be read is left aside, with a warning."""
        for content in (b"nonsense", b"\xff"):
            self.path.write_bytes(content)
            with capturedLogs() as logs:
                self.file(self.leases())
            (line,) = map(formatEvent, logs)
            assert line is not None
            assert line.startswith(f"lease file {self.path} cannot be read: ")

    async def test_no_place(self) -> None:
        """What cannot be written is said, and tried again."""
        self.path = self.path / "nowhere" / "file"
        leases = self.leases()
        file = self.file(leases)
        file.startService()
        leases.lease("a.example")
        with capturedLogs() as logs:
            self.clock.advance(INTERVAL)
            await self.said(logs)
            await file.stopService()
        lines = [formatEvent(event) for event in logs]
        assert len(lines) == 2
        for line in lines:
            assert f"lease file {self.path} cannot be written: " in str(line)

    async def said(self, logs: object) -> None:
        """Wait for the first line."""
        while not logs:
            await deferLater(reactor, 0.01)  # type: ignore[arg-type]
