"""`twistd dotproxy-lab` as people run it: asked by kdig, and by dotproxy."""

import os
import shlex
import signal
import subprocess
from dataclasses import dataclass
from unittest import TestCase

from tests.functional.clients import Answer, dig, kdig
from tests.functional.processes import (
    Process,
    Stage,
    eventually,
    free_port,
    program,
)
from tests.functional.proxy import (
    ENVIRONMENT,
    FOREGROUND,
    TWISTD,
    run_in_vain,
    start_proxy,
)

NAME = "www.lab.example"


@dataclass(frozen=True)
class Lab:
    """A lab that runs; `flags` are those by which it tells dotproxy to ask it."""

    process: Process
    port: int
    flags: list[str]

    @property
    def trust(self) -> tuple[str, ...]:
        """What kdig needs to trust it."""
        return ("+tls", f"+tls-ca={self.flags[-1]}", "+tls-hostname=dns.lab.example")

    def ask(self, *words: str) -> Answer:
        """Ask it by kdig, which must get an answer."""
        return kdig(self.port, *self.trust, *words)

    def ask_in_vain(self, *words: str) -> str:
        """Ask it by kdig, which must get none; return what that says."""
        server = ("-p", str(self.port), "@127.0.0.1")
        command = [program("kdig"), *server, *self.trust, "+retry=0", "+time=1", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def switch(self, told: str) -> None:
        """Send SIGUSR1, and wait until it has told what it has now."""
        times = self.process.output.count(told)
        os.kill(self.process.pid, signal.SIGUSR1)
        assert eventually(lambda: self.process.output.count(told) > times)


class LabCommandTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)

    def start(self, *faults: str) -> Lab:
        flags = [word for fault in faults for word in ("--fault", fault)]
        words = [*FOREGROUND, "dotproxy-lab", "--ca-file", "ca.pem", *flags]
        process = Process(self.stage, words, ENVIRONMENT)
        told = process.wait_for(r"serves 127\.0\.0\.1:(\d+) .* twistd -n dotproxy (.*)")
        return Lab(process, int(told[1]), shlex.split(told[2]))

    def test_good(self) -> None:
        """Without faults a client that verifies gets an answer, and it ends well."""
        lab = self.start()
        self.assertEqual(lab.ask(NAME).values, ["A 192.0.2.1", "A 192.0.2.2"])
        self.assertEqual(lab.process.stop(), -signal.SIGTERM)
        self.assertNotIn("Traceback", lab.process.output)

    def test_faults(self) -> None:
        """A client of another house sees what was asked for."""
        lab = self.start("rcode=REFUSED@lab.example", "swallow@example.net")
        self.assertEqual(lab.ask(NAME).status, "REFUSED")
        self.assertEqual(lab.ask("www.example").status, "NXDOMAIN")
        self.assertIn("took too long", lab.ask_in_vain("www.example.net"))

    def test_certificate(self) -> None:
        """A client of another house refuses the certificate, and nothing breaks."""
        lab = self.start("expired")
        self.assertIn("certificate", lab.ask_in_vain(NAME))
        lab.switch("has no faults now")
        self.assertEqual(lab.ask(NAME).status, "NOERROR")
        self.assertNotIn("Traceback", lab.process.output)

    def test_recovery(self) -> None:
        """dotproxy, started as the log says, finds a lost upstream again."""
        lab = self.start("refuse")
        flags = ("--cache-size", "0", "--timeout", "1")
        proxy = start_proxy(self.stage, *lab.flags, *flags)
        self.assertEqual(dig(proxy.port, NAME).status, "SERVFAIL")
        lab.switch("has no faults now")
        self.assertTrue(eventually(lambda: dig(proxy.port, NAME).status == "NOERROR"))
        lab.switch("has refuse now")
        lab.switch("has no faults now")
        self.assertTrue(eventually(lambda: dig(proxy.port, NAME).status == "NOERROR"))

    def test_daemon(self) -> None:
        """A daemon serves as well; a second one is refused before it leaves."""
        port = free_port()
        words = ("--port", str(port), "--ca-file", "ca.pem", "--fault", "rcode=REFUSED")
        files = ("--pidfile=lab.pid", "--logfile=lab.log")
        done = run_in_vain(self.stage, TWISTD, *files, "dotproxy-lab", *words)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        pid = self.stage.folder / "lab.pid"
        self.addCleanup(os.kill, int(pid.read_text()), signal.SIGTERM)
        trust = ("+tls", f"+tls-ca={self.stage.folder}/ca.pem")
        self.assertEqual(kdig(port, *trust, NAME).status, "REFUSED")
        files = ("--pidfile=other.pid", "--logfile=other.log")
        done = run_in_vain(self.stage, TWISTD, *files, "dotproxy-lab", *words)
        line = f"dotproxy-lab: --port: 127.0.0.1:{port}: Address already in use\n"
        self.assertEqual((done.returncode, done.stderr), (1, line))

    def test_list(self) -> None:
        """--list tells the faults and ends well; a wrong one is a line and status 1."""
        done = run_in_vain(self.stage, *FOREGROUND, "dotproxy-lab", "--list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("  close-after=N ", done.stdout)
        words = ("dotproxy-lab", "--fault", "close-aftr=3")
        done = run_in_vain(self.stage, *FOREGROUND, *words)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(
            done.stderr,
            "dotproxy-lab: --fault 'close-aftr=3' is no fault:"
            " did you mean close-after=N?\n",
        )
