"""The file of the leases: read at the start, written soon after one was given."""

import time
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.local.leases import Leases
from dotproxy.whole_file import write_whole
from dotproxy.wire.message import FormatError

INTERVAL = 5.0
"""Seconds between two looks for new leases: what a crash may lose."""


class LeaseFile(Service):
    """Keep leases over a restart.

    It is read at once, since nothing may be leased before, and written whole or not at
    all.  One that is damaged is left aside, with a warning.
    """

    log = Logger()

    def __init__(self, leases: Leases, path: str, clock: IReactorTime) -> None:
        self._leases = leases
        self._path = Path(path)
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock
        self._one_by_one = DeferredLock()
        self._written = leases.given
        self._read()

    def startService(self) -> None:
        """Write from time to time, if there is something new."""
        super().startService()
        self._looking.start(INTERVAL, now=False)

    def stopService(self) -> Deferred[None]:
        """Write a last time; fires when that is done."""
        super().stopService()
        self._looking.stop()
        return self._one_by_one.run(self._write_last)

    def _read(self) -> None:
        try:
            lay = max(time.time() - self._path.stat().st_mtime, 0)
            self._leases.restore(self._path.read_text(), lay)
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError, FormatError) as fault:
            self._warn("read", str(fault))

    def _look(self) -> Deferred[None]:
        if self._written == self._leases.given:
            return succeed(None)
        return self._one_by_one.run(self._write_in_thread)

    def _write_in_thread(self) -> Deferred[None]:
        """Take the leases in this thread, and write them in another."""
        self._written, text = self._leases.given, self._leases.dump()
        writing = deferToThread(write_whole, self._path, text.encode())
        return writing.addErrback(self._complain)

    def _write_last(self) -> None:
        try:
            write_whole(self._path, self._leases.dump().encode())
        except OSError as fault:
            self._warn("written", str(fault))

    def _complain(self, failure: Failure) -> None:
        failure.trap(OSError)
        self._warn("written", failure.getErrorMessage())

    def _warn(self, done: str, fault: str) -> None:
        self.log.warn(
            "lease file {path} cannot be {done}: {fault}",
            path=str(self._path),
            done=done,
            fault=fault,
        )
