"""A place for a worker, and who takes it."""

import socket
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessTerminated
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.workers.seat import LONGEST_PAUSE, SILENCE, STEADY, TO_STOP, Seat


class Process:
    """A process that only notes which signals it gets."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.signals: list[str] = []

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)


class Reactor(Clock):
    """Starts processes that are none, unless the system is short of them."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[Process] = []
        self.short = False

    def spawnProcess(self, seat: Seat, *words: object, **more: object) -> None:
        if self.short:
            raise OSError("no room for another process")
        process = Process(100 + len(self.processes))
        self.processes.append(process)
        seat.makeConnection(process)  # type: ignore[arg-type]

    def adoptStreamConnection(self, *words: object) -> None:
        """Leave the link without a transport."""


class Office:
    """Who looks after it."""

    generation = 0
    paused = 0.0

    def __init__(self) -> None:
        self.told: list[str] = []

    def descriptors(self) -> Sequence[int]:
        return ()

    def orders(self, number: int) -> bytes:
        return b"{}"

    def seated(self, seat: Seat) -> None:
        self.told.append("seated")

    def left(self, seat: Seat) -> None:
        self.told.append("left")

    def learned(self, seat: Seat, batch: Mapping[str, Any]) -> Deferred[Any]:
        return succeed(None)

    def seen(self, viewer: int, lines: bytes) -> Deferred[Any]:
        return succeed(None)


class SeatTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.office = Office()
        self.seat = Seat(1, self.office, self.reactor)
        self.asked: list[Deferred[Any]] = []
        self.words: list[dict[str, object]] = []
        self.patch(self.seat, "tell", self.tell)
        self.seat.start()

    def tell(self, command: object, **words: object) -> Deferred[Any]:
        self.asked.append(Deferred())
        self.words.append(words)
        return self.asked[-1]

    @property
    def processes(self) -> list[Process]:
        return self.reactor.processes

    def end(self) -> None:
        with capturedLogs():
            self.seat.processEnded(Failure(ProcessTerminated(1)))

    def test_seated(self) -> None:
        """It serves once the worker says so."""
        assert (self.seat.serves, self.seat.linked) == (False, True)
        self.asked[0].callback({})
        assert (self.seat.serves, self.seat.pid) == (True, 100)
        assert self.office.told == ["seated"]

    def test_orders(self) -> None:
        """Who begins is told what holds at that moment, and how long rules pause."""
        self.office.paused, self.office.generation = 2.5, 7
        self.end()
        self.reactor.advance(0.1)
        assert self.words == [
            {"config": b"{}", "generation": 0, "paused": 0.0},
            {"config": b"{}", "generation": 7, "paused": 2.5},
        ]

    def test_never_begins(self) -> None:
        """One that is silent from its beginning is ended as well."""
        self.seat.look()
        with capturedLogs():
            self.reactor.advance(SILENCE)
        assert self.processes[0].signals == ["KILL"]

    def test_backs_off(self) -> None:
        """One that dies at once each time is begun twice as late, up to a bound."""
        pauses = []
        for _ in range(12):
            self.end()
            assert (self.seat.pid, self.seat.serves) == (0, False)
            (call,) = self.reactor.getDelayedCalls()
            pauses.append(call.getTime() - self.reactor.seconds())
            self.reactor.advance(pauses[-1])
        assert [round(pause, 3) for pause in pauses[:4]] == [0.1, 0.2, 0.4, 0.8]
        assert round(pauses[-1], 3) == LONGEST_PAUSE
        assert (len(self.processes), self.seat.begun) == (13, 13)

    def test_steady(self) -> None:
        """One that lived for a while is replaced at once, whatever was before."""
        self.end()
        self.reactor.advance(0.1)
        self.reactor.advance(STEADY)
        self.end()
        self.reactor.advance(0.1)
        assert len(self.processes) == 3

    def test_no_process(self) -> None:
        """Where the system has no process to give, it is asked again."""
        self.reactor.short = True
        self.end()
        with capturedLogs():
            self.reactor.advance(0.1)
        self.reactor.short = False
        self.reactor.advance(0.2)
        assert (len(self.processes), self.seat.begun) == (2, 3)

    def test_silent(self) -> None:
        """One that does not answer for long is ended; one that does is not."""
        self.asked[0].callback({})
        self.seat.look()
        self.asked[1].callback({})
        self.reactor.advance(SILENCE)
        assert self.processes[0].signals == []
        self.seat.look()
        self.seat.look()
        assert len(self.asked) == 3
        with capturedLogs():
            self.reactor.advance(SILENCE)
        assert self.processes[0].signals == ["KILL"]

    def test_stop(self) -> None:
        """At the end one is waited for, ended if need be, and has no follower."""
        stopped = self.seat.stop()
        self.assertNoResult(stopped)
        self.reactor.advance(TO_STOP)
        assert self.processes[0].signals == ["KILL"]
        self.end()
        self.assertIsNone(self.successResultOf(stopped))
        self.reactor.advance(LONGEST_PAUSE)
        assert len(self.processes) == 1
        assert not self.reactor.getDelayedCalls()

    def test_stop_between(self) -> None:
        """Between two workers there is nobody to wait for."""
        self.end()
        self.assertIsNone(self.successResultOf(self.seat.stop()))
        assert not self.reactor.getDelayedCalls()

    def test_sockets(self) -> None:
        """No descriptor is left behind, however often one is begun."""
        with socket.socket() as before:
            first = before.fileno()
        for _ in range(3):
            self.end()
            self.reactor.advance(LONGEST_PAUSE)
        with socket.socket() as after:
            assert after.fileno() == first
