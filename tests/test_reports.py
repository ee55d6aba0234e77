"""What a service manager hears of us."""

import socket
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any
from unittest import SkipTest

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.reports import Notices, Reports, parse_address, watchdog_period


class Manager:
    """A service manager: it listens at `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def heard(self) -> list[list[str]]:
        """Return the notices that have come since, as their lines."""
        notices = []
        while True:
            try:
                notices.append(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return notices


class FakeReactor(Clock):
    """A clock that is started and stopped like a reactor."""

    def __init__(self) -> None:
        super().__init__()
        self.beginning: list[Callable[[], object]] = []
        self.ending: dict[object, Callable[[], object]] = {}

    def callWhenRunning(self, call: Callable[[], object]) -> None:
        self.beginning.append(call)

    def addSystemEventTrigger(
        self, phase: str, event: str, call: Callable[[], object]
    ) -> object:
        assert (phase, event) == ("before", "shutdown")
        trigger = object()
        self.ending[trigger] = call
        return trigger

    def removeSystemEventTrigger(self, trigger: object) -> None:
        del self.ending[trigger]

    def run(self) -> None:
        for call in self.beginning:
            call()

    def shut_down(self) -> None:
        while self.ending:
            self.ending.popitem()[1]()


class ReportsTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.manager = Manager(f"{folder.name}/notify")
        self.addCleanup(self.manager.socket.close)
        self.reactor = FakeReactor()
        self.status = "serves somebody"

    def start(self, period: float = 0) -> Reports:
        notices = Notices(self.manager.address)
        reports = Reports(notices, lambda: self.status, self.reactor, period)
        reports.startService()
        return reports

    def test_ready(self) -> None:
        """It is ready when the reactor runs, and not before."""
        self.start()
        assert self.manager.heard() == []
        self.reactor.run()
        assert self.manager.heard() == [["READY=1", "STATUS=serves somebody"]]

    def test_stopped_before(self) -> None:
        """What was stopped before the reactor ran is never ready."""
        self.start(period=30).stopService()
        self.reactor.run()
        self.reactor.shut_down()
        assert self.manager.heard() == []
        assert self.reactor.getDelayedCalls() == []

    def test_stopping(self) -> None:
        """The end is reported when it begins; signs of life go on meanwhile."""
        reports = self.start(period=2)
        self.reactor.run()
        self.manager.heard()
        self.reactor.shut_down()
        assert self.manager.heard() == [["STOPPING=1", "STATUS=stopping"]]
        self.reactor.advance(1)
        assert self.manager.heard() == [["WATCHDOG=1"]]
        reports.stopService()
        assert self.reactor.getDelayedCalls() == []

    def test_alive(self) -> None:
        """There are two signs of life in each period."""
        self.start(period=30)
        self.reactor.run()
        self.manager.heard()
        self.reactor.pump([14.9, 0.1, 14.9, 0.1])
        assert self.manager.heard() == [["WATCHDOG=1"]] * 2

    def test_no_watchdog(self) -> None:
        """Where nobody asks for signs of life there are none, and no timer."""
        self.start()
        self.reactor.run()
        self.manager.heard()
        assert self.reactor.getDelayedCalls() == []

    def test_reload(self) -> None:
        """A reload is reported before, with the time, and after."""
        reports = self.start()
        during: list[Any] = []

        def reload() -> None:
            during.extend(self.manager.heard())
            self.status = "serves somebody else"

        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        reports.reload(reload)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        ((reloading, begun, status),) = during
        assert (reloading, status) == ("RELOADING=1", "STATUS=reloading")
        name, _, value = begun.partition("=")
        assert name == "MONOTONIC_USEC"
        assert before <= int(value) <= after
        assert self.manager.heard() == [["READY=1", "STATUS=serves somebody else"]]

    def test_reload_that_takes_its_time(self) -> None:
        """The end of a reload is reported when it has come."""
        reports = self.start()
        reloading: Deferred[None] = Deferred()
        reports.reload(lambda: reloading)
        assert [lines[0] for lines in self.manager.heard()] == ["RELOADING=1"]
        reloading.callback(None)
        assert [lines[0] for lines in self.manager.heard()] == ["READY=1"]

    def test_reload_at_the_end(self) -> None:
        """A reload that comes after the end has begun is not reported."""
        reports = self.start()
        self.reactor.shut_down()
        self.manager.heard()
        called: list[bool] = []
        reports.reload(lambda: called.append(True))
        assert called
        assert self.manager.heard() == []


class NoticesTests(SynchronousTestCase):
    def test_abstract(self) -> None:
        """An abstract name begins with an @ in the environment."""
        name = f"dotproxy-test-{id(self)}"
        try:
            manager = Manager(f"\0{name}")
        except OSError:
            raise SkipTest("this system has no abstract names") from None
        self.addCleanup(manager.socket.close)
        Notices(parse_address({"NOTIFY_SOCKET": f"@{name}"})).send("READY=1")
        assert manager.heard() == [["READY=1"]]

    def test_nobody(self) -> None:
        """A manager that is gone is one line in the log, and no more."""
        with capturedLogs() as events:
            Notices("/nowhere/at/all").send("READY=1", "STATUS=well")
        assert [formatEvent(event) for event in events] == [
            "NOTIFY_SOCKET: No such file or directory, so the service manager does"
            " not hear READY=1, STATUS=well"
        ]


class EnvironmentTests(SynchronousTestCase):
    def test_address(self) -> None:
        """A path is itself; what is missing or of another kind is nobody."""
        assert parse_address({"NOTIFY_SOCKET": "/run/notify"}) == "/run/notify"
        assert parse_address({}) == ""
        assert parse_address({"NOTIFY_SOCKET": "vsock:2:1234"}) == ""

    def test_period(self) -> None:
        """The period is in microseconds, and may be meant for another process."""
        microseconds = {"WATCHDOG_USEC": "30000000"}
        assert watchdog_period(microseconds, 7) == 30.0
        assert watchdog_period({**microseconds, "WATCHDOG_PID": "7"}, 7) == 30.0
        assert watchdog_period({**microseconds, "WATCHDOG_PID": "8"}, 7) == 0
        assert watchdog_period({}, 7) == 0
