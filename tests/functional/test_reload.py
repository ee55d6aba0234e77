"""SIGHUP: another configuration for a process that goes on."""

import os
import signal
import socket
import time
from contextlib import closing
from pathlib import Path
from unittest import SkipTest, TestCase

import dns.message

from tests.functional.clients import connect, dig
from tests.functional.peers import NAME, Peer, count_queries, start_unbound
from tests.functional.processes import Stage, eventually, free_port
from tests.functional.proxy import (
    TWISTD,
    Proxy,
    run_in_vain,
    start_proxy,
    start_twistd,
)
from tests.functional.steady import Steady
from tests.long import long

NO_CACHE = "[cache]\nsize = 0\n"

RELOADED, REFUSED = "reloaded, ", "not reloaded, "


def upstream(peer: Peer) -> str:
    """Return what a file says to have this server as an upstream."""
    return (
        "[[upstream]]\n"
        'address = "127.0.0.1"\n'
        f"port = {peer.port}\n"
        f'server_name = "{NAME}"\n'
        f'ca_file = "{peer.certificates.ca_file}"\n'
    )


class ReloadTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.file = self.stage.folder / "dotproxy.toml"

    def start(self, text: str) -> Proxy:
        """Start with this in the file, and an address of the test's own."""
        self.ports = [free_port()]
        self.write(text)
        return start_twistd(self.stage, "dotproxy", "--config", str(self.file))

    def write(self, text: str) -> None:
        """Write the file anew, with the ports of the test."""
        listen = [f"127.0.0.1:{port}" for port in self.ports]
        self.file.write_text(f"listen = {listen}\n{text}")

    def reload(self, proxy: Proxy, outcome: str = RELOADED) -> str:
        """Reload, and return the line that says what came of it."""
        before = proxy.process.output.count(outcome)
        proxy.process.hang_up()
        said = eventually(lambda: proxy.process.output.count(outcome) > before)
        self.assertTrue(said, proxy.process.output)
        lines = proxy.process.output.splitlines()
        return [line for line in lines if outcome in line][-1]

    def assert_quiet(self, proxy: Proxy) -> None:
        """It still runs, and nothing went wrong in it."""
        self.assertTrue(proxy.process.running)
        self.assertNotIn("Traceback", proxy.process.output)

    def assert_all_answered(self, steady: Steady) -> None:
        self.assertGreater(steady.sent, 100)
        self.assertEqual((steady.lost, steady.rcodes), (0, {"NOERROR": steady.sent}))


class SteadyTests(ReloadTests):
    """Who asks all the time does not notice."""

    def test_same(self) -> None:
        """Five reloads without a change lose no query, and fail none."""
        unbound = start_unbound(self.stage)
        proxy = self.start(NO_CACHE + upstream(unbound))
        with Steady(proxy.port) as steady:
            for _ in range(5):
                time.sleep(0.3)
                self.assertIn("nothing changed", self.reload(proxy))
        self.assert_all_answered(steady)
        self.assert_quiet(proxy)

    def test_other_upstream(self) -> None:
        """Nor do five reloads that go from one upstream to another and back."""
        both = [start_unbound(self.stage), start_unbound(self.stage)]
        proxy = self.start(NO_CACHE + upstream(both[0]))
        with Steady(proxy.port) as steady:
            for turn in range(1, 6):
                time.sleep(0.3)
                self.write(NO_CACHE + upstream(both[turn % 2]))
                self.assertIn("upstream changed", self.reload(proxy))
            settled = count_queries(both[0])
            time.sleep(0.3)
        self.assert_all_answered(steady)
        counts = [count_queries(each) for each in both]
        # Those that were under way are all that the old one still got.
        self.assertLess(counts[0] - settled, 5)
        self.assertGreater(min(counts), 20)
        self.assert_quiet(proxy)


class ChangeTests(ReloadTests):
    """What a reload can do, and what it leaves alone."""

    def descriptors(self, proxy: Proxy) -> int:
        """Return how many descriptors the process has."""
        return len(list(Path(f"/proc/{proxy.process.pid}/fd").iterdir()))

    def test_fault(self) -> None:
        """A fault is one line with file and line; all goes on as it was."""
        unbound = start_unbound(self.stage)
        proxy = self.start(NO_CACHE + upstream(unbound))
        self.ports.append(free_port())
        self.write("[forward]\ntimeuot = 1\n")
        line = self.reload(proxy, REFUSED)
        self.assertIn(f"{self.file}:3: unknown key 'timeuot'", line)
        self.assertIn("did you mean 'timeout'?", line)
        with self.assertRaises(ConnectionRefusedError):
            connect(self.ports[1])
        self.assertEqual(dig(proxy.port, "www.lab.example").status, "NOERROR")
        self.assert_quiet(proxy)

    def test_port_taken(self) -> None:
        """An address that cannot be had is a fault; nothing else is opened."""
        unbound = start_unbound(self.stage)
        proxy = self.start(NO_CACHE + upstream(unbound))
        taker = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(taker.close)
        taker.bind(("127.0.0.1", 0))
        free, taken = free_port(), taker.getsockname()[1]
        self.ports += [free, taken]
        self.write('[[upstream]]\naddress = "192.0.2.1"\n')
        line = self.reload(proxy, REFUSED)
        self.assertIn(f"listen 127.0.0.1:{taken} (UDP): already in use", line)
        with self.assertRaises(ConnectionRefusedError):
            connect(free)
        self.assertEqual(dig(proxy.port, "www.lab.example").status, "NOERROR")

    def test_listeners(self) -> None:
        """An address is added and removed; who is connected to the other stays so."""
        unbound = start_unbound(self.stage)
        proxy = self.start(NO_CACHE + upstream(unbound))
        first, second = self.ports[0], free_port()
        query = dns.message.make_query("www.lab.example", "A")
        with closing(connect(first)) as stream:
            self.ports.append(second)
            self.write(NO_CACHE + upstream(unbound))
            self.reload(proxy)
            for way in ("+notcp", "+tcp"):
                self.assertEqual(dig(second, way, "www.lab.example").status, "NOERROR")
            self.ports.remove(second)
            self.write(NO_CACHE + upstream(unbound))
            self.reload(proxy)
            stream.sendall(query.to_wire(prepend_length=True))
            self.assertTrue(stream.recv(2))

        def closed() -> bool:
            try:
                connect(second).close()
            except ConnectionRefusedError:
                return True
            return False

        self.assertTrue(eventually(closed))
        self.assertEqual(dig(first, "www.lab.example").status, "NOERROR")
        self.assert_quiet(proxy)

    @long
    def test_descriptors(self) -> None:
        """Twenty reloads, with addresses that come and go, leave no descriptor."""
        if not Path("/proc/self/fd").exists():
            raise SkipTest("this system does not show descriptors")
        unbound = start_unbound(self.stage)
        proxy = self.start(NO_CACHE + upstream(unbound))
        dig(proxy.port, "www.lab.example")
        before, other = self.descriptors(proxy), free_port()
        for turn in range(20):
            self.ports[1:] = [other] if turn % 2 == 0 else []
            self.write(NO_CACHE + upstream(unbound))
            self.reload(proxy)
            self.assertEqual(dig(proxy.port, "www.lab.example").status, "NOERROR")
        gone = eventually(lambda: self.descriptors(proxy) <= before)
        self.assertTrue(gone, f"{before} before, {self.descriptors(proxy)} now")
        self.assert_quiet(proxy)

    def test_lasting(self) -> None:
        """What takes a restart is named, once."""
        proxy = self.start("")
        self.write('[cache]\nfile = "cache"\n')
        self.reload(proxy)
        warned = "cache.file takes a restart"
        self.assertTrue(eventually(lambda: warned in proxy.process.output))
        self.assertFalse((self.stage.folder / "cache").exists())


class FlagsTests(TestCase):
    """Without a file the flags are read once more."""

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)

    def test_lab(self) -> None:
        """The process goes on, and so does the lab in it."""
        proxy = start_proxy(self.stage, "--upstream", "lab")
        proxy.process.hang_up()
        proxy.process.wait_for(RELOADED)
        self.assertEqual(dig(proxy.port, "www.lab.example").status, "NOERROR")

    def test_ca_file(self) -> None:
        """A file that a flag names is read once more: trust is what it is now."""
        unbound, stranger = start_unbound(self.stage), start_unbound(self.stage)
        file = unbound.certificates.ca_file
        proxy = start_proxy(self.stage, *unbound.flags)
        self.assertEqual(dig(proxy.port, "www.lab.example").status, "NOERROR")
        file.write_bytes(stranger.certificates.ca_file.read_bytes())
        proxy.process.hang_up()
        proxy.process.wait_for("the cache begins anew")
        answer = dig(proxy.port, "www.lab.example")
        self.assertEqual(answer.status, "SERVFAIL", answer.text)

    def test_daemon(self) -> None:
        """A daemon finds files again that were named in the folder it left."""
        port, other = free_port(), free_port()
        file, log = self.stage.folder / "dotproxy.toml", self.stage.folder / "log"
        file.write_text(f'listen = ["127.0.0.1:{port}"]\n')
        (self.stage.folder / "run").mkdir()
        words = ("--pidfile=pid", f"--logfile={log}", "--rundir=run")
        command = (TWISTD, *words, "dotproxy", "--config", "dotproxy.toml")
        self.assertEqual(run_in_vain(self.stage, *command).returncode, 0)
        pid_file = self.stage.folder / "pid"
        self.addCleanup(self.end, int(pid_file.read_text()), pid_file)
        file.write_text(f'listen = ["127.0.0.1:{other}"]\n')
        os.kill(int(pid_file.read_text()), signal.SIGHUP)
        served = f"listen changed; serves 127.0.0.1:{other}"
        self.assertTrue(eventually(lambda: served in log.read_text()), log.read_text())

    def end(self, pid: int, pid_file: Path) -> None:
        """End a process that is nobody's child; it takes its file away at the end."""
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(eventually(lambda: not pid_file.exists()))
