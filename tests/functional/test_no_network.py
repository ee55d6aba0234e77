"""A machine without a network: the proxy starts, says so to clients, and waits."""

import subprocess
import time
from unittest import SkipTest, TestCase

from tests.functional.clients import Answer, dig, run
from tests.functional.peers import LATER, start_unbound
from tests.functional.processes import Process, Stage, eventually, program
from tests.functional.proxy import start_proxy

ALONE = "{ip} link set lo up && echo alone && exec sleep 600"
"""What keeps a network namespace that has nothing but loopback."""


class NoNetworkTests(TestCase):
    def setUp(self) -> None:
        ip, unshare = program("ip"), program("unshare")
        tried = subprocess.run([unshare, "-n", "true"], capture_output=True, text=True)
        if tried.returncode:
            raise SkipTest(f"no network namespaces here: {tried.stderr.strip()}")
        stage = Stage.create(self.addCleanup)
        keeper = Process(stage, [unshare, "-n", "sh", "-c", ALONE.format(ip=ip)])
        keeper.wait_for("alone")
        self.inside = (program("nsenter"), "-t", str(keeper.pid), "-n")
        self.stage = stage.behind(*self.inside)

    def set_network(self, change: str) -> None:
        """Give the address that the upstream has to the namespace, or take it away."""
        address = (f"{LATER}/32", "dev", "lo")
        run([*self.inside, program("ip"), "address", change, *address])

    def ask(self) -> Answer:
        return dig(self.port, "www.lab.example", prefix=self.inside)

    def test_later(self) -> None:
        """Clients get failures at once, and answers when there is a network."""
        self.set_network("add")
        unbound = start_unbound(self.stage, LATER)
        self.set_network("delete")
        proxy = start_proxy(self.stage, *unbound.flags)
        self.port = proxy.port
        for _ in range(3):
            begin = time.monotonic()
            answer = self.ask()
            self.assertLess(time.monotonic() - begin, 3)
            self.assertEqual(answer.status, "SERVFAIL")
            self.assertTrue(answer.explanations & {22, 23}, answer.text)
        self.set_network("add")
        self.assertTrue(eventually(lambda: self.ask().status == "NOERROR", 5))
        self.assertTrue(proxy.process.running)
