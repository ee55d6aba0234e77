"""`dotproxy status`, `explain`, `flush`, `pause`, `reload`, of a proxy that runs."""

import os
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any
from unittest import mock

import dns.message
import msgspec
from twisted.internet import reactor
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.cli import status
from dotproxy.cli.caller import TOKEN as VARIABLE
from dotproxy.cli.caller import CallError, admin_place, caller
from dotproxy.cli.main import read
from dotproxy.cli.status_table import span
from tests.observed import TOKEN, Observed


class CommandTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.observed = Observed(self)
        self.patch(status, "INTERVAL", 0.05)

    async def run_with(self, *words: str, where: str = "") -> tuple[int, str, str]:
        """Run a command; return its status, what it prints, what it complains of."""
        command = read([*words, "--admin", where or self.observed.path])
        printed, complained = StringIO(), StringIO()
        with redirect_stdout(printed), redirect_stderr(complained):
            code = await command.run(reactor)
        return code, printed.getvalue(), complained.getvalue()

    async def test_status(self) -> None:
        """It shows the listeners, each upstream and its connections."""
        await self.observed.ask()
        code, said, complaints = await self.run_with("status")
        assert (code, complaints) == (0, "")
        lines = [" ".join(line.split()) for line in said.splitlines()]
        assert f"serves 127.0.0.1:{self.observed.place[1]}" in lines
        assert "queries 1, 0.0 a second, 0 under way" in lines
        assert "dns.lab.example up" in lines
        assert any(line.startswith("ready 0.") for line in lines)
        assert "in clear 0 queries left unencrypted" in lines

    async def test_trouble(self) -> None:
        """An upstream that is down says why, and the exit status tells."""
        (server,) = self.observed.proxy.core.upstreams.upstreams
        server.health.failed(0.0, "it is gone")
        code, said, _ = await self.run_with("status")
        assert code == 1
        assert "NOT READY" in said
        assert "it is gone" in said
        assert await self.run_with("status", "--quiet") == (1, "", "")

    async def test_json(self) -> None:
        """For programs it prints what the proxy says."""
        code, said, _ = await self.run_with("status", "--json", where=self.observed.url)
        assert (code, said[:3]) == (0, "{\n ")

    async def test_flush(self) -> None:
        """It says how many answers are gone."""
        await self.observed.ask()
        outcome = await self.run_with("flush", "lab.example", "--subtree")
        assert outcome == (0, "1 answer forgotten\n", "")
        assert await self.run_with("flush") == (0, "0 answers forgotten\n", "")

    async def test_reload(self) -> None:
        """It says what has changed."""
        assert await self.run_with("reload") == (0, "reloaded, nothing changed\n", "")

    async def test_pause(self) -> None:
        """It says for how long; the status tells meanwhile, and 0 is the end."""
        outcome = await self.run_with("pause", "600")
        assert outcome == (0, "rules are paused for 600 s\n", "")
        assert "rules are paused for 10 min" in (await self.run_with("status"))[1]
        assert await self.run_with("pause", "0") == (0, "rules hold\n", "")
        assert "paused" not in (await self.run_with("status"))[1]
        outcome = await self.run_with("pause")
        assert outcome == (0, "rules are paused for 300 s\n", "")
        code, _, complaint = await self.run_with("pause", "3601")
        assert code == 1
        assert "must be a number from 0 to 3600" in complaint

    async def test_explain(self) -> None:
        """It shows what becomes of a question."""
        await self.observed.ask()
        code, said, _ = await self.run_with("explain", "www.lab.example")
        assert code == 0
        first, meets, asks, cached = said.splitlines()
        assert first == "question  www.lab.example A"
        assert (meets, asks) == (
            "meets     ask upstreams",
            "asks      group default: dns.lab.example (up)",
        )
        assert cached.startswith("cached    NOERROR, 2 records, ")
        _, said, _ = await self.run_with("explain", "localhost", "aaaa")
        assert "says      NOERROR, AAAA ::1" in said.splitlines()

    async def test_trace(self) -> None:
        """It shows each step with its time, and the octets; or says why it cannot."""
        code, said, _ = await self.run_with("trace", "www.lab.example")
        lines = [line.split(maxsplit=2) for line in said.splitlines()]
        assert code == 0
        assert [stage for _, stage, _ in lines] == [
            *("asked", "rules", "cache", "group", "strategy", "ask", "connection"),
            *("sent", "arrived", "learned", "reply"),
        ]
        times = [float(ms) for ms, _, _ in lines]
        assert times == sorted(times)
        _, said, _ = await self.run_with("trace", "www.lab.example", "A", "--json")
        *_, cached, reply = msgspec.json.decode(said)["steps"]
        assert cached["says"].startswith("a hit, ")
        read_back = dns.message.from_wire(bytes.fromhex(reply["fields"]["octets"]))
        assert [each.address for each in read_back.answer[0]] == [
            "192.0.2.1",
            "192.0.2.2",
        ]
        outcome = await self.run_with("trace", "www.lab.example", "NONSENSE")
        assert outcome == (1, "", "dotproxy: 'NONSENSE' is no type of records\n")

    async def test_token(self) -> None:
        """Over TCP it needs the token, which it has from the environment."""
        code, _, complaint = await self.run_with("flush", where=self.observed.url)
        assert (code, complaint) == (
            1,
            "dotproxy: give the token of [admin]: Authorization: Bearer TOKEN\n",
        )
        with mock.patch.dict(os.environ, {VARIABLE: TOKEN}):
            outcome = await self.run_with("flush", where=self.observed.url)
        assert outcome == (0, "0 answers forgotten\n", "")

    async def test_nobody(self) -> None:
        """Where nobody listens, that is one line."""
        gone = self.observed.path + ".gone"
        code, said, complaint = await self.run_with("status", where=gone)
        assert (code, said) == (1, "")
        assert complaint.startswith(f"dotproxy: nobody answers at {gone}: ")
        assert complaint.count("\n") == 1


class PlaceTests(SynchronousTestCase):
    def test_spellings(self) -> None:
        """A place is an address, a URL, or a path."""
        for text, place in (
            ("127.0.0.1:9999", "http://127.0.0.1:9999"),
            ("http://[::1]:1/", "http://[::1]:1"),
            ("localhost", "http://localhost:9153"),
            ("/run/x", "/run/x"),
            ("./x", os.path.abspath("x")),
        ):
            assert admin_place(text) == place

    def test_refused(self) -> None:
        """Anything else is refused."""
        for text in ("https://x", "http://", "http://x:y", "http://x/status", ""):
            self.assertRaises(ValueError, admin_place, text)

    def test_usual(self) -> None:
        """Where nothing is given and no socket there, it says where it looked."""
        nowhere = {"XDG_RUNTIME_DIR": "/nowhere"}
        fault = self.assertRaises(CallError, caller, "", nowhere, reactor)
        assert "at /nowhere/dotproxy.sock or /run/dotproxy/dotproxy.sock" in str(fault)


class UsageTests(SynchronousTestCase):
    def fault(self, *words: str) -> str:
        return str(self.assertRaises(usage.UsageError, read, words))

    def test_faults(self) -> None:
        """What is wrong is said in a line."""
        assert self.fault("flush", "a", "b") == "name one name, or none for all"
        for name in ("a b", "a..b", "x" * 64):
            fault = f"NAME {name!r} is no name: a name has labels of 1 to 63 letters,"
            assert self.fault("flush", name).startswith(fault)
        assert "takes a NAME" in self.fault("flush", "--subtree")
        assert self.fault("explain").startswith("name a NAME")
        assert "not 'c'" in self.fault("explain", "a", "b", "c")
        assert self.fault("trace").startswith("name a NAME")
        assert "not 'c'" in self.fault("trace", "a", "b", "c")
        assert self.fault("pause", "soon") == "'soon' is no number of seconds"
        assert self.fault("pause", "1", "2") == "say once for how many seconds"
        assert "flags only" in self.fault("status", "now")
        assert "--admin 'https://x' must be http://" in self.fault(
            "status", "--admin", "https://x"
        )

    def test_help(self) -> None:
        """Each says what it is for."""
        for command in ("status", "flush", "pause", "reload", "explain", "trace"):
            named = ["a"] if command in ("explain", "trace") else []
            options: Any = read([command, *named])
            text = options.getUsage()
            assert text.startswith(f"Usage: dotproxy {command} ")
            assert "--admin=PLACE" in text


class SpanTests(SynchronousTestCase):
    def test_units(self) -> None:
        """Times are spelled in a unit that fits."""
        spelled = [span(it) for it in (0.25, 119, 120, 7300, 200000)]
        assert spelled == ["0.2 s", "119.0 s", "2 min", "2 h", "2 days"]
