"""A machine whose resolver is the proxy: clients are led without their doing."""

from collections.abc import Callable
from unittest import TestCase

from dotproxy.config.rule import POLICIES
from tests.functional.chromium import browse
from tests.functional.clients import run
from tests.functional.led import NAME, PLAIN, on_own_machine, start_gateway
from tests.functional.nginx import start_nginx
from tests.functional.peers import start_unbound
from tests.functional.processes import Stage, program
from tests.long import long


class LedTests(TestCase):
    def setUp(self) -> None:
        self.stage = on_own_machine(Stage.create(self.addCleanup))

    def test_curl(self) -> None:
        """curl asks, is led, and sees the origin's certificate and its page."""
        self.each_policy(NAME, self.curl)

    @long
    def test_chromium(self) -> None:
        """So does a browser, with its own DNS client, GREASE, and a hello of 2 KB."""
        program("chromium")
        self.each_policy(PLAIN, self.chromium)

    def each_policy(self, name: str, fetch: Callable[[str], str]) -> None:
        """Fetch a page by way of the gateway under each policy."""
        unbound = start_unbound(self.stage)
        self.nginx = start_nginx(self.stage, (NAME, PLAIN))
        port = self.nginx.port
        for policy in POLICIES:
            with self.subTest(policy=policy):
                proxy = start_gateway(self.stage, policy, port, *unbound.flags)
                self.assertIn(f"{name} HTTP/2.0", fetch(name))
                proxy.process.wait_for(rf"{name} to 127\.0\.0\.1:{port}: .* up")
                proxy.process.stop()

    def curl(self, name: str) -> str:
        """Fetch a page, and look at the certificate that came with it."""
        ca_file = str(self.nginx.ca_file)
        limits = ("--silent", "--show-error", "--max-time", "10", "--cacert", ca_file)
        command = (program("curl"), *limits, "--write-out", "%{certs}")
        got = run([*self.stage.prefix, *command, f"https://{name}/"])
        self.assertIn(self.nginx.sites[name].certificate, got)
        return got

    def chromium(self, name: str) -> str:
        """Fetch a page as a browser does that knows no key but that of the origin."""
        pin = self.nginx.sites[name].issued.pins[0]
        known = f"--ignore-certificate-errors-spki-list={pin}"
        return run(browse(self.stage, f"https://{name}/", known))
