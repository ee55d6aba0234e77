"""The command: its sub-commands, and how it ends."""

import signal
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any
from unittest import TestCase

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from dotproxy import __version__
from dotproxy.cli import main
from dotproxy.cli.check.check import CheckOptions
from dotproxy.cli.pin import PinOptions


class ReadTests(TestCase):
    def refusal(self, *words: str) -> str:
        with self.assertRaises(usage.UsageError) as caught:
            main.read(words)
        return str(caught.exception)

    def printed(self, *words: str) -> str:
        """Return what is printed before the process ends well."""
        said = StringIO()
        with redirect_stdout(said), self.assertRaises(SystemExit) as caught:
            main.read(words)
        assert not caught.exception.code
        return said.getvalue()

    def test_commands(self) -> None:
        """The first word is the sub-command, the rest belongs to it."""
        command = main.read(["check", "lab", "--json"])
        assert isinstance(command, CheckOptions)
        assert command.config.lab
        assert isinstance(main.read(["pin", "192.0.2.1"]), PinOptions)

    def test_unknown(self) -> None:
        """What is no command, or no flag, is named, and perhaps what was meant."""
        assert self.refusal("chekc") == "'chekc' is no command, did you mean check?"
        assert self.refusal("frob") == "'frob' is no command, see --help"
        assert self.refusal("--verion").endswith("did you mean --version?")
        assert self.refusal("check", "--jsno").endswith("did you mean --json?")
        assert self.refusal() == (
            "which command?  There are"
            " check, pin, profile, status, log, explain, trace, flush, pause, reload"
        )

    def test_version(self) -> None:
        """--version tells ours, before a sub-command and behind it."""
        for words in (("--version",), ("check", "--version"), ("pin", "--version")):
            assert self.printed(*words).startswith(f"dotproxy {__version__}, Twisted ")

    def test_help(self) -> None:
        """--help tells of the commands; behind one, of that."""
        text = self.printed("--help")
        for name, *_ in main.Options.subCommands:
            assert f"\n  {name} " in text
            usage_line, *_ = self.printed(name, "--help").splitlines()
            assert usage_line.startswith(f"Usage: dotproxy {name} ")

    def test_exit_status(self) -> None:
        """Wrong usage is one line on stderr, and status 2."""
        said = StringIO()
        with redirect_stderr(said), self.assertRaises(SystemExit) as caught:
            main.main(["chekc"])
        assert caught.exception.code == 2
        assert said.getvalue() == (
            "dotproxy: 'chekc' is no command, did you mean check?\n"
        )


class Command:
    """A sub-command that ends when it is told to."""

    def __init__(self) -> None:
        self.ended: Deferred[int] = Deferred()

    async def run(self, reactor: Any) -> int:
        return await self.ended


class RunTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.command = Command()
        self.running = main.run(self.reactor, self.command)

    def status(self) -> object:
        exited: SystemExit = self.failureResultOf(self.running, SystemExit).value
        return exited.code

    def test_status(self) -> None:
        """The status is what the sub-command says."""
        self.assertNoResult(self.running)
        self.command.ended.callback(1)
        assert self.status() == 1

    def test_late_usage(self) -> None:
        """Wrong usage that is found only now ends the same way as if found before."""
        said = StringIO()
        with redirect_stderr(said):
            self.command.ended.errback(usage.UsageError("--x is wrong"))
        assert self.status() == 2
        assert said.getvalue() == "dotproxy: --x is wrong\n"

    def test_interrupted(self) -> None:
        """Ctrl-C, which stops the reactor, ends what is under way."""
        said = StringIO()
        (stop,) = self.reactor.triggers["before"]["shutdown"]
        with redirect_stderr(said):
            stopping = stop[0](*stop[1], **stop[2])
        assert self.successResultOf(stopping) is None
        assert self.status() == 128 + signal.SIGINT
        assert said.getvalue() == "dotproxy: interrupted\n"

    def test_long_goodbye(self) -> None:
        """The reactor goes on until the sub-command has put everything in order."""
        goodbye: Deferred[None] = Deferred()

        class Slow:
            async def run(self, _: object) -> int:
                try:
                    return await Deferred()
                finally:
                    await goodbye

        reactor = MemoryReactorClock()
        self.running = main.run(reactor, Slow())
        (stop,) = reactor.triggers["before"]["shutdown"]
        with redirect_stderr(StringIO()):
            stopping = stop[0](*stop[1], **stop[2])
            self.assertNoResult(stopping)
            goodbye.callback(None)
        self.successResultOf(stopping)
        assert self.status() == 128 + signal.SIGINT
