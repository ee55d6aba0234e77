"""Queries as they come, for one who looks: `dotproxy log`, and what it asks."""

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any
from unittest import mock

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.cli.caller import CallError
from dotproxy.cli.main import read
from dotproxy.journal import question
from dotproxy.observe import live
from dotproxy.observe.live import Watch
from tests.notes import noted
from tests.observed import TOKEN, Observed


class LiveTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.observed = Observed(self)
        self.journal = self.observed.proxy.journal
        self.shown = b""

    def follow(self, **words: str) -> Deferred[None]:
        """Look on; fires when that ends."""

        def show(lines: bytes) -> None:
            self.shown += lines

        following = self.observed.owner().follow("log", words, show)
        return Deferred.fromCoroutine(following)

    async def leave(self, following: Deferred[None]) -> None:
        following.cancel()
        with self.assertRaises(CancelledError):
            await following

    async def until(self, happened: Any) -> None:
        """Wait until something has happened."""
        while not happened():
            await deferLater(reactor, 0.01)

    async def begun(self, many: int = 1) -> None:
        await self.until(lambda: len(self.journal) == many)

    async def test_seen(self) -> None:
        """Who looks sees what comes then, and not what came before; when he leaves,
        nothing is noted any more."""
        await self.observed.ask("before.lab.example")
        assert self.observed.proxy.factory.journal is None
        following = self.follow()
        await self.begun()
        await self.observed.ask("www.lab.example")
        await self.until(lambda: self.shown.endswith(b"\n"))
        words = self.shown.decode().split()
        assert words[1:7] == [
            *("127.0.0.0", "udp", "www.lab.example", "A", "NOERROR", "upstream")
        ]
        assert self.shown.count(b"\n") == 1
        await self.leave(following)
        await self.begun(0)
        assert self.observed.proxy.factory.journal is None
        shown = self.journal.privacy.shown
        await self.until(lambda: shown.cache_info().currsize == 0)
        assert question._read.cache_info().currsize == 0

    async def test_chosen(self) -> None:
        """He sees only what he wants, as JSON if he likes."""
        following = self.follow(name=".lab.example", rcode="NXDOMAIN", json="1")
        await self.begun()
        for name in ("www.lab.example", "nowhere.lab.example", "localhost"):
            await self.observed.ask(name)
        await self.until(lambda: self.shown)
        assert json.loads(self.shown)["name"] == "nowhere.lab.example"
        await self.leave(following)

    async def test_stopped(self) -> None:
        """When the proxy stops, that is the end, and no fault."""
        following = self.follow()
        await self.begun()
        await self.observed.proxy.stopService()
        await following

    async def test_faults(self) -> None:
        """What cannot be understood, and what is too much, is said in a line."""
        for words, fault in (
            ({"source": "x"}, "source 'x' is none of ready, local,"),
            ({"name": "a b"}, "name 'a b' has no name"),
        ):
            with self.assertRaises(CallError) as caught:
                await self.follow(**words)
            assert str(caught.exception).startswith(fault)
        self.patch(live, "MOST_READERS", 0)
        with self.assertRaises(CallError) as caught:
            await self.follow()
        assert str(caught.exception) == "0 look on already"

    async def test_private(self) -> None:
        """Over TCP it takes the token: other users of the machine see nothing."""
        with self.assertRaises(CallError) as caught:
            await self.observed.caller().follow("log", {}, print)
        assert "give the token" in str(caught.exception)
        calling = self.observed.caller(TOKEN).follow("log", {}, print)
        following = Deferred.fromCoroutine(calling)
        await self.begun()
        await self.leave(following)

    async def test_head(self) -> None:
        """To ask for the header alone is not to look."""
        head = self.observed.owner()._ask(b"HEAD", "/log", b"")
        response: Any = await head
        assert response.code == 200
        assert len(self.journal) == 0

    async def test_command(self) -> None:
        """The command prints what comes, and ends well on Ctrl-C."""
        command = read(["log", "www.lab.example", "--admin", self.observed.path])
        printed = StringIO()
        with redirect_stdout(printed):
            running = Deferred.fromCoroutine(command.run(reactor))
            await self.begun()
            await self.observed.ask("other.lab.example")
            await self.observed.ask("www.lab.example")
            await self.until(printed.getvalue)
            running.cancel()
            assert await running == 0
        assert printed.getvalue().count("\n") == 1
        assert " www.lab.example A NOERROR " in printed.getvalue()

    async def test_broken_pipe(self) -> None:
        """Where nobody reads what is printed, the command hears of it."""

        def show(lines: bytes) -> None:
            raise BrokenPipeError

        calling = self.observed.owner().follow("log", {}, show)
        following = Deferred.fromCoroutine(calling)
        await self.begun()
        await self.observed.ask()
        with self.assertRaises(BrokenPipeError):
            await following
        await self.begun(0)

    async def test_no_proxy(self) -> None:
        """Where no proxy runs, that is one line."""
        command = read(["log", "--admin", "/nowhere"])
        complained = StringIO()
        with redirect_stderr(complained):
            assert await command.run(reactor) == 1
        assert complained.getvalue().startswith("dotproxy: nobody answers at /nowhere")


class WatchTests(SynchronousTestCase):
    """What is shown when there is too much of it."""

    def setUp(self) -> None:
        self.journal: Any = mock.Mock()
        self.journal.__len__ = lambda _: 0
        self.journal.privacy.spelled = str
        self.journal.privacy.shown = str
        self.journal.reactor.callFromThread = lambda call, *words: call(*words)
        self.request: Any = mock.Mock()
        self.gone: Deferred[None] = Deferred()

    def written(self, **words: str) -> tuple[Watch, list[bytes]]:
        watch, written = Watch(self.journal, words), []
        watch.follow(self.request, self.gone)
        self.request.write = written.append
        return watch, written

    def test_too_much(self) -> None:
        """Of one batch only so much is shown, and a line says how much is missing."""
        self.patch(live, "MOST_LINES", 2)
        watch, written = self.written()
        watch._read([noted()] * 5)
        [lines] = written
        assert lines.count(b"\n") == 3
        assert lines.endswith(b"\n# 3 are left out\n")
        watch._read([noted()])
        assert written[1].count(b"\n") == 1

    def test_unread(self) -> None:
        """What is not read is left out until it is, and that is told then."""
        watch, written = self.written(json="1")
        watch.pauseProducing()
        watch._read([noted()] * 5)
        assert written == []
        watch.resumeProducing()
        watch._read([noted()])
        assert written[0].endswith(b'}\n{"left_out":5}\n')

    def test_gone(self) -> None:
        """Who is gone is shown nothing, and leaves once."""
        watch, written = self.written()
        watch._worker = mock.Mock()
        watch.stopProducing()
        self.gone.errback(ConnectionError())
        watch._show(b"line\n", 1)
        assert written == []
        self.journal.leave.assert_called_once_with(watch)


class FlagTests(SynchronousTestCase):
    def fault(self, *words: str) -> str:
        return str(self.assertRaises(usage.UsageError, read, ("log", *words)))

    def test_faults(self) -> None:
        """What is no filter is refused before anybody is asked."""
        assert self.fault("a", "b") == "name one name, or none for all"
        assert self.fault("a b").startswith("name 'a b' has no name")
        assert self.fault("--client", "me").startswith("client 'me' must be")
        assert self.fault("--rcode", "odd").startswith("rcode 'odd' must be")
        assert self.fault("--source", "odd").startswith("source 'odd' is none of")
