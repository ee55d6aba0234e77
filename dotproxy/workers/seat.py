"""A place for a worker: when one ends there, another takes it."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from typing import Protocol as TypingProtocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.logger import Logger
from twisted.protocols import amp
from twisted.python.failure import Failure

from dotproxy.workers.commands import (
    FIRST_SOCKET,
    LINK,
    LOG,
    Learned,
    Ping,
    Refused,
    Seen,
    Serve,
)
from dotproxy.workers.lines import Lines

PROGRAM = "dotproxy.worker"

SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 30.0
"""Seconds until another worker takes the place: twice as long each time."""

STEADY = 10.0
"""Seconds after which a worker that ends did not fail at its start."""

TO_STOP = 3.0
"""Seconds that one has to end when it is asked to, before it is ended."""

SILENCE = 30.0
"""Seconds that one may not answer: reading long lists takes some."""

STDOUT = 1

OUTPUTS: Mapping[int, int | str] = {0: "w", 1: STDOUT, 2: "r", LOG: "r"}
"""What a worker has beside its sockets: no input, our stdout, and what we read."""

NOT_THEIRS = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
"""Variables of the environment that are for the supervisor alone."""


class Office(TypingProtocol):
    """Who looks after the seats."""

    @property
    def generation(self) -> int:
        """How often all was flushed, paused or reloaded."""

    @property
    def paused(self) -> float:
        """Seconds for which the rules still step aside; 0 if they hold."""

    def descriptors(self) -> Sequence[int]:
        """Return the sockets that a worker inherits."""

    def orders(self, number: int) -> bytes:
        """Return the configuration of the worker with this number."""

    def seated(self, seat: "Seat") -> None:
        """Hear that a worker serves."""

    def left(self, seat: "Seat") -> None:
        """Hear that a worker ended."""

    def learned(self, seat: "Seat", batch: Mapping[str, Any]) -> Deferred[Any]:
        """Hear what a worker learned, the arguments of `Learned`; fires when the others
        have it."""

    def seen(self, viewer: int, lines: bytes) -> Deferred[Any]:
        """Hear what a worker shows to one who looks on; fires when more may come."""


class Seat(ProcessProtocol):
    """Keep one worker there.  `begun` counts the workers that were started."""

    log = Logger()

    def __init__(self, number: int, office: Office, reactor: Any) -> None:
        self.number = number
        self.begun = 0
        self.serves = False
        self._office = office
        self._reactor = reactor
        self._failures = 0
        self._since = 0.0
        self._link: Link | None = None
        self._lines = Lines(number)
        self._waiting: Any = None
        self._deadline: Any = None
        self._stopped: Deferred[None] | None = None

    @property
    def pid(self) -> int:
        """The number of the process; 0 while there is none."""
        return (self.transport and self.transport.pid) or 0

    @property
    def linked(self) -> bool:
        """Whether there is a worker that was told to serve."""
        return self._link is not None

    def start(self) -> None:
        """Start a worker, and have it serve."""
        self._waiting = None
        self.begun += 1
        self._since = self._reactor.seconds()
        try:
            self._spawn()
        except OSError as fault:
            # The system is short of something, maybe for a moment.
            self._again(str(fault))
            return
        office = self._office
        serving = self.tell(
            Serve,
            config=office.orders(self.number),
            generation=office.generation,
            paused=office.paused,
        )
        serving.addCallbacks(self._seated, self._refused)

    def tell(self, command: type[amp.Command], **words: object) -> Deferred[Any]:
        """Have the worker do something; fails if it cannot, or ends meanwhile."""
        if self._link is None:
            raise AssertionError("nobody sits here")
        telling: Deferred[Any] = self._link.callRemote(command, **words)
        return telling

    def look(self) -> None:
        """See that the worker lives; one that is silent for long is ended."""
        if self.linked and self._deadline is None:
            self._deadline = self._reactor.callLater(SILENCE, self._silent)
            self.tell(Ping).addCallbacks(self._heard, lambda _: None)

    def kill(self) -> None:
        """End the worker; unless all is to stop, another takes its place."""
        with suppress(ProcessExitedAlready):
            if self.transport is not None:
                self.transport.signalProcess("KILL")

    def stop(self) -> Deferred[None]:
        """Have the worker end, and nobody take its place; fires when that is done."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if not self.pid:
            return succeed(None)
        stopped = self._stopped = Deferred()
        self._heard()
        self._deadline = self._reactor.callLater(TO_STOP, self.kill)
        if self._link is not None:
            self._link.hang_up()
        return stopped

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Let the log have what a worker says."""
        self._lines.feed(childFD, data)

    def processEnded(self, reason: Failure) -> None:
        """Have another one take the place, after a while."""
        self._heard()
        self.serves = False
        self.transport = None
        if self._link is not None:
            self._link.hang_up()
            self._link = None
        self._office.left(self)
        if self._stopped is not None:
            self._stopped.callback(None)
            return
        self._again(reason.getErrorMessage())

    def learned(self, **batch: Any) -> Deferred[Any]:
        """Let the others have what was learned here; fires when that is so."""
        return self._office.learned(self, batch)

    def seen(self, viewer: int, lines: bytes) -> Deferred[Any]:
        """Let one who looks on have what is shown here; fires when more may come."""
        return self._office.seen(viewer, lines)

    def _spawn(self) -> None:
        """Start the process, and the link to it; raises OSError."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            sockets = enumerate(self._office.descriptors(), FIRST_SOCKET)
            self._reactor.spawnProcess(
                self,
                sys.executable,
                [sys.executable, "-P", "-m", PROGRAM],
                _environment(),
                childFDs={**OUTPUTS, LINK: theirs.fileno(), **dict(sockets)},
            )
            link = self._link = Link(self)
            self._reactor.adoptStreamConnection(
                ours.fileno(), socket.AF_UNIX, Factory.forProtocol(lambda: link)
            )

    def _again(self, reason: str) -> None:
        """Have another one take the place, after a while."""
        if self._reactor.seconds() - self._since >= STEADY:
            self._failures = 0
        pause = min(SHORTEST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        self._failures += 1
        self.log.error(
            "worker {worker} ended, another begins in {pause} s: {reason}",
            worker=self.number,
            pause=pause,
            reason=reason,
        )
        self._waiting = self._reactor.callLater(pause, self.start)

    def _seated(self, _: object) -> None:
        self.serves = True
        self._office.seated(self)

    def _refused(self, failure: Failure) -> None:
        """Log why one does not serve; where it just ended, that is said elsewhere."""
        if failure.check(Refused):
            self.log.error(
                "worker {worker} cannot serve: {fault}",
                worker=self.number,
                fault=failure.getErrorMessage(),
            )
            self.kill()

    def _heard(self, _: object = None) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _silent(self) -> None:
        self._deadline = None
        self.log.error(
            "worker {worker} does not answer for {seconds} s: it is ended",
            worker=self.number,
            seconds=SILENCE,
        )
        self.kill()


class Link(amp.AMP):
    """Talk to a worker."""

    def __init__(self, seat: Seat) -> None:
        super().__init__()
        self._seat = seat

    def hang_up(self) -> None:
        """Say nothing more: the worker ends when it sees that."""
        if self.transport is not None:
            self.transport.loseConnection()

    @Learned.responder
    def learned(self, **batch: Any) -> Deferred[dict[str, object]]:
        """Hear what it learned; it sends no more before it has an answer."""
        return self._seat.learned(**batch).addCallback(lambda _: {})

    @Seen.responder
    def seen(self, viewer: int, lines: bytes) -> Deferred[dict[str, object]]:
        """Hear what it shows."""
        return self._seat.seen(viewer, lines).addCallback(lambda _: {})


def _environment() -> dict[str, str]:
    """Return ours, with the places where we find our modules."""
    ours = {key: it for key, it in os.environ.items() if key not in NOT_THEIRS}
    places = (os.path.abspath(each) for each in sys.path)
    return {**ours, "PYTHONPATH": os.pathsep.join(places)}
