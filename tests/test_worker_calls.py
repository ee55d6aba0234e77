"""What callers ask of all workers."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.config.admin import Admin
from dotproxy.config.model import Config, ConfigError, Listen
from dotproxy.observe.actions import CALLS, Fault, Reloaded, Reply, as_json
from dotproxy.observe.status import Status
from dotproxy.workers.calls import BY_OURSELVES, FOR_ALL, merged_calls
from tests.test_statuses import ONE

UNREADY = Reply(b"no\n", "text/plain", HTTPStatus.SERVICE_UNAVAILABLE)


class Viewers:
    """Nobody looks on yet."""

    def begin(self, words: Mapping[str, str]) -> Any:
        if words:
            raise ValueError("10 look on already")
        return self.begin


class Speaker:
    """Says what it was told to, and notes what it was asked for."""

    config = Config((Listen("127.0.0.1", 53),), (), admin=Admin(), lab=True)

    def __init__(self, **replies: Reply) -> None:
        self.viewers: Any = Viewers()
        self.asked: list[object] = []
        self._replies = {int(key[1:]): reply for key, reply in replies.items()}
        self.fault: ConfigError | None = None

    async def ask(self, call: str, words: Mapping[str, str]) -> Mapping[int, Reply]:
        self.asked.append((call, dict(words)))
        return self._replies

    async def flush(self, words: Mapping[str, str]) -> Mapping[int, Reply]:
        return await self.ask("flush", words)

    async def pause(self, seconds: int) -> None:
        self.asked.append(seconds)

    async def reload_aloud(self) -> Reloaded:
        if self.fault is not None:
            raise self.fault
        return Reloaded(("rule",), (), False)

    def exposition(self, replies: Mapping[int, Reply]) -> bytes:
        return b"%d\n" % len(replies)

    def status(self, replies: Mapping[int, Reply]) -> Status:
        sources = ("ready", "cache", "stale", "upstream", "local", "error")
        return replace(ONE, replies=dict.fromkeys(sources, 1))


class CallsTests(SynchronousTestCase):
    def run_call(self, path: str, speaker: Any, **words: str) -> Reply:
        reply: Reply = self.successResultOf(merged_calls()[path].run(speaker, words))
        return reply

    def test_every_call(self) -> None:
        """All that one process answers all together answer, for the same callers."""
        calls = merged_calls()
        assert [*calls] == [*CALLS]
        assert {*BY_OURSELVES, *FOR_ALL} == {*CALLS}
        for path, call in calls.items():
            own = CALLS[path]
            assert (call.acts, call.private) == (own.acts, own.private), path

    def test_page(self) -> None:
        """The page is about all, with its policy; its files are the usual ones."""
        reply = self.run_call("", Speaker(_1=as_json(ONE)))
        assert b"127.0.0.1:53" in reply.body
        assert "script-src 'self'" in reply.policy
        assert b"{" in self.run_call("page.css", None).body
        assert self.run_call("page.js", None).type.startswith("text/javascript")

    def test_nobody(self) -> None:
        """Where no worker serves, that is said."""
        for path in ("", "status", "readyz", "explain", "flush"):
            reply = self.run_call(path, Speaker())
            assert reply.status == HTTPStatus.SERVICE_UNAVAILABLE, path
        assert self.run_call("healthz", Speaker()).status == HTTPStatus.OK

    def test_readiness(self) -> None:
        """One that is ready is enough; a question is explained by the first."""
        ready = Reply(b"ready\n")
        assert self.run_call("readyz", Speaker(_1=UNREADY, _2=ready)) is ready
        assert self.run_call("explain", Speaker(_1=ready, _2=UNREADY)) is ready
        assert self.run_call("metrics", Speaker(_1=ready, _2=ready)).body == b"2\n"
        assert b'"ready"' in self.run_call("status", Speaker(_1=ready)).body

    def test_flush(self) -> None:
        """The most that one forgot is said; a fault of one is that of all."""
        said = [Reply(b'{"forgotten": %d}' % many) for many in (3, 5)]
        reply = self.run_call("flush", Speaker(_1=said[0], _2=said[1]))
        assert json.loads(reply.body) == {"forgotten": 5}
        assert self.run_call("flush", Speaker(_1=said[0], _2=UNREADY)) is UNREADY

    def test_pause(self) -> None:
        """A pause is for all; what is no number of seconds nobody hears of."""
        speaker = Speaker()
        reply = self.run_call("pause", speaker, seconds="7")
        assert (json.loads(reply.body), speaker.asked) == ({"rules_paused_s": 7}, [7])
        pausing = merged_calls()["pause"].run(speaker, {"seconds": "long"})
        self.failureResultOf(pausing, Fault)
        assert speaker.asked == [7]

    def test_log(self) -> None:
        """Who looks on gets more and more; who cannot is told why."""
        speaker = Speaker()
        assert self.run_call("log", speaker).more == speaker.viewers.begin
        looking = merged_calls()["log"].run(speaker, {"name": "x"})
        failure = self.failureResultOf(looking, Fault)
        assert failure.getErrorMessage() == "10 look on already"

    def test_reload(self) -> None:
        """What came of a reload is said; a fault is the caller's to read."""
        speaker = Speaker()
        assert b'"rule"' in self.run_call("reload", speaker).body
        speaker.fault = ConfigError("x = 1", "is odd")
        failure = self.failureResultOf(merged_calls()["reload"].run(speaker, {}), Fault)
        assert failure.getErrorMessage().startswith("not reloaded, all stays as it is:")
