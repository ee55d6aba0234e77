"""Certificates that are renewed while we run."""

import os
from datetime import UTC, datetime
from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.server.credentials import read_credentials
from dotproxy.server.encryption import Encryption
from dotproxy.server.renewal import LOOK, TICKETS, Renewal
from tests.credentials import folder_of, issue, write


class RenewalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = folder_of(self.addCleanup)
        self.clock = Clock()
        self.encryption = Encryption()
        self.now = datetime.now(UTC).timestamp()
        self.renewal = Renewal(self.encryption, self.clock, lambda: self.now)
        self.files = write(self.folder, issue("old.example"))
        self.use()
        self.renewal.startService()
        self.said: list[LogEvent] = []
        globalLogPublisher.addObserver(self.said.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.said.append)

    def use(self) -> None:
        self.renewal.use([self.files], read_credentials([self.files]))

    def lines(self) -> list[str]:
        """Return what was said since the last look."""
        lines = [formatEvent(event) for event in self.said]
        self.said.clear()
        return lines

    def shown(self) -> list[str]:
        return [name for each in self.encryption.credentials for name in each.names]

    def context(self) -> object:
        return self.encryption._first

    def test_renewed(self) -> None:
        """What is new is shown some seconds later, and said once."""
        self.clock.advance(LOOK)
        assert (self.shown(), self.lines()) == (["old.example"], [])
        write(self.folder, issue("new.example"))
        self.clock.advance(LOOK - 1)
        assert self.shown() == ["old.example"]
        self.clock.advance(1)
        assert self.shown() == ["new.example"]
        (line,) = self.lines()
        assert line.startswith("certificate renewed, holds until 20")
        self.clock.advance(LOOK)
        assert self.lines() == []

    def test_half(self) -> None:
        """What is half renewed changes nothing, and is said once; then it is whole."""
        new = issue("new.example")
        Path(self.files.chain).write_bytes(new.chain_pem)
        for _ in range(3):
            self.clock.advance(LOOK)
        assert self.shown() == ["old.example"]
        (line,) = self.lines()
        assert line.startswith("not renewed, clients see the one before: certificate: ")
        os.unlink(self.files.chain)
        self.clock.advance(LOOK)
        (line,) = self.lines()
        assert "No such file" in line
        write(self.folder, new)
        self.clock.advance(LOOK)
        assert self.shown() == ["new.example"]

    def test_touched(self) -> None:
        """A file that is written anew and says the same lets sessions be resumed."""
        before = self.context()
        Path(self.files.chain).touch()
        self.clock.advance(LOOK)
        assert self.context() is before
        assert self.lines() == []

    def test_same(self) -> None:
        """So does a reload."""
        before = self.context()
        self.use()
        assert self.context() is before
        write(self.folder, issue("new.example"))
        self.use()
        assert self.shown() == ["new.example"]

    def test_tickets(self) -> None:
        """Each day tickets are under another key."""
        before = self.context()
        self.clock.pump([LOOK] * int(TICKETS / LOOK - 1))
        assert self.context() is before
        self.clock.advance(LOOK)
        assert self.context() is not before
        assert self.shown() == ["old.example"]

    def test_end(self) -> None:
        """That one ends soon is said once, and again of another that does."""
        (credential,) = self.encryption.credentials
        self.now = credential.expires_soon - 1
        self.clock.advance(LOOK)
        assert self.lines() == []
        self.now += 1
        for _ in range(2):
            self.clock.advance(LOOK)
        day = datetime.fromtimestamp(credential.expires, UTC)
        said = f"that clients see expires {day:%Y-%m-%d}"
        assert self.lines() == [f"the certificate of old.example {said}"]
        write(self.folder, issue())
        self.clock.advance(LOOK)
        _, line = self.lines()
        assert line == f"the certificate of no name {said}"

    def test_stop(self) -> None:
        """After the end, and without a certificate, nobody looks."""
        self.renewal.stopService()
        assert self.clock.getDelayedCalls() == []
        self.renewal.use([], ())
        self.renewal.startService()
        assert self.clock.getDelayedCalls() == []
        self.renewal.stopService()
