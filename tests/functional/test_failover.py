"""Upstreams that are dead, dumb, or killed on the way; and their return."""

import socket
import threading
import time
from unittest import TestCase

from tests.functional.clients import dig, dnsperf
from tests.functional.peers import NAME, count_queries, start_unbound
from tests.functional.processes import Stage, eventually
from tests.functional.proxy import Proxy, start_proxy

RETURN = 5.0
"""Seconds after which an upstream that is back is used at the latest."""


QUESTIONS = ("www.lab.example A", "mx.lab.example AAAA", "txt.lab.example TXT")


NO_CACHE = ("--cache-size", "0")
"""Else the cache would hide what becomes of the upstreams."""


class TwoTests(TestCase):
    """While one of two upstreams works every query is answered."""

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.unbound = start_unbound(self.stage)

    def start_beside(self, server: socket.socket) -> Proxy:
        """Start a proxy that prefers `server`, whatever that is, to unbound."""
        first = f"tls://127.0.0.1:{server.getsockname()[1]}#{NAME}"
        return start_proxy(
            self.stage, *NO_CACHE, "--upstream", first, *self.unbound.flags
        )

    def bound(self) -> socket.socket:
        """Bind a port; who connects is refused as long as it does not listen."""
        server = socket.socket()
        self.addCleanup(server.close)
        server.bind(("127.0.0.1", 0))
        return server

    def assert_all_answered(self, proxy: Proxy) -> None:
        load = dnsperf(self.stage, proxy.port, QUESTIONS, 1)
        self.assertEqual((load.lost, load.rcodes), (0, {"NOERROR": load.sent}))

    def test_refused(self) -> None:
        """The first upstream refuses the connection."""
        proxy = self.start_beside(self.bound())
        first = dig(proxy.port, "www.lab.example")
        self.assertEqual(len(first.values), 2)
        self.assert_all_answered(proxy)

    def test_silent(self) -> None:
        """The first upstream takes the connection, and never shakes hands."""
        server = self.bound()
        server.listen(64)
        proxy = self.start_beside(server)
        begin = time.monotonic()
        first = dig(proxy.port, "www.lab.example")
        self.assertEqual(len(first.values), 2)
        self.assertLess(time.monotonic() - begin, 3)
        self.assert_all_answered(proxy)

    def test_killed(self) -> None:
        """The first upstream dies with queries under way."""
        doomed = start_unbound(self.stage)
        file = self.stage.folder / "both.pem"
        peers = (doomed, self.unbound)
        certificates = [peer.certificates.ca_file.read_bytes() for peer in peers]
        file.write_bytes(b"".join(certificates))
        specs = [word for peer in peers for word in ("--upstream", peer.spec)]
        proxy = start_proxy(self.stage, *NO_CACHE, *specs, "--ca-file", str(file))
        served: list[int] = []

        def kill() -> None:
            served.append(count_queries(doomed))
            doomed.process.kill()

        killer = threading.Timer(1.0, kill)
        killer.start()
        self.addCleanup(killer.join)
        load = dnsperf(self.stage, proxy.port, QUESTIONS, 2)
        self.assertGreater(served[0], 0)
        self.assertEqual((load.lost, load.rcodes), (0, {"NOERROR": load.sent}))
        self.assertGreater(count_queries(self.unbound), 0)


class OnlyTests(TestCase):
    """What clients get when nobody is left, and when somebody is back."""

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.unbound = start_unbound(self.stage)
        self.port = start_proxy(self.stage, *NO_CACHE, *self.unbound.flags).port

    def answers(self) -> bool:
        return dig(self.port, "www.lab.example").status == "NOERROR"

    def assert_excused(self) -> None:
        """A client that waits for five seconds, and not longer, hears why."""
        answer = dig(self.port, "www.lab.example", "+time=5")
        self.assertEqual(answer.status, "SERVFAIL")
        self.assertTrue(answer.explanations & {22, 23}, answer.text)

    def test_killed(self) -> None:
        """Without an upstream there is SERVFAIL with a reason; with it, answers."""
        self.assertTrue(self.answers())
        self.unbound.process.kill()
        for _ in range(5):
            self.assert_excused()
        self.unbound.process.start()
        self.assertTrue(eventually(self.answers, RETURN))

    def test_stopped(self) -> None:
        """One that stops answering, its connections open, is excused and recovers."""
        self.assertTrue(self.answers())
        self.unbound.process.suspend()
        self.assert_excused()
        self.unbound.process.resume()
        self.assertTrue(eventually(self.answers, RETURN))
