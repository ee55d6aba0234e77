"""What a worker shows, on its way to the supervisor."""

from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.workers.passage import MOST_UNDER_WAY, Passage


class PassageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.sent: list[tuple[bytes, Deferred[Any]]] = []
        self.passage = Passage(self.send)
        self.producer: Any = mock.Mock()
        self.passage.registerProducer(self.producer, True)

    def send(self, lines: bytes) -> Deferred[Any]:
        self.sent.append((lines, Deferred()))
        return self.sent[-1][1]

    def test_waits(self) -> None:
        """Who writes is told to pause when too much is under way, and to go on when
        there is room."""
        self.passage.write(b"")
        for _ in range(MOST_UNDER_WAY - 1):
            self.passage.write(b"line\n")
        self.producer.pauseProducing.assert_not_called()
        self.passage.write(b"last\n")
        self.producer.pauseProducing.assert_called_once_with()
        assert [lines for lines, _ in self.sent][-2:] == [b"line\n", b"last\n"]
        self.producer.resumeProducing.assert_not_called()
        for _, sending in self.sent:
            sending.callback({})
        self.producer.resumeProducing.assert_called_once_with()

    def test_end(self) -> None:
        """At the end nobody is told, and a supervisor that is gone is no fault."""
        for _ in range(MOST_UNDER_WAY - 1):
            self.passage.write(b"line\n")
        self.passage.unregisterProducer()
        self.passage.finish()
        self.passage.write(b"last\n")
        self.sent[0][1].callback({})
        self.sent[1][1].errback(Failure(ConnectionDone()))
        assert self.producer.mock_calls == []
