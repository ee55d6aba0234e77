"""What a service manager hears of us: ready, reloading, stopping, alive (sd_notify(3)).

systemd is one; it says in the environment where it listens, and how often it wants
to hear that the reactor still turns.
"""

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger

BEATS = 2
"""Signs of life in each period: one may come late (sd_watchdog_enabled(3))."""


class Notices:
    """Send notices, each as one datagram of lines."""

    log = Logger()

    def __init__(self, address: str) -> None:
        self._address = address

    def send(self, *lines: str) -> None:
        """Send these lines; a manager that cannot be reached is named in the log.

        Nobody waits for it: who answers queries must not stand still for a notice.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                sender.sendto("\n".join(lines).encode(), self._address)
            except OSError as fault:
                self.log.warn(
                    "NOTIFY_SOCKET: {reason}, so the service manager does not hear"
                    " {lines}",
                    reason=fault.strerror,
                    lines=", ".join(lines),
                )


class Reports(Service):
    """Report a service to its manager, from the first turn of the reactor on.

    `status` says in a sentence what the service does.  `period` is within how many
    seconds the manager wants a sign of life; 0 is never.
    """

    def __init__(
        self,
        notices: Notices,
        status: Callable[[], str],
        reactor: Any,
        period: float = 0,
    ) -> None:
        self._notices = notices
        self._status = status
        self._reactor = reactor
        self._pause = period / BEATS
        self._beating: Any = None
        self._trigger: Any = None

    def startService(self) -> None:
        """Report readiness once the reactor runs, and the end when it begins."""
        super().startService()
        self._trigger = self._reactor.addSystemEventTrigger(
            "before", "shutdown", self._end
        )
        self._reactor.callWhenRunning(self._begin)

    def stopService(self) -> None:
        """Report no more."""
        super().stopService()
        if self._beating is not None:
            self._beating.cancel()
        if self._trigger is not None:
            self._reactor.removeSystemEventTrigger(self._trigger)
            self._trigger = None

    def reload(self, reload: Callable[[], object]) -> None:
        """Reload, and say before that it begins, afterwards what is served then.

        The time is that of CLOCK_MONOTONIC: by it the manager knows that a reload was
        begun after it had asked for one.  Who stops already reports no reload.  What
        `reload` returns may be a Deferred.
        """
        if self._trigger is None:
            reload()
            return
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._notices.send("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=reloading")
        maybeDeferred(reload).addCallback(lambda _: self._ready())

    def _begin(self) -> None:
        if self.running:
            self._ready()
            self._beat()

    def _end(self) -> None:
        self._trigger = None
        self._notices.send("STOPPING=1", "STATUS=stopping")

    def _ready(self) -> None:
        self._notices.send("READY=1", f"STATUS={self._status()}")

    def _beat(self) -> None:
        if self._pause:
            self._notices.send("WATCHDOG=1")
            self._beating = self._reactor.callLater(self._pause, self._beat)


def parse_address(environment: Mapping[str, str]) -> str:
    """Return the socket to which notices go, or "" if nobody listens.

    "@" stands for the octet 0 before an abstract name (unix(7)).  Other kinds of
    sockets are for virtual machines, and not served.
    """
    name = environment.get("NOTIFY_SOCKET", "")
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else ""


def watchdog_period(environment: Mapping[str, str], pid: int) -> float:
    """Return the seconds within which the manager wants a sign of life, 0 for never."""
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return 0.0
    return int(environment.get("WATCHDOG_USEC", "0")) / 1e6
