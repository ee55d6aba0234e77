"""How it starts, how it refuses to, and how it ends."""

import signal
import socket
import time
from pathlib import Path
from subprocess import CompletedProcess
from unittest import SkipTest, TestCase

import dns.message
import dns.rcode

from tests.functional.clients import connect, dig
from tests.functional.peers import start_unbound
from tests.functional.processes import PATIENCE, Stage, free_port
from tests.functional.proxy import (
    FOREGROUND,
    ROOT,
    TWISTD,
    run_in_vain,
    start_proxy,
    start_twistd,
)

LAB = ("--upstream", "lab")

TAC = str(ROOT / "dotproxy.tac")


class FaultTests(TestCase):
    """A fault of use is one line on stderr, status 1, and nothing served."""

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.port = free_port()
        self.listen = ("--listen", f"127.0.0.1:{self.port}")

    def take_port(self, kind: socket.SocketKind) -> None:
        """Take the port, for UDP or for TCP only."""
        taker = socket.socket(socket.AF_INET, kind)
        self.addCleanup(taker.close)
        taker.bind(("127.0.0.1", self.port))

    def assert_refused(self, *words: str, names: tuple[str, ...]) -> None:
        self.assert_one_line(run_in_vain(self.stage, *FOREGROUND, *words), names)

    def assert_one_line(
        self, done: CompletedProcess[str], names: tuple[str, ...]
    ) -> None:
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for name in ("dotproxy: ", *names):
            self.assertIn(name, done.stderr)
        self.assertNotIn("Traceback", done.stdout + done.stderr)
        with self.assertRaises(ConnectionRefusedError):
            connect(self.port)

    def test_udp_taken(self) -> None:
        """The port may be in use for UDP only."""
        self.take_port(socket.SOCK_DGRAM)
        names = (f"127.0.0.1:{self.port} (UDP)", "in use")
        self.assert_refused("dotproxy", *self.listen, *LAB, names=names)

    def test_tcp_taken(self) -> None:
        """The port may be in use for TCP only; then nothing is served over UDP."""
        self.take_port(socket.SOCK_STREAM)
        names = (f"127.0.0.1:{self.port} (TCP)", "in use")
        self.assert_refused("dotproxy", *self.listen, *LAB, names=names)

    def test_second_taken(self) -> None:
        """If the second of two addresses is in use, the first is not served either."""
        self.take_port(socket.SOCK_DGRAM)
        other = free_port()
        listen = ("--listen", f"127.0.0.1:{other}", *self.listen)
        names = (f"127.0.0.1:{self.port} (UDP)",)
        self.assert_refused("dotproxy", *listen, *LAB, names=names)
        with self.assertRaises(ConnectionRefusedError):
            connect(other)

    def test_daemon(self) -> None:
        """A daemon says so before it leaves for the background."""
        self.take_port(socket.SOCK_DGRAM)
        files = ("--pidfile=twistd.pid", "--logfile=twistd.log")
        words = (*files, "dotproxy", *self.listen, *LAB)
        done = run_in_vain(self.stage, TWISTD, *words)
        self.assert_one_line(done, (f"127.0.0.1:{self.port} (UDP)", "in use"))
        self.assertFalse((self.stage.folder / "twistd.pid").exists())

    def test_flag(self) -> None:
        """A flag that does not exist, or has a wrong value, is named."""
        words = ("dotproxy", *self.listen)
        self.assert_refused(*words, "--upstraem", "lab", names=("--upstraem",))
        self.assert_refused(*words, "--timeout", "soon", names=("--timeout", "soon"))
        upstream = "8.8.8.8:53"
        names = ("--upstream", upstream, "853")
        self.assert_refused(*words, "--upstream", upstream, names=names)

    def test_file(self) -> None:
        """A file that is missing, or has a wrong key, is named with the line."""
        words = ("dotproxy", *self.listen, "--config")
        missing = str(self.stage.folder / "missing.toml")
        self.assert_refused(*words, missing, names=(missing, "No such file"))
        wrong = self.stage.folder / "wrong.toml"
        wrong.write_text('profile = "strict"\n[forward]\ntimeuot = 5\n')
        names = (f"{wrong}:3", "timeuot", "timeout")
        self.assert_refused(*words, str(wrong), names=names)

    def test_authorities(self) -> None:
        """A file of authorities that is missing, or is none, is named."""
        words = ("dotproxy", *self.listen, "--upstream", "127.0.0.1", "--ca-file")
        broken = self.stage.folder / "broken.pem"
        broken.write_text("-----BEGIN CERTIFICATE-----\nbroken\n")
        for file in ("missing.pem", str(self.stage.folder), str(broken)):
            self.assert_refused(*words, file, names=(file,))


class AddressTests(TestCase):
    def test_both_families(self) -> None:
        """Several addresses are served at once, IPv6 ones too."""
        if not Path("/proc/net/if_inet6").exists():
            raise SkipTest("this machine has no IPv6")
        stage = Stage.create(self.addCleanup)
        proxy = start_proxy(stage, "--listen", f"[::1]:{free_port()}", *LAB)
        port = int(proxy.process.wait_for(r"\[::1\]:(\d+)")[1])
        for address, at in (("127.0.0.1", proxy.port), ("::1", port)):
            for way in ("+notcp", "+tcp"):
                answer = dig(at, f"@{address}", way, "www.lab.example")
                self.assertEqual(len(answer.values), 2)
                self.assertIn(f"SERVER: {address}#{at}", answer.text)


class TacTests(TestCase):
    def test_serves(self) -> None:
        """dotproxy.tac serves what DOTPROXY_FLAGS says."""
        stage = Stage.create(self.addCleanup)
        listen = f"--listen 127.0.0.1:{free_port()}"
        flags = {"DOTPROXY_FLAGS": f"{listen} --upstream lab"}
        proxy = start_twistd(stage, "-y", TAC, environment=flags)
        self.assertEqual(len(dig(proxy.port, "www.lab.example").values), 2)

    def test_fault(self) -> None:
        """A fault in DOTPROXY_FLAGS is one line, too."""
        stage = Stage.create(self.addCleanup)
        command = ("env", "DOTPROXY_FLAGS=--upstraem lab", *FOREGROUND, "-y", TAC)
        done = run_in_vain(stage, *command)
        self.assertEqual(done.returncode, 1)
        [line] = done.stderr.splitlines()
        self.assertIn("--upstraem", line)


class StopTests(TestCase):
    """SIGTERM ends it in good order, and soon.

    Then twistd dies by the signal that it got, so that its parent sees why; systemd
    takes that for success.
    """

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)

    def start(self, *flags: str) -> None:
        """Start it, and connect over UDP and TCP."""
        self.proxy = start_proxy(self.stage, *flags)
        self.stream = connect(self.proxy.port)
        self.addCleanup(self.stream.close)
        self.datagrams = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(self.datagrams.close)
        self.datagrams.settimeout(PATIENCE)
        self.datagrams.connect(("127.0.0.1", self.proxy.port))

    def ask(self, name: str) -> None:
        """Ask over UDP and TCP; the answer to a later query shows that both came."""
        query = dns.message.make_query(name, "A", use_edns=0)
        self.stream.sendall(query.to_wire(prepend_length=True))
        self.datagrams.send(query.to_wire())
        self.assertEqual(dig(self.proxy.port, "www.lab.example").status, "NOERROR")

    def assert_stops(self, within: float) -> None:
        begin = time.monotonic()
        self.assertEqual(self.proxy.process.stop(), -signal.SIGTERM)
        self.assertLess(time.monotonic() - begin, within)
        self.assertIn("Server Shut Down.", self.proxy.process.output)
        self.assertNotIn("Traceback", self.proxy.process.output)

    def replies(self) -> list[dns.message.Message]:
        """Return what came over UDP, and over TCP before that was closed."""
        octets = b""
        while more := self.stream.recv(4096):
            octets += more
        self.assertEqual(int.from_bytes(octets[:2], "big"), len(octets) - 2)
        wires = (self.datagrams.recv(4096), octets[2:])
        return [dns.message.from_wire(wire) for wire in wires]

    def test_at_rest(self) -> None:
        """Nothing was asked yet: it ends at once."""
        self.start(*LAB)
        self.assert_stops(within=1)

    def test_connected(self) -> None:
        """Connections are open on both sides, and nothing under way: so it does."""
        self.start(*LAB)
        self.assertEqual(len(dig(self.proxy.port, "www.lab.example").values), 2)
        self.assert_stops(within=1)

    def test_under_way(self) -> None:
        """What is under way is answered before it ends, over UDP and TCP."""
        self.start(*LAB)
        self.ask("slow.lab.example")
        self.assert_stops(within=2.5)
        for reply in self.replies():
            self.assertEqual(reply.rcode(), dns.rcode.NOERROR)
            self.assertTrue(reply.answer)

    def test_in_vain(self) -> None:
        """Where no answer comes, clients hear that before it ends, and why."""
        unbound = start_unbound(self.stage)
        self.start(*unbound.flags)
        self.assertEqual(dig(self.proxy.port, "www.lab.example").status, "NOERROR")
        unbound.process.suspend()
        self.ask("mx.lab.example")
        self.assert_stops(within=2.5)
        for reply in self.replies():
            self.assertEqual(reply.rcode(), dns.rcode.SERVFAIL)
            self.assertEqual([option.code for option in reply.extended_errors()], [23])

    def test_cache_file(self) -> None:
        """The last answer is in the cache's file."""
        file = self.stage.folder / "dotproxy.toml"
        file.write_text('[cache]\nfile = "cache"\n')
        self.start("--config", str(file), *LAB)
        self.ask("slow.lab.example")
        self.assert_stops(within=2.5)
        kept = (self.stage.folder / "cache").read_bytes()
        self.assertIn(b"\4slow\3lab\7example", kept)
