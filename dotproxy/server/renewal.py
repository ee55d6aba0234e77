"""Certificates that are renewed while we run.

They are looked at every some seconds, since whoever renews them need not know of us.
A file that is half written, or does not fit the other, changes nothing: the next look
finds it when it is whole.
"""

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from dotproxy.config.certificate import Certificate
from dotproxy.config.setting import ConfigError
from dotproxy.server.credentials import Credentials, read_credentials
from dotproxy.server.encryption import Encryption

LOOK = 10.0
"""Seconds between two looks."""

TICKETS = 86_400.0
"""Seconds for which tickets of sessions are under one key (RFC 9325 section 3.4)."""

Stamp = tuple[int, int, int] | None
"""What tells that a file is another: inode, size and time; None if there is none."""


class Renewal(Service):
    """Look after the files of the certificates that clients are shown.

    `now` gives the time of the calendar, in seconds since 1970.
    """

    log = Logger()

    def __init__(
        self,
        encryption: Encryption,
        clock: IReactorTime,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._encryption = encryption
        self._clock = clock
        self._now = now
        self._near: set[tuple[str, float]] = set()
        self._certificates: Sequence[Certificate] = ()
        self._stamps: list[Stamp] = []
        self._made = 0.0
        self._call: IDelayedCall | None = None

    def use(self, certificates: Sequence[Certificate], found: Credentials) -> None:
        """Show what was found in these files, and look after them from now on.

        Where it is the same as before, sessions are still resumed.
        """
        self._certificates = certificates
        # What changed since they were read is found out by the next look.
        if _chains(found) != _chains(self._encryption.credentials):
            self._stamps = []
            self._show(found)
        self._plan()

    def startService(self) -> None:
        """Begin to look."""
        super().startService()
        self._plan()

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _plan(self) -> None:
        if self.running and self._certificates and self._call is None:
            self._call = self._clock.callLater(LOOK, self._look)

    def _look(self) -> None:
        self._call = None
        files = [path for each in self._certificates for path in (each.chain, each.key)]
        stamps = list(map(_stamp, files))
        if stamps != self._stamps:
            self._stamps = stamps
            self._renew()
        if self._clock.seconds() - self._made >= TICKETS:
            self._show(self._encryption.credentials)
        self._warn()
        self._plan()

    def _renew(self) -> None:
        try:
            found = read_credentials(self._certificates)
            if _chains(found) == _chains(self._encryption.credentials):
                return
            self._show(found)
        except ConfigError as fault:
            self.log.error("not renewed, clients see the one before: {f}", f=fault)
            return
        ends = min(each.chain[0].not_valid_after_utc for each in found)
        self.log.info("certificate renewed, holds until {ends:%Y-%m-%d}", ends=ends)

    def _warn(self) -> None:
        """Say once of each certificate that it ends soon."""
        shown, now = self._encryption.credentials, self._now()
        near = {(it.name, it.expires) for it in shown if now >= it.expires_soon}
        for name, expires in sorted(near - self._near):
            self.log.warn(
                "the certificate of {name} that clients see expires {day:%Y-%m-%d}",
                name=name or "no name",
                day=datetime.fromtimestamp(expires, UTC),
            )
        self._near = near

    def _show(self, credentials: Credentials) -> None:
        self._encryption.use(credentials)
        self._made = self._clock.seconds()


def _chains(credentials: Credentials) -> list[object]:
    """Return what tells credentials apart: a certificate has but one key."""
    return [credential.chain for credential in credentials]


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
