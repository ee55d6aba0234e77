"""Who looks after the workers: what it tells them, and in which order."""

import json
import socket
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.model import Config, ConfigError, Listen
from dotproxy.config.rule import Rule
from dotproxy.observe.actions import Reloaded, as_json
from dotproxy.workers.commands import Ask, Follow, Learned, Refused, Reload, Reopen
from dotproxy.workers.rolling import Source
from dotproxy.workers.supervisor import BEHIND, LOOK, PATIENCE, Supervisor
from tests.test_statuses import ONE

CONFIG = Config((Listen("127.0.0.1", 0),), (), lab=True, workers=3)

RULED = replace(CONFIG, rule=(Rule("block", names=("a.example",)),))

TOOK = {"outcome": as_json(Reloaded(("rule",), (), True)).body}

Told = tuple[int, Any, dict[str, Any]]


class Seat:
    """A worker that answers when the test says so."""

    serves = linked = True
    begun = 1

    def __init__(self, number: int, told: list[Told]) -> None:
        self.number = number
        self.pid = 100 + number
        self.killed = self.looked = 0
        self.answers: dict[Any, Deferred[Any]] = {}
        self._told = told

    def tell(self, command: Any, **words: Any) -> Deferred[Any]:
        self._told.append((self.number, command, words))
        return self.answers.pop(command, None) or Deferred()

    def start(self) -> None:
        """Be there already."""

    def stop(self) -> Deferred[None]:
        return succeed(None)

    def look(self) -> None:
        self.looked += 1

    def kill(self) -> None:
        self.killed += 1


class SupervisorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.wanted = CONFIG
        self.told: list[Told] = []
        source = Source(lambda: self.wanted, self.check)
        bound = socket.socket()
        self.addCleanup(bound.close)
        bound.bind(("127.0.0.1", 0))
        opened = {CONFIG.listen[0]: bound}
        self.supervisor = Supervisor(CONFIG, opened, source, self.clock)
        self.seats = [Seat(number, self.told) for number in (1, 2, 3)]
        self.supervisor.seats = self.seats  # type: ignore[assignment]

    def check(self, config: Config) -> None:
        if config.profile == "opportunistic":
            raise ConfigError("upstream", "is odd")

    def numbers(self, command: object) -> Sequence[int]:
        """Return whom it told to do something, in that order."""
        return [number for number, what, _ in self.told if what is command]

    def answer(self, command: Any, *outcomes: Any) -> None:
        """Let the workers answer so, as soon as they are told."""
        for seat, outcome in zip(self.seats, outcomes, strict=True):
            failed = isinstance(outcome, Exception)
            seat.answers[command] = fail(outcome) if failed else succeed(outcome)

    def reload(self) -> Deferred[Reloaded]:
        with capturedLogs():
            return Deferred.fromCoroutine(self.supervisor.reload_aloud())

    def asked(self, call: str) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.supervisor.ask(call, {}))

    def test_reload_order(self) -> None:
        """One worker after the other reloads: the next is told when one has done so,
        and each has the orders of the new generation."""
        self.wanted = RULED
        first: Deferred[Any] = Deferred()
        self.answer(Reload, TOOK, TOOK, TOOK)
        self.seats[0].answers[Reload] = first
        reloading = self.reload()
        assert self.numbers(Reload) == [1]
        with capturedLogs():
            first.callback(TOOK)
        outcome = self.successResultOf(reloading)
        assert self.numbers(Reload) == [1, 2, 3]
        assert outcome == Reloaded(("rule",), (), True)
        for _, _, words in self.told:
            assert words["generation"] == 1
            assert json.loads(words["config"])["rule"]

    def test_reload_refused(self) -> None:
        """What the first refuses nobody else is told, and who begins later has the
        orders of before."""
        self.wanted = RULED
        self.answer(Reload, Refused("no"), TOOK, TOOK)
        self.failureResultOf(self.reload(), ConfigError)
        assert self.numbers(Reload) == [1]
        assert json.loads(self.supervisor.orders(1))["rule"] == []
        assert [seat.killed for seat in self.seats] == [0, 0, 0]

    def test_reload_refused_later(self) -> None:
        """Who refuses what another took makes room for one who does not."""
        self.wanted = RULED
        self.answer(Reload, TOOK, Refused("no"), TOOK)
        self.successResultOf(self.reload())
        assert [seat.killed for seat in self.seats] == [0, 1, 0]
        assert self.numbers(Reload) == [1, 2, 3]

    def test_reload_silent(self) -> None:
        """One that never answers is waited for until it is ended, as its silence will
        have it; the others go on then."""
        self.answer(Reload, TOOK, TOOK, TOOK)
        silent = self.seats[1].answers[Reload] = Deferred()
        self.seats[2].linked = False
        reloading = self.reload()
        self.assertNoResult(reloading)
        assert self.numbers(Reload) == [1, 2]
        with capturedLogs():
            silent.errback(ConnectionDone())
        self.successResultOf(reloading)

    def test_reload_nobody(self) -> None:
        """Between two workers there is nobody to tell, and it holds for the next."""
        self.wanted = replace(RULED, workers=2)
        for seat in self.seats:
            seat.linked = False
        outcome = self.successResultOf(self.reload())
        assert outcome == Reloaded(("rule",), ("workers",), False)
        assert json.loads(self.supervisor.orders(1))["rule"]

    def test_reload_fault(self) -> None:
        """A fault is found before a worker is told, and the next reload can come."""
        self.wanted = replace(CONFIG, profile="opportunistic")
        self.failureResultOf(self.reload(), ConfigError)
        assert (self.told, self.supervisor.generation) == ([], 0)
        self.wanted = CONFIG
        self.answer(Reload, TOOK, TOOK, TOOK)
        self.successResultOf(self.reload())

    def test_learned(self) -> None:
        """What one learned in this generation the others hear, and no longer once all
        forget; who is slow is waited for but a while."""
        batch = {"answers": b"", "dropped": 2, "generation": 0}
        seat: Any = self.seats[1]
        telling = self.supervisor.learned(seat, batch)
        assert self.numbers(Learned) == [1, 3]
        self.assertNoResult(telling)
        self.clock.advance(BEHIND)
        self.successResultOf(telling)
        flushing = Deferred.fromCoroutine(self.supervisor.flush({}))
        self.assertNoResult(flushing)
        self.successResultOf(self.supervisor.learned(seat, batch))
        assert self.numbers(Learned) == [1, 3]
        assert {words["generation"] for _, what, words in self.told if what is Ask} == {
            1
        }
        self.clock.advance(PATIENCE)
        assert self.successResultOf(flushing) == {}

    def test_slow(self) -> None:
        """Who does not answer a call in time has said nothing; the others have."""
        said = {"body": b"x", "type": "t", "status": 200}
        self.answer(Ask, said, ConnectionDone(), said)
        del self.seats[0].answers[Ask]
        asking = self.asked("status")
        self.assertNoResult(asking)
        self.clock.advance(PATIENCE)
        replies = self.successResultOf(asking)
        assert [(key, it.status) for key, it in replies.items()] == [(3, HTTPStatus.OK)]

    def test_pause(self) -> None:
        """A pause is told to all, as well to one that only begins; how long is left is
        told to those who come, until it ends."""
        self.seats[2].serves = False
        pausing = Deferred.fromCoroutine(self.supervisor.pause(60))
        assert self.numbers(Ask) == [3, 1, 2]
        assert [words["words"] for _, _, words in self.told] == [
            b'{"seconds": "60"}'
        ] * 3
        self.clock.advance(PATIENCE)
        self.successResultOf(pausing)
        assert self.supervisor.paused == 60 - PATIENCE
        self.clock.advance(60)
        assert self.supervisor.paused == 0

    def test_seated(self) -> None:
        """It is ready once all serve, and says so once."""
        ready: list[bool] = []
        self.supervisor.on_ready = lambda: ready.append(True)
        self.seats[0].serves = False
        seat: Any = self.seats[0]
        with capturedLogs():
            self.supervisor.seated(seat)
            assert ready == []
            self.seats[0].serves = True
            self.supervisor.seated(seat)
            self.supervisor.seated(seat)
        assert ready == [True]

    def test_all(self) -> None:
        """Files are opened again, and queries shown, by all who serve."""
        self.seats[1].serves = False
        self.supervisor.reopen()
        assert self.numbers(Reopen) == [1, 3]
        self.supervisor._tell_all(Follow, viewer=1, words=b"{}")
        assert self.numbers(Follow) == [1, 3]
        self.successResultOf(self.supervisor.seen(1, b"line\n"))

    def test_looks(self) -> None:
        """Every worker is looked after now and then, until the end."""
        self.supervisor.startService()
        self.clock.pump([LOOK] * 2)
        assert [seat.looked for seat in self.seats] == [2, 2, 2]
        self.successResultOf(self.supervisor.stopService())
        assert not self.clock.getDelayedCalls()

    def test_status(self) -> None:
        """Those who say nothing have a row, too; reloads are counted here."""
        status = self.supervisor.status({2: as_json(ONE)})
        assert [(it.number, it.pid, it.queries) for it in status.workers] == [
            *((1, 101, 0), (2, 102, 10), (3, 103, 0))
        ]
        assert (status.reloads, status.profile) == (0, "strict")
