"""Those who look at the queries of all workers."""

from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.journal.journal import INTERVAL
from dotproxy.observe.live import MOST_READERS
from dotproxy.workers.commands import Follow, Leave
from dotproxy.workers.viewers import BEHIND, Viewers

BEGAN = 1_772_366_400.0
"""2026-03-01T12:00:00Z."""


def line(second: int, name: str = "a") -> bytes:
    """Return a line of text."""
    return f"2026-03-01T12:00:{second:02}.000Z 127.0.0.0 udp {name}\n".encode()


class ViewersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[tuple[object, dict[str, Any]]] = []
        self.viewers = Viewers(self.tell, self.clock, self.now)

    def now(self) -> float:
        return BEGAN + self.clock.seconds()

    def tell(self, command: object, **words: Any) -> None:
        self.told.append((command, words))

    def look(self, **words: str) -> tuple[Any, Deferred[None]]:
        """Look on; return the request, and what fires when its caller is gone."""
        request, gone = mock.Mock(), Deferred[None]()
        self.viewers.begin(words)(request, gone)
        return request, gone

    def written(self, request: Any) -> bytes:
        return b"".join(call.args[0] for call in request.write.call_args_list)

    def test_order(self) -> None:
        """Lines of all workers come in the order of their times, a little later."""
        request, _ = self.look(name="x")
        assert self.told == [(Follow, {"viewer": 1, "words": b'{"name": "x"}'})]
        self.clock.advance(2)
        self.viewers.seen(1, line(1, "c") + line(2, "d"))
        self.viewers.seen(1, line(0, "a") + line(1, "b"))
        self.clock.advance(INTERVAL)
        assert self.written(request) == line(0, "a") + line(1, "b") + line(1, "c")
        self.clock.pump([INTERVAL] * 4)
        assert self.written(request).endswith(line(2, "d"))

    def test_json(self) -> None:
        """Lines of JSON have their time at another place; what is left out has none."""
        request, _ = self.look(json="1")
        self.clock.advance(5)
        first, second = (
            b'{"time":"2026-03-01T12:00:0%d.000Z","name":"x"}\n' % each
            for each in (1, 2)
        )
        self.viewers.seen(1, second + first + b'{"left_out":3}\n')
        self.clock.advance(INTERVAL)
        assert self.written(request) == first + second
        self.clock.pump([INTERVAL] * 4)
        assert self.written(request) == first + second + b'{"left_out":3}\n'

    def test_unread(self) -> None:
        """While nothing is read workers have no answer, and then all of them."""
        request, _ = self.look()
        viewer = request.registerProducer.call_args.args[0]
        self.successResultOf(self.viewers.seen(1, line(0)))
        viewer.pauseProducing()
        waiting = [self.viewers.seen(1, line(0)) for _ in range(2)]
        self.assertNoResult(waiting[0])
        viewer.resumeProducing()
        for each in waiting:
            self.successResultOf(each)

    def test_gone(self) -> None:
        """When a caller is gone workers hear of it, and nothing is left behind."""
        request, gone = self.look()
        request.registerProducer.call_args.args[0].pauseProducing()
        waiting = self.viewers.seen(1, line(0))
        gone.errback(ConnectionError())
        self.successResultOf(waiting)
        assert self.told[-1] == (Leave, {"viewer": 1})
        assert not self.clock.getDelayedCalls()
        self.successResultOf(self.viewers.seen(1, line(1)))
        assert self.written(request) == b""

    def test_seated(self) -> None:
        """A worker that begins later shows what it has, too."""
        self.look(rcode="NXDOMAIN")
        later: list[object] = []
        self.viewers.seated(lambda command, **words: later.append((command, words)))
        assert later == self.told

    def test_stop(self) -> None:
        """At the end all is shown, and that is the end."""
        request, gone = self.look()
        self.viewers.seen(1, line(1, "b") + line(0, "a"))
        self.viewers.stop()
        assert self.written(request) == line(0, "a") + line(1, "b")
        request.finish.assert_called_once_with()
        gone.callback(None)
        assert not self.clock.getDelayedCalls()

    def test_faults(self) -> None:
        """What cannot be understood, and what is too much, is said in a line."""
        fault = self.assertRaises(ValueError, self.viewers.begin, {"source": "x"})
        assert "is none of" in str(fault)
        for _ in range(MOST_READERS):
            self.look()
        fault = self.assertRaises(ValueError, self.viewers.begin, {})
        assert str(fault) == "10 look on already"

    def test_late(self) -> None:
        """What comes for the same moment within that time is in order."""
        request, _ = self.look()
        self.clock.advance(1)
        self.viewers.seen(1, line(1, "b"))
        self.clock.advance(BEHIND - INTERVAL / 2)
        self.viewers.seen(1, line(1, "a"))
        self.clock.advance(INTERVAL)
        assert self.written(request) == line(1, "a") + line(1, "b")
