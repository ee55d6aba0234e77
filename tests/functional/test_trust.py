"""Who does not prove to be the upstream that was meant is not asked anything."""

from unittest import TestCase

from tests.functional.clients import Answer, dig
from tests.functional.peers import (
    NAME,
    Certificates,
    count_queries,
    start_nsd,
    start_unbound,
)
from tests.functional.processes import Stage
from tests.functional.proxy import start_proxy


class TrustTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.unbound = start_unbound(self.stage)
        self.address = f"tls://127.0.0.1:{self.unbound.port}"
        self.ca_file = str(self.unbound.certificates.ca_file)
        self.server_pin = self.unbound.certificates.pins[0]

    def ask(self, *flags: str) -> Answer:
        """Ask a proxy that was started with these flags."""
        self.proxy = start_proxy(self.stage, *flags)
        return dig(self.proxy.port, "www.lab.example")

    def assert_answered(self, *flags: str) -> None:
        answer = self.ask(*flags)
        self.assertEqual((answer.status, len(answer.values)), ("NOERROR", 2))
        self.assertEqual(count_queries(self.unbound), 1)

    def assert_refused(self, reason: str, *flags: str) -> None:
        """The client and the log are told why, and the server was asked nothing."""
        answer = self.ask(*flags)
        self.assertEqual(answer.status, "SERVFAIL")
        self.assertEqual(answer.explanations, {23})
        self.assertIn(reason, answer.text)
        self.assertIn(reason, self.proxy.process.output)
        self.assertEqual(count_queries(self.unbound), 0)

    def test_name(self) -> None:
        """The right authority and the right name are good."""
        self.assert_answered(*self.unbound.flags)

    def test_address(self) -> None:
        """Without a name the certificate is for the address."""
        self.assert_answered("--upstream", self.address, "--ca-file", self.ca_file)

    def test_pin(self) -> None:
        """With a pin and no name the key is enough."""
        self.assert_answered("--upstream", self.address, "--pin", self.server_pin)

    def test_wrong_name(self) -> None:
        """A certificate for another name is refused."""
        spec = f"{self.address}#other.example"
        reason = "certificate is not for other.example"
        self.assert_refused(reason, "--upstream", spec, "--ca-file", self.ca_file)

    def test_wrong_authority(self) -> None:
        """A certificate by another authority is refused, whatever it says."""
        folder = self.stage.folder / "other"
        folder.mkdir()
        other = Certificates.create(folder)
        flags = ("--upstream", self.unbound.spec, "--ca-file", str(other.ca_file))
        self.assert_refused("certificate signed by", *flags)

    def test_system(self) -> None:
        """Without --ca-file only the system's authorities count."""
        self.assert_refused("certificate signed by", "--upstream", self.unbound.spec)

    def test_wrong_pin(self) -> None:
        """A key that is not pinned is refused, and the log has the pin to take."""
        wrong = f"sha256//{'A' * 43}="
        self.assert_refused(
            "no certificate has a pinned key", *self.unbound.flags, "--pin", wrong
        )
        self.assertIn(self.server_pin, self.proxy.process.output)

    def test_report_only(self) -> None:
        """A key that is not pinned is warned of once, and answers, if that is asked."""
        pin = f"sha256//{'A' * 43}="
        file = self.stage.folder / "dotproxy.toml"
        file.write_text(
            f"""
            [[upstream]]
            address = "127.0.0.1"
            port = {self.unbound.port}
            server_name = "{NAME}"
            ca_file = "{self.ca_file}"
            spki_pins = ["{pin}"]
            pins_report_only = true
            """
        )
        proxy = start_proxy(self.stage, "--config", str(file))
        self.assertEqual(dig(proxy.port, "www.lab.example").status, "NOERROR")
        warned = proxy.process.output.count("has none of its pins, which are reported")
        self.assertEqual(warned, 1)
        self.assertIn(self.server_pin, proxy.process.output)


class BootstrapTests(TestCase):
    def test_name_alone(self) -> None:
        """A server whose address is not configured is found by plain DNS."""
        stage = Stage.create(self.addCleanup)
        nsd = start_nsd(stage)
        file = stage.folder / "dotproxy.toml"
        file.write_text(
            f"""
            [[upstream]]
            server_name = "{NAME}"
            port = {nsd.port}
            ca_file = "{nsd.certificates.ca_file}"
            bootstrap = ["127.0.0.1:{nsd.plain}"]
            """
        )
        proxy = start_proxy(stage, "--config", str(file))
        self.assertEqual(len(dig(proxy.port, "www.lab.example").values), 2)
