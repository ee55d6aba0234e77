"""A machine without a network: the proxy starts, says so to clients, and waits."""

import time
from unittest import TestCase

from tests.functional.clients import Answer, dig
from tests.functional.network import Machine
from tests.functional.peers import LATER, start_unbound
from tests.functional.processes import Stage, eventually
from tests.functional.proxy import start_proxy


class NoNetworkTests(TestCase):
    def setUp(self) -> None:
        self.machine = Machine.create(Stage.create(self.addCleanup))

    def set_network(self, change: str) -> None:
        """Give the address that the upstream has to the namespace, or take it away."""
        self.machine.ip("address", change, f"{LATER}/32", "dev", "lo")

    def ask(self) -> Answer:
        return dig(self.port, "www.lab.example", prefix=self.machine.stage.prefix)

    def test_later(self) -> None:
        """Clients get failures at once, and answers when there is a network."""
        self.set_network("add")
        unbound = start_unbound(self.machine.stage, LATER)
        self.set_network("delete")
        proxy = start_proxy(self.machine.stage, *unbound.flags)
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
