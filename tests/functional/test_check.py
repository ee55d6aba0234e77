"""`dotproxy check` and `dotproxy pin`, as people run them, against real servers."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from typing import Any
from unittest import TestCase

from tests.functional.peers import (
    DNSDIST_IDLE,
    NAME,
    Peer,
    count_queries,
    start_dnsdist,
    start_nsd,
    start_unbound,
)
from tests.functional.processes import PATIENCE, Stage, free_port, program
from tests.functional.proxy import ENVIRONMENT, ROOT

MAIN = (sys.executable, "-c", "from dotproxy.cli.main import main; main()")
"""What the console script does, installed or not."""

KNOWN = "--name=www.lab.example"


def run(*words: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the command until it ends by itself."""
    return subprocess.run(
        [*prefix, *MAIN, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env={**os.environ, **ENVIRONMENT},
    )


def found(*words: str) -> tuple[int, dict[str, Any]]:
    """Return the exit status, and what was found of the only address."""
    done = run("check", "--json", *words)
    assert done.stderr == "", done.stderr
    (upstream,) = json.loads(done.stdout)["upstreams"]
    (server,) = upstream["servers"]
    return done.returncode, server


def trusting(peer: Peer) -> tuple[str, ...]:
    """Return the words to check a server, and to trust its authority."""
    return peer.spec, f"--ca-file={peer.certificates.ca_file}"


class PeerTests(TestCase):
    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)

    def test_unbound(self) -> None:
        """Of unbound, a validating resolver, it is found that it pads and validates."""
        unbound = start_unbound(self.stage)
        status, server = found(*trusting(unbound), "--name=good.signed.example")
        answers = server["answers"]
        assert (status, server["status"], server["warnings"]) == (0, "good", [])
        assert server["identity"]["matched"] == NAME
        assert (answers["padded_to"], answers["authenticates"]) == (468, True)
        assert (answers["in_flight"], answers["resumption"]) == (32, True)
        pins = [f"sha256//{pin}" for pin in unbound.certificates.pins]
        assert [it["pin"] for it in server["chain"]] == pins

    def test_nsd(self) -> None:
        """Of nsd, that it does not pad; it knows its own zone only."""
        nsd = start_nsd(self.stage)
        status, server = found(*trusting(nsd), KNOWN)
        assert (status, server["answers"]["padded_to"]) == (0, None)
        assert "not padded" in server["warnings"][0]
        status, server = found(*trusting(nsd))
        assert (status, server["answers"]["rcode"]) == (1, "REFUSED")

    def test_dnsdist(self) -> None:
        """Of dnsdist, how long it keeps an idle connection."""
        dnsdist = start_dnsdist(self.stage, start_nsd(self.stage))
        status, server = found(*trusting(dnsdist), KNOWN, "--idle=5")
        assert (status, server["encryption"]["alpn"]) == (0, "dot")
        closed = server["answers"]["idle_closed_s"]
        assert DNSDIST_IDLE - 0.2 <= closed < 5

    def test_refused(self) -> None:
        """Who does not prove to be it is asked nothing, and shown all the same."""
        unbound = start_unbound(self.stage)
        address = f"127.0.0.1:{unbound.port}"
        ca_file = f"--ca-file={unbound.certificates.ca_file}"
        for words, reason in (
            ((unbound.spec,), "certificate signed by an authority that is not"),
            ((f"{address}#a.example", ca_file), "certificate is not for a.example"),
            ((address, f"--pin={'A' * 43}="), "no certificate has a pinned key"),
        ):
            status, server = found(*words)
            assert (status, server["status"]) == (1, "wrong")
            assert server["reason"].startswith(reason)
            pin = f"sha256//{unbound.certificates.pins[0]}"
            assert server["chain"][0]["pin"] == pin
        assert count_queries(unbound) == 0

    def test_pin(self) -> None:
        """What `pin` prints can be pasted, and then pins that very server."""
        unbound = start_unbound(self.stage)
        ca_file = f"--ca-file={unbound.certificates.ca_file}"
        done = run("pin", f"localhost:{unbound.port}#{NAME}", ca_file)
        assert (done.returncode, done.stderr) == (0, "")
        server_pin, *_ = tomllib.loads(done.stdout)["spki_pins"]
        words = (f"127.0.0.1:{unbound.port}", "--pin", server_pin)
        status, server = found(*words, "--name=good.signed.example")
        assert (status, server["identity"]["by"]) == (0, "pin")


class OddPeerTests(TestCase):
    """What is no server of DNS over TLS is one plain line, never a traceback."""

    def assert_wrong(self, expected: str, *words: str) -> None:
        done = run("check", "--timeout=0.5", *words)
        assert (done.returncode, done.stderr) == (1, "")
        assert f"  wrong       {expected}" in done.stdout, done.stdout

    def listen(self) -> socket.socket:
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        return listening

    def test_closed_port(self) -> None:
        """A closed port."""
        expected = "connection refused: nothing listens there"
        self.assert_wrong(expected, f"127.0.0.1:{free_port()}")

    def test_silence(self) -> None:
        """A server that says nothing, as one of plain DNS would to a TLS client."""
        port = self.listen().getsockname()[1]
        expected = "no TLS in 0.5 s: it accepts connections and then says nothing"
        self.assert_wrong(expected, f"127.0.0.1:{port}")

    def test_plain_text(self) -> None:
        """A server that speaks plain text."""
        listening = self.listen()

        def speak() -> None:
            client, _ = listening.accept()
            with client:
                client.sendall(b"220 mail.example ESMTP\r\n")
                client.recv(4096)

        threading.Thread(target=speak, daemon=True).start()
        port = listening.getsockname()[1]
        self.assert_wrong("no TLS: ", f"127.0.0.1:{port}")

    def test_no_network(self) -> None:
        """Where there is no network, the upstreams by default cannot be reached."""
        alone = (program("unshare"), "--user", "--map-root-user", "--net")
        done = run("check", prefix=alone)
        if "unshare failed" in done.stderr:
            self.skipTest("this machine allows no namespaces")
        assert (done.returncode, done.stderr) == (1, "")
        assert "none of its addresses can be reached from here" in done.stdout
        assert done.stdout.endswith("0 of 2 upstreams are good.\n")


class Terminal:
    """The command on a terminal of its own; `screen` has all that it wrote there."""

    def __init__(self, *words: str) -> None:
        self.screen = ""
        pid, self._terminal = pty.fork()
        if not pid:
            os.chdir(ROOT)
            # Who runs the tests may have it ignored, as shells do for jobs behind.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            environment = {**os.environ, **ENVIRONMENT, "TERM": "xterm"}
            os.execve(MAIN[0], [*MAIN, *words], environment)
        self._pid = pid

    def read_until(self, text: str) -> None:
        """Read until it has written this; AssertionError if it does not."""
        end = time.monotonic() + PATIENCE
        while text not in self.screen:
            assert time.monotonic() < end, self.screen
            assert self._read(), self.screen

    def press(self, key: bytes) -> None:
        """Press a key."""
        os.write(self._terminal, key)

    def wait(self) -> int:
        """Read to the end, and return the exit status."""
        while self._read():
            pass
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self) -> bool:
        """Read what there is; False at the end, which Linux reports as an error."""
        ready, _, _ = select.select([self._terminal], [], [], PATIENCE)
        assert ready, self.screen
        try:
            octets = os.read(self._terminal, 2**16)
        except OSError:
            return False
        self.screen += octets.decode()
        return bool(octets)


class TerminalTests(TestCase):
    HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"

    def test_progress(self) -> None:
        """On a terminal one sees what is being done; at the end only the report."""
        terminal = Terminal("check", "lab", "--idle=0.5")
        terminal.read_until("idle, up to 0.5 s")
        assert terminal.wait() == 0
        report = terminal.screen[terminal.screen.rindex(self.SHOW) :]
        assert "examining" not in report
        assert "verified as dns.lab.example" in report

    def test_interrupt(self) -> None:
        """Ctrl-C ends it at once, and leaves the terminal as it was."""
        terminal = Terminal("check", "lab", "--idle=60")
        terminal.read_until("idle, up to 60 s")
        terminal.press(b"\x03")
        assert terminal.wait() == 128 + signal.SIGINT
        assert terminal.screen.count(self.HIDE) == terminal.screen.count(self.SHOW)
        assert terminal.screen.endswith("dotproxy: interrupted\r\n")
        assert "Traceback" not in terminal.screen

    def test_closed_pipe(self) -> None:
        """A reader that has enough, such as head, is no failure worth a word."""
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            done = subprocess.run(
                [*MAIN, "check", "lab"],
                stdout=pipe,
                stderr=subprocess.PIPE,
                timeout=PATIENCE,
                env={**os.environ, **ENVIRONMENT},
            )
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


class ImportTests(TestCase):
    def test_rich(self) -> None:
        """The proxy does not import what only the command needs."""
        program = (
            "import sys, dotproxy.service; import dotproxy.cli.main;"
            "sys.exit('rich' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, **ENVIRONMENT}
        )
        assert done.returncode == 0
