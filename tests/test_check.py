"""`dotproxy check`: its flags, what it prints, its exit status."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from twisted.internet import reactor
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.cli.check.check import CheckOptions
from dotproxy.config.model import Config
from dotproxy.config.presets import PRESETS
from dotproxy.config.toml_file import DEFAULT
from tests.lab_servers import start

PIN = f"{'A' * 43}="


def configured(*words: str) -> Config:
    options = CheckOptions()
    options.parseOptions(words)
    return options.config


class FlagTests(SynchronousTestCase):
    def refusal(self, *words: str) -> str:
        return str(self.assertRaises(usage.UsageError, configured, *words))

    def test_default(self) -> None:
        """Without anything, what the proxy asks by default is checked."""
        assert configured() == DEFAULT

    def test_upstreams(self) -> None:
        """Upstreams are named as --upstream names them, flags stand anywhere."""
        config = configured("quad9", "--pin", PIN, "192.0.2.1#dns.example")
        first, second = config.upstream
        assert first.addresses == PRESETS["quad9"].addresses
        assert (second.addresses, second.server_name) == (
            ("192.0.2.1",),
            "dns.example",
        )
        assert first.spki_pins == second.spki_pins == (PIN,)

    def test_lab(self) -> None:
        """The lab takes the place of upstreams."""
        assert (configured("lab").lab, configured("lab").upstream) == (True, ())

    def test_file(self) -> None:
        """The file says which upstreams, and by which profile; words override."""
        Path("dotproxy.toml").write_text(
            'profile = "opportunistic"\n[[upstream]]\naddress = "192.0.2.1"\n'
        )
        config = configured("--config", "dotproxy.toml")
        assert config.upstream[0].addresses == ("192.0.2.1",)
        assert config.profile == "opportunistic"
        config = configured("--config", "dotproxy.toml", "google")
        assert config.upstream == (PRESETS["google"],)
        assert config.profile == "opportunistic"

    def test_refused(self) -> None:
        """A mistake is one line that says what, and what is allowed."""
        for words, expected in (
            (("nowhere.example",), "UPSTREAM 'nowhere.example' has no address:"),
            (("lab", "quad9"), "lab stands alone:"),
            (("lab", "--pin", PIN), "lab stands alone:"),
            (("--pin", PIN), "--pin holds for an UPSTREAM:"),
            (("--pin", "x", "lab"), "--pin 'x' must be sha256//BASE64"),
            (("--ca-file", "/nowhere", "quad9"), "--ca-file '/nowhere' cannot be"),
            (("--config", "/nowhere"), "'/nowhere' cannot be read"),
            (("--timeout", "31"), "--timeout '31' must be a number of seconds from"),
            (("--idle", "601"), "--idle '601' must be a number of seconds from 0.1"),
            (("--name", "a b"), "--name 'a b' must be a host name"),
            (("--name", ".".join(["a" * 60] * 4)), "--name 'aaa"),
            (("--tiemout", "1"), "option --tiemout not recognized, did you mean"),
            (("127.0.0.1:5300",), "upstream tls://127.0.0.1:5300 would ask our own"),
        ):
            refusal = self.refusal(*words)
            assert refusal.startswith(expected), refusal
            assert "\n" not in refusal

    def test_help(self) -> None:
        """--help tells of every flag that there is."""
        text = CheckOptions().getUsage()
        for flag in CheckOptions().longOpt:
            assert f"  --{flag}" in text
        assert "0 all is good, 1 something is wrong, 2 wrong usage" in " ".join(
            text.split()
        )


GONE = "No such file or directory"


class RunTests(TestCase):
    timeout = 20

    async def run_with(self, *words: str) -> tuple[int, str]:
        """Run the command; return its exit status, and what it printed."""
        options = CheckOptions()
        options.parseOptions(words)
        printed = StringIO()
        with redirect_stdout(printed):
            status = await options.run(reactor)
        return status, printed.getvalue()

    async def test_lists(self) -> None:
        """It says what the lists of the rules hold; one that is gone is a mistake."""
        Path("list.txt").write_text("a.example\n???\n")
        rule = "[[rule]]\naction = 'block'\nfile = 'list.txt'\n"
        Path("dotproxy.toml").write_text(rule)
        words = ("--config", "dotproxy.toml", "lab")
        status, printed = await self.run_with(*words)
        assert status == 0
        assert "list.txt  rule 1\n  names" in printed
        assert "1 lines cannot be read" in printed
        options = CheckOptions()
        options.parseOptions(words)
        Path("list.txt").unlink()
        with self.assertRaises(usage.UsageError) as caught:
            await options.run(reactor)
        assert str(caught.exception).endswith("list.txt cannot be read: " + GONE)

    async def test_good(self) -> None:
        """Where all is well the status is 0, and the report says so."""
        status, printed = await self.run_with(*start(self.addCleanup).words)
        assert status == 0
        assert printed.endswith("\n1 of 1 upstream is good.\n")
        assert all(line == line.rstrip() for line in printed.splitlines())

    async def test_lab(self) -> None:
        """The lab is started, checked and stopped."""
        status, printed = await self.run_with("lab")
        assert (status, "verified as dns.lab.example" in printed) == (0, True)

    async def test_wrong(self) -> None:
        """Where anything is wrong the status is 1."""
        lab = start(self.addCleanup)
        status, printed = await self.run_with(lab.spec)
        assert status == 1
        assert "certificate signed by" in printed
        assert f"sha256//{lab.issued.pins[0]}" in printed

    async def test_json(self) -> None:
        """For programs, it is JSON and nothing else."""
        lab = start(self.addCleanup)
        status, printed = await self.run_with(*lab.words, "--json")
        report = json.loads(printed)
        assert (status, report["status"]) == (0, "good")
        chain = report["upstreams"][0]["servers"][0]["chain"]
        assert [it["pin"] for it in chain] == [
            f"sha256//{pin}" for pin in lab.issued.pins
        ]

    async def test_rotten_file(self) -> None:
        """A CA file that holds rubbish is wrong usage, found only when it is read."""
        Path("ca.pem").write_text("-----BEGIN CERTIFICATE-----\nrubbish\n")
        options = CheckOptions()
        options.parseOptions(["--ca-file=ca.pem", "192.0.2.1"])
        with self.assertRaises(usage.UsageError) as caught:
            await options.run(reactor)
        assert "holds a certificate that cannot be read" in str(caught.exception)
