"""Those who look at the queries of all workers, as they come."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from time import time
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import LoopingCall
from twisted.web.server import Request
from zope.interface import implementer

from dotproxy.journal.journal import INTERVAL
from dotproxy.journal.wanted import read_wanted
from dotproxy.observe.live import MOST_READERS
from dotproxy.workers.commands import Follow, Leave, words_of

BEHIND = 3 * INTERVAL
"""Seconds after which lines are shown: by then those of the same moment are here from
every worker."""

TIME = len("2026-03-01T12:00:01.582Z")
"""Octets of the time, with which a line of text begins; in JSON others stand before."""

BEFORE_TIME = len('{"time":"')

Tell = Callable[..., object]
"""Have all workers who serve do something."""


class Viewers:
    """Let callers look on, each of them at all workers.

    `tell` is given a command of AMP and its words, and asks all who serve.
    """

    def __init__(self, tell: Tell, clock: Any, now: Callable[[], float] = time) -> None:
        self._tell = tell
        self._clock = clock
        self._now = now
        self._numbers = count(1)
        self._viewers: dict[int, Viewer] = {}

    def begin(
        self, words: Mapping[str, str]
    ) -> Callable[[Request, Deferred[None]], None]:
        """Return what shows what is wanted to a caller; raises ValueError."""
        read_wanted(words)
        if len(self._viewers) >= MOST_READERS:
            raise ValueError(f"{MOST_READERS} look on already")

        def follow(request: Request, gone: Deferred[None]) -> None:
            number = next(self._numbers)
            viewer = Viewer(request, words, self._now)
            self._viewers[number] = viewer
            viewer.start(self._clock)
            gone.addErrback(lambda _: self._leave(number))
            self._tell(Follow, viewer=number, words=words_of(words))

        return follow

    def seated(self, tell: Tell) -> None:
        """Have a worker that begins show queries, too."""
        for number, viewer in self._viewers.items():
            tell(Follow, viewer=number, words=words_of(viewer.words))

    def seen(self, number: int, lines: bytes) -> Deferred[None]:
        """Take lines of a worker; fires when it may show more."""
        viewer = self._viewers.get(number)
        return succeed(None) if viewer is None else viewer.take(lines)

    def stop(self) -> None:
        """Say to all that it is the end."""
        viewers, self._viewers = self._viewers, {}
        for viewer in viewers.values():
            viewer.finish()

    def _leave(self, number: int) -> None:
        viewer = self._viewers.pop(number, None)
        if viewer is not None:
            viewer.stop()
            self._tell(Leave, viewer=number)


@implementer(IPushProducer)
class Viewer:
    """One who looks on: lines are put into the order of their times.

    While they are not read, workers are not answered: they leave out what comes then,
    and a line of theirs says how much that was.
    """

    def __init__(
        self, request: Request, words: Mapping[str, str], now: Callable[[], float]
    ) -> None:
        self.words = words
        self._request = request
        self._now = now
        self._lines: list[tuple[bytes, bytes]] = []
        self._told: list[Deferred[None]] = []
        self._unread = False
        self._showing = LoopingCall(self._show)

    def start(self, clock: Any) -> None:
        """Begin; whoever asked learns that by the header."""
        self._request.registerProducer(self, True)
        self._request.write(b"")
        self._showing.clock = clock
        self._showing.start(INTERVAL, now=False)

    def take(self, lines: bytes) -> Deferred[None]:
        """Take lines of a worker; fires when more of them would be read."""
        at = spelled(self._now())
        for line in lines.splitlines(keepends=True):
            self._lines.append((time_of(line) or at, line))
        if not self._unread:
            return succeed(None)
        self._told.append(Deferred())
        return self._told[-1]

    def stop(self) -> None:
        """Show nothing any more."""
        self._showing.stop()
        self.resumeProducing()

    def finish(self) -> None:
        """Show what there is, and end."""
        self._write(self._lines)
        self.stop()
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        """Have the workers wait: what came before was not read."""
        self._unread = True

    def resumeProducing(self) -> None:
        """Have them go on."""
        self._unread = False
        told, self._told = self._told, []
        for each in told:
            each.callback(None)

    def stopProducing(self) -> None:
        """Leave it to whoever hears that the caller is gone."""

    def _show(self) -> None:
        until = spelled(self._now() - BEHIND)
        due = [each for each in self._lines if each[0] <= until]
        self._lines = [each for each in self._lines if each[0] > until]
        self._write(due)

    def _write(self, lines: list[tuple[bytes, bytes]]) -> None:
        if lines:
            self._request.write(b"".join(line for _, line in sorted(lines)))


def time_of(line: bytes) -> bytes:
    """Return the time of a line, which is UTC; b"" if it has none."""
    if line.startswith(b'{"time"'):
        return line[BEFORE_TIME : BEFORE_TIME + TIME]
    return line[:TIME] if line[:1].isdigit() else b""


def spelled(seconds: float) -> bytes:
    """Spell a time, in seconds since 1970, as lines do."""
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z").encode()
