"""One client of the lab: its queries in, what the script says out.

1. Each query is put to a callable, and its answer made a script by the faults.
2. A script is played after its delay; so answers come in any order.
3. One that has begun is played to its end before the next begins.
4. After each answer, and whenever the faults change, the connection may end.
5. A client that says nothing and is owed nothing is sent away after a while.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from dotproxy.lab import hang_up, zone
from dotproxy.lab.faults import Fault, first
from dotproxy.lab.script import Act, End, Script, ending, write_script
from dotproxy.wire.framing import Frames

CLOSE_GRACE = 1.0
"""Seconds that a client has to answer our close_notify before we hang up."""

Answer = Callable[[bytes], zone.Reply | None]


@dataclass
class Counts:
    """What a server has seen since it was made."""

    connections: int = 0
    """Accepted, whatever became of them."""
    handshakes: int = 0
    queries: int = 0
    """Received, answered or not."""
    answers: int = 0
    """Written to their end, good or bad."""


@implementer(IHandshakeListener)
class LabConnection(Protocol):
    """Answer one client; `lost` fires with None when it is gone.

    The idle time starts when the connection is made, so it bounds the handshake too.
    It does not run while an answer is owed, or while the connection stalls.
    """

    transport: ITCPTransport

    def __init__(
        self, clock: IReactorTime, answer: Answer, idle_timeout: float, counts: Counts
    ) -> None:
        self.lost: Deferred[None] = Deferred()
        self.faults: tuple[Fault, ...] = ()
        self._clock = clock
        self._answer = answer
        self._idle_timeout = idle_timeout
        self._counts = counts
        self._unread = b""
        self._frames = Frames()
        self._promised = self._answered = 0
        self._gathered: list[Script] = []
        self._acts: deque[Act] = deque()
        self._held: set[IDelayedCall] = set()
        self._idle: IDelayedCall | None = None
        self._ready = self._closing = False

    def set_faults(self, faults: tuple[Fault, ...]) -> None:
        """Have these faults and no others, from now on."""
        self.faults = faults
        if self.connected and not self._closing:
            self._end_if_due()
            self._read()

    def connectionMade(self) -> None:
        self._restart_idle_time()
        shakes_hands = hang_up.tls_of(self.transport) is not None
        if not (shakes_hands or first(self.faults, "stall-handshake")):
            self._begin()

    def handshakeCompleted(self) -> None:
        self._counts.handshakes += 1
        self._begin()

    def dataReceived(self, data: bytes) -> None:
        self._unread += data
        self._read()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._forget()
        self.lost.callback(None)

    def drop(self) -> Deferred[None]:
        """Hang up without a word; fires when the connection is gone."""
        self.transport.abortConnection()
        return self.lost

    # Queries in.

    def _begin(self) -> None:
        self._ready = True
        self._end_if_due()
        self._read()

    @property
    def _stalls(self) -> bool:
        return any(first(self.faults, kind) for kind in ("stall", "stall-handshake"))

    def _read(self) -> None:
        """Take what has come, unless we are to leave it unread."""
        if self._ready and not self._stalls:
            data, self._unread = self._unread, b""
            for query in self._frames.feed(data):
                self._counts.queries += 1
                # What comes after our close_notify crossed it on the way: RFC 7766
                # section 6.2.4 tells the client to ask again elsewhere.
                if not self._closing:
                    self._take(query)
        self._restart_idle_time()

    def _take(self, query: bytes) -> None:
        reply = self._answer(query)
        if reply is None:
            return
        script = write_script(self.faults, query, reply, self._promised)
        if script is None:
            return
        self._promised += 1
        if script.delay > 0:
            self._later(script.delay, self._gather, script)
        else:
            self._gather(script)

    # Answers out.

    def _gather(self, script: Script) -> None:
        """Let a script wait for others, if it must, else play it."""
        if not script.gather:
            self._play(script)
            return
        self._gathered.append(script)
        if len(self._gathered) == 1:
            self._later(script.gather, self._release)

    def _release(self) -> None:
        gathered, self._gathered = self._gathered, []
        for script in reversed(gathered):
            self._play(script)

    def _play(self, script: Script) -> None:
        playing = bool(self._acts)
        self._acts += (*script.acts, ANSWERED)
        if not playing:
            self._go_on()

    def _go_on(self, *, rested: bool = False) -> None:
        """Perform acts, up to one that has to wait."""
        while self._acts and not self._closing:
            act = self._acts[0]
            if act.pause and not rested:
                self._later(act.pause, self._go_on_rested)
                return
            rested = False
            self._perform(act)
            if self._acts:
                self._acts.popleft()

    def _go_on_rested(self) -> None:
        self._go_on(rested=True)

    def _perform(self, act: Act) -> None:
        if act.octets:
            self.transport.write(act.octets)
        if act.end:
            self._end(act.end)
        elif act is ANSWERED:
            self._answered += 1
            self._counts.answers += 1
            self._end_if_due()

    # The end.

    def _end_if_due(self) -> None:
        end = ending(self.faults, self._answered)
        if end and self._ready:
            self._end(end)

    def _end(self, end: End) -> None:
        """Say goodbye, but do not wait for ever for the client to say it too."""
        say, grace = {
            End.CLOSE_NOTIFY: (hang_up.close, CLOSE_GRACE),
            End.FIN: (hang_up.fin, CLOSE_GRACE),
            End.HALF_CLOSE: (hang_up.half_close, self._idle_timeout),
            End.RESET: (hang_up.reset, CLOSE_GRACE),
        }[end]
        self._forget()
        self._closing = True
        self._idle = self._clock.callLater(grace, self.drop)
        say(self.transport)

    def _forget(self) -> None:
        """Let nothing happen any more."""
        self._acts.clear()
        self._gathered.clear()
        self._stop_idle_time()
        for held in self._held:
            held.cancel()
        self._held.clear()

    # Time.

    def _later(self, seconds: float, call: Callable[..., None], *words: Any) -> None:
        def due() -> None:
            self._held.discard(held)
            call(*words)
            self._restart_idle_time()

        held = self._clock.callLater(seconds, due)
        self._held.add(held)

    def _restart_idle_time(self) -> None:
        if self._closing:
            return
        self._stop_idle_time()
        if not self._held and not self._stalls:
            idle = first(self.faults, "idle-close")
            timeout = idle.value if idle else self._idle_timeout
            self._idle = self._clock.callLater(timeout, self._end, End.CLOSE_NOTIFY)

    def _stop_idle_time(self) -> None:
        if self._idle is not None and self._idle.active():
            self._idle.cancel()


ANSWERED = Act()
"""What stands behind the acts of each answer."""
