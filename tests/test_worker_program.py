"""One of several processes that serve: what it makes of what it is told."""

import json
from typing import Any
from unittest import mock

import msgspec
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy import worker as module
from dotproxy.config.caching import Caching
from dotproxy.config.model import Config, ConfigError, Listen
from dotproxy.local.snapshot import dump
from dotproxy.observe.actions import CALLS, TEXT, Call, Fault
from dotproxy.worker import Worker
from dotproxy.workers.commands import Learned, Refused, Seen
from dotproxy.workers.spread import PAUSE

CONFIG = Config((Listen("127.0.0.1", 53),), (), lab=True)


class Reactor(Clock):
    """A clock that can be stopped."""

    stopped = 0

    def addSystemEventTrigger(self, *words: object) -> None:
        """Come to no end here."""

    def stop(self) -> None:
        self.stopped += 1


def written(config: Config) -> bytes:
    return msgspec.json.encode(config)


class WorkerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.proxy: Any = mock.Mock()
        self.patch(module, "assemble", mock.Mock(return_value=self.proxy))
        self.reactor = Reactor()
        self.worker = Worker(self.reactor, lambda config: {})
        self.said: Any = mock.Mock()
        self.patch(self.worker, "callRemote", self.said)

    def serve(self, config: Config = CONFIG, paused: float = 0.0) -> None:
        assert self.worker.serve(written(config), 1, paused) == {}

    @property
    def cache(self) -> Any:
        return self.proxy.core.forwarder.cache

    def learn(self) -> None:
        """Learn something, and wait until it is told."""
        self.cache.on_learned(b"key", b"entry")
        self.reactor.advance(PAUSE)

    def test_serves(self) -> None:
        """It pauses the rules for as long as it is told, and serves then."""
        self.serve(paused=2.5)
        steps = [call[0] for call in self.proxy.method_calls[:3]]
        assert steps == ["pause.hold", "privilegedStartService", "startService"]
        self.proxy.pause.hold.assert_called_once_with(2.5)

    def test_refuses(self) -> None:
        """What it cannot serve it refuses in a line."""
        self.patch(module, "assemble", mock.Mock(side_effect=ConfigError("x", "bad")))
        fault = self.assertRaises(Refused, self.worker.serve, written(CONFIG), 1, 0.0)
        assert str(fault) == "x bad"

    def test_tells(self) -> None:
        """What it learns it tells, with the generation in which it did; where nothing
        is kept, nothing is told."""
        self.serve()
        self.learn()
        ((command,), words) = self.said.call_args
        assert (command, words["generation"], words["dropped"]) == (Learned, 1, 0)
        self.serve(Config(CONFIG.listen, (), lab=True, cache=Caching(size=0)))
        self.said.reset_mock()
        self.learn()
        self.said.assert_not_called()

    def test_forgets(self) -> None:
        """What waits to be told is dropped once another generation begins."""
        self.serve()
        self.cache.on_learned(b"key", b"entry")
        self.worker.ask("healthz", b"{}", 2)
        self.reactor.advance(PAUSE)
        assert b"entry" not in self.said.call_args.kwargs["answers"]

    def test_hears(self) -> None:
        """What others learned in this generation it keeps, if rules admit that."""
        self.serve()
        self.proxy.rules.admits = lambda key, entry: key == b"good"
        answers = dump([(3, b"good", b"entry"), (3, b"bad", b"entry")])
        self.worker.learned(answers, 0, 0)
        self.cache.adopt.assert_not_called()
        self.worker.learned(answers, 0, 1)
        self.cache.adopt.assert_called_once_with(3, b"good", b"entry")

    def test_reload(self) -> None:
        """It goes on with what it is given, and listens to the cache of then."""
        self.serve()
        outcome = mock.Mock(changed=("rule",), lasting=(), emptied=True)
        self.proxy.reload_aloud.return_value = outcome
        said = self.worker.reload(written(CONFIG), 2)
        assert json.loads(said["outcome"])["cache_emptied"]  # type: ignore[call-overload]
        self.learn()
        assert self.said.call_args.kwargs["generation"] == 2

    def test_reload_refused(self) -> None:
        """What is no good changes nothing, the generation neither."""
        self.serve()
        self.proxy.reload_aloud.side_effect = ConfigError("x", "bad")
        self.assertRaises(Refused, self.worker.reload, written(CONFIG), 2)
        self.learn()
        assert self.said.call_args.kwargs["generation"] == 1

    def test_asked(self) -> None:
        """A call is answered as by one process; a fault is a reply, too."""
        self.serve()
        alive = self.successResultOf(self.worker.ask("healthz", b"{}", 1))
        assert alive == {"body": b"alive\n", "type": TEXT, "status": 200}
        wrong = mock.Mock(side_effect=Fault("odd"))
        self.patch(module, "CALLS", {**CALLS, "flush": Call(wrong)})
        refused = self.successResultOf(self.worker.ask("flush", b'{"name": "x"}', 1))
        assert (refused["body"], refused["status"]) == (b"odd\n", 400)
        wrong.assert_called_once_with(self.proxy, {"name": "x"})

    def test_shows(self) -> None:
        """It shows queries to one who looks on until he is gone, who may be so before
        it began."""
        self.serve()
        watches = self.patch_watch()
        self.worker.follow(7, b'{"name": "x"}')
        (journal, words), _ = watches.call_args
        assert (journal, words) == (self.proxy.journal, {"name": "x"})
        passage, gone = watches.return_value.follow.call_args.args
        left: list[object] = []
        gone.addErrback(left.append)
        passage.write(b"line\n")
        self.said.assert_called_once_with(Seen, viewer=7, lines=b"line\n")
        self.worker.leave(7)
        self.worker.leave(8)
        assert len(left) == 1

    def patch_watch(self) -> Any:
        watches: Any = mock.Mock()
        self.patch(module, "Watch", watches)
        return watches

    def test_reopens(self) -> None:
        """It opens its file again, if it has one."""
        self.serve()
        self.worker.reopen()
        self.proxy.recording.reopen.assert_called_once_with()
        self.proxy.recording = None
        assert (self.worker.reopen(), self.worker.ping()) == ({}, {})

    def test_alone(self) -> None:
        """When nobody is there any more it ends, once."""
        self.worker.makeConnection(mock.Mock())
        self.worker.connectionLost()
        self.worker.stop()
        assert self.reactor.stopped == 1
