"""`dotproxy pin`: the pins of a server's certificates."""

import tomllib
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from twisted.internet import reactor
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dotproxy.cli.pin import NOWHERE, PinOptions, parse_host
from dotproxy.config.model import ConfigError
from dotproxy.config.presets import PRESETS
from dotproxy.lab.certificates import Leaf
from tests.lab_servers import start
from tests.test_host import Reactor


class HostTests(SynchronousTestCase):
    def test_address(self) -> None:
        """An address is as for --upstream, with a name or without."""
        name, server = parse_host("192.0.2.1:8853#dns.example")
        assert (name, str(server)) == ("", "tls://192.0.2.1:8853#dns.example")
        name, server = parse_host("tls://[2001:db8::1]")
        assert (name, str(server)) == ("", "tls://[2001:db8::1]:853")

    def test_name(self) -> None:
        """A name is looked up, and the certificate must be for it."""
        name, server = parse_host("dns.example")
        assert (name, server.server_name, server.port) == (
            "dns.example",
            "dns.example",
            853,
        )
        assert server.addresses == (NOWHERE,)

    def test_other_name(self) -> None:
        """A name behind the # is what the certificate must be for instead."""
        name, server = parse_host("dns.example:8853#other.example")
        assert (name, server.server_name, server.port) == (
            "dns.example",
            "other.example",
            8853,
        )

    def test_preset(self) -> None:
        """A preset is known by its name."""
        assert parse_host("quad9") == ("", PRESETS["quad9"])

    def test_refused(self) -> None:
        """Anything else is refused."""
        for text in ("", "dns.example:x", "dns.example:99999", "a b", "192.0.2.1:x"):
            self.assertRaises(ConfigError, parse_host, text)

    def test_plain_port(self) -> None:
        """The port of plain DNS is refused with its reason."""
        fault = self.assertRaises(ConfigError, parse_host, "dns.example:53")
        assert "is for plain DNS" in str(fault)

    def test_one(self) -> None:
        """It is one server that is to be named."""
        for words in ((), ("a.example", "b.example")):
            fault = self.assertRaises(
                usage.UsageError, PinOptions().parseOptions, words
            )
            assert str(fault) == "name one server: HOST[:PORT][#NAME]"


class PinTests(TestCase):
    timeout = 20

    async def run_with(self, *words: str) -> tuple[int, str, str]:
        """Run the command; return its status, what it prints, what it complains of."""
        options = PinOptions()
        options.parseOptions(words)
        printed, complained = StringIO(), StringIO()
        with redirect_stdout(printed), redirect_stderr(complained):
            status = await options.run(reactor)
        return status, printed.getvalue(), complained.getvalue()

    async def test_verified(self) -> None:
        """Of a good server all pins are printed, the root's too, as TOML."""
        lab = start(self.addCleanup)
        status, printed, complained = await self.run_with(
            f"{lab.address}#dns.lab.example", f"--ca-file={lab.ca_file}"
        )
        assert (status, complained) == (0, "")
        assert tomllib.loads(printed) == {
            "spki_pins": [f"sha256//{pin}" for pin in lab.issued.pins]
        }
        assert printed.startswith(
            f"# dns.lab.example at {lab.address}: the chain is VERIFIED.\n"
        )

    async def test_not_verified(self) -> None:
        """Of any other the pins are printed too, with a warning and the reason."""
        lab = start(self.addCleanup, Leaf(("evil\nspki_pins = 1",)))
        status, printed, _ = await self.run_with(f"{lab.address}#dns.lab.example")
        assert status == 1
        first, second, *_ = printed.splitlines()
        assert "NOT VERIFIED" in first
        assert second.startswith("# certificate signed by an authority")
        expected = [f"sha256//{lab.issued.pins[0]}"]
        assert tomllib.loads(printed) == {"spki_pins": expected}

    async def test_name(self) -> None:
        """A name is looked up by the system."""
        lab = start(self.addCleanup)
        port = lab.server.port
        status, printed, _ = await self.run_with(
            f"localhost:{port}#dns.lab.example", f"--ca-file={lab.ca_file}"
        )
        assert (status, len(tomllib.loads(printed)["spki_pins"])) == (0, 2)

    async def test_nobody_there(self) -> None:
        """Where nobody shows a certificate, that is a complaint of one line."""
        lab = start(self.addCleanup)
        await lab.server.stopService()
        status, printed, complained = await self.run_with(lab.address)
        assert (status, printed) == (1, "")
        assert complained == (
            "dotproxy: 127.0.0.1: connection refused: nothing listens there\n"
        )

    async def test_no_address(self) -> None:
        """A name that the system does not know is a complaint of one line."""
        options = PinOptions()
        options.parseOptions(["nowhere.example"])
        complained = StringIO()
        with redirect_stderr(complained):
            status = await options.run(Reactor())
        assert (status, complained.getvalue()) == (
            1,
            "dotproxy: nowhere.example has no address, says the system\n",
        )

    async def test_rotten_file(self) -> None:
        """A CA file that holds rubbish is wrong usage."""
        Path("ca.pem").write_text("-----BEGIN CERTIFICATE-----\nrubbish\n")
        with self.assertRaises(usage.UsageError) as caught:
            await self.run_with("192.0.2.1", "--ca-file=ca.pem")
        assert "holds a certificate that cannot be read" in str(caught.exception)

    def test_help(self) -> None:
        """--help tells of every flag that there is."""
        text = PinOptions().getUsage()
        assert all(f"  --{flag}" in text for flag in PinOptions().longOpt)
