"""A machine whose resolver is the proxy: clients are led without their doing."""

import subprocess
from unittest import SkipTest, TestCase

from dotproxy.config.rule import POLICIES
from tests.functional.clients import run
from tests.functional.origin import TlsOrigin
from tests.functional.peers import start_unbound
from tests.functional.processes import Process, Stage, free_port, program
from tests.functional.proxy import start_twistd

NAME = "ech.lab.example"

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

    def start_origin(self) -> int:
        """Start a server of TLS; return its port."""
        self.certificate = TlsOrigin(self.stage.folder, (NAME,), self.addCleanup)
        pem, port = str(self.stage.folder / "origin.pem"), free_port()
        accept = ("-accept", f"127.0.0.1:{port}", "-cert", pem, "-key", pem)
        server = [program("openssl"), "s_server", "-www", *accept]
        Process(self.stage, server).wait_for("ACCEPT")
        return port

    def test_curl(self) -> None:
        """curl asks, is led, and sees the origin's certificate and its page."""
        unbound, port = start_unbound(self.stage), self.start_origin()
        file = self.stage.folder / "dotproxy.toml"
        for policy in POLICIES:
            with self.subTest(policy=policy):
                file.write_text(CONFIG.format(port=port, policy=policy))
                words = ("--listen", "127.0.0.1:53", "--config", str(file))
                proxy = start_twistd(self.stage, "dotproxy", *words, *unbound.flags)
                page = self.fetch()
                self.assertIn("s_server", page)
                proxy.process.wait_for(rf"{NAME} to 127\.0\.0\.1:{port}: .* up")
                proxy.process.stop()

    def fetch(self) -> str:
        ca_file = str(self.certificate.ca_file)
        command = ("--silent", "--show-error", "--max-time", "10", "--cacert", ca_file)
        return run([*self.inside, program("curl"), *command, f"https://{NAME}/"])
