"""A machine whose resolver is the proxy: clients are led without their doing."""

import subprocess
from collections.abc import Callable
from unittest import SkipTest, TestCase

from dotproxy.config.rule import POLICIES
from tests.functional.chromium import browse
from tests.functional.clients import run
from tests.functional.nginx import start_nginx
from tests.functional.peers import start_unbound
from tests.functional.processes import Process, Stage, program
from tests.functional.proxy import start_twistd

NAME, PLAIN = "ech.lab.example", "dns.lab.example"
"""Names with and without ECH, which nobody at the origin has the key for."""

OF_ITS_OWN = """\
{ip} link set lo up && {mount} --bind resolv.conf /etc/resolv.conf
echo alone && exec sleep 600
"""
"""What keeps namespaces that have nothing but loopback, and a resolver on it."""

CONFIG = """
[gateway]
listen = ["0.0.0.0:443"]
addresses = ["127.0.0.2"]
leases = ["127.64.0.0/16"]
port = {port}
[[rule]]
names = [".lab.example"]
action = "redirect"
policy = "{policy}"
private = true
"""


class LedTests(TestCase):
    def setUp(self) -> None:
        ip, unshare, mount = map(program, ("ip", "unshare", "mount"))
        tried = subprocess.run([unshare, "-nm", "true"], capture_output=True, text=True)
        if tried.returncode:
            raise SkipTest(f"no namespaces here: {tried.stderr.strip()}")
        stage = Stage.create(self.addCleanup)
        (stage.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        keep = OF_ITS_OWN.format(ip=ip, mount=mount)
        keeper = Process(stage, [unshare, "-nm", "sh", "-e", "-c", keep])
        keeper.wait_for("alone")
        self.inside = (program("nsenter"), "-t", str(keeper.pid), "-n", "-m")
        self.stage = stage.behind(*self.inside)

    def test_curl(self) -> None:
        """curl asks, is led, and sees the origin's certificate and its page."""
        self.each_policy(NAME, self.curl)

    def test_chromium(self) -> None:
        """So does a browser, with its own DNS client, GREASE, and a hello of 2 KB."""
        program("chromium")
        self.each_policy(PLAIN, self.chromium)

    def each_policy(self, name: str, fetch: Callable[[str], str]) -> None:
        """Fetch a page by way of the gateway under each policy."""
        unbound = start_unbound(self.stage)
        self.nginx = start_nginx(self.stage, (NAME, PLAIN))
        port = self.nginx.port
        file = self.stage.folder / "dotproxy.toml"
        for policy in POLICIES:
            with self.subTest(policy=policy):
                file.write_text(CONFIG.format(port=port, policy=policy))
                words = ("--listen", "127.0.0.1:53", "--config", str(file))
                proxy = start_twistd(self.stage, "dotproxy", *words, *unbound.flags)
                self.assertIn(f"{name} HTTP/2.0", fetch(name))
                proxy.process.wait_for(rf"{name} to 127\.0\.0\.1:{port}: .* up")
                proxy.process.stop()

    def curl(self, name: str) -> str:
        """Fetch a page, and look at the certificate that came with it."""
        ca_file = str(self.nginx.ca_file)
        limits = ("--silent", "--show-error", "--max-time", "10", "--cacert", ca_file)
        command = (program("curl"), *limits, "--write-out", "%{certs}")
        got = run([*self.inside, *command, f"https://{name}/"])
        self.assertIn(self.nginx.sites[name].certificate, got)
        return got

    def chromium(self, name: str) -> str:
        """Fetch a page as a browser does that knows no key but that of the origin."""
        pin = self.nginx.sites[name].issued.pins[0]
        known = f"--ignore-certificate-errors-spki-list={pin}"
        return run(browse(self.stage, f"https://{name}/", known))
