"""Real processes: started, waited for, and ended without fail."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import SkipTest

AtEnd = Callable[..., object]
"""Register what is to be done at the end: a test's addCleanup, or atexit.register."""

PACKAGES = {
    "chromedriver": "chromium-driver",
    "chromium": "chromium",
    "curl": "curl",
    "dig": "bind9-dnsutils",
    "dnsdist": "dnsdist",
    "dnsperf": "dnsperf",
    "dnstap-ldns": "dnstap-ldns",
    "fstrm_capture": "fstrm-bin",
    "getdns_query": "getdns-utils",
    "haproxy": "haproxy",
    "ip": "iproute2",
    "kdig": "knot-dnsutils",
    "mount": "mount",
    "nginx": "nginx",
    "nsd": "nsd",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "promtool": "prometheus",
    "redis-server": "redis-server",
    "stubby": "stubby",
    "systemd-analyze": "systemd",
    "unbound": "unbound",
    "unbound-control": "unbound",
    "unshare": "util-linux",
}
"""The programs that are needed, and the Debian packages that have them."""

PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
"""Where programs are looked for; Debian's users lack the folders of its servers."""

SHARES = 8

PORTS = range(10_000, 32_000)
"""Ports to choose from, below those that the system gives to clients by itself."""

if _worker := os.environ.get("PYTEST_XDIST_WORKER", ""):
    # Of several processes that run tests each has a share of its own: between the
    # choice and the use of a port nobody else may have it.
    PORTS = PORTS[int(_worker.removeprefix("gw")) % SHARES :: SHARES]

PATIENCE = 20.0
"""Seconds that a process may take to do what it should."""


@dataclass(frozen=True)
class Stage:
    """Where processes run: their folder, what ends them, and what goes before them.

    `prefix` is a command that runs each of them, in other surroundings, as itself.
    """

    folder: Path
    at_end: AtEnd
    prefix: tuple[str, ...] = ()

    @classmethod
    def create(cls, at_end: AtEnd) -> "Stage":
        """Make a temporary folder that is gone at the end."""
        folder = tempfile.mkdtemp(prefix="dotproxy-")
        at_end(shutil.rmtree, folder, ignore_errors=True)
        return cls(Path(folder), at_end)

    def behind(self, *prefix: str) -> "Stage":
        """Return the same stage, with commands that `prefix` runs."""
        return replace(self, prefix=prefix)


class Process:
    """One process, which is ended at the end of its stage if not before.

    What it says on stdout and stderr is kept in a file.  It has the descriptors
    `handed`, under their numbers here.  Where the system can, the process also dies
    with the one that started it, however that may end.
    """

    def __init__(
        self,
        stage: Stage,
        command: list[str],
        environment: Mapping[str, str] | None = None,
        handed: tuple[int, ...] = (),
    ) -> None:
        self._stage = stage
        self._handed = handed
        self._command = [*dying_with_us(), *stage.prefix, *command]
        self._environment = {**os.environ, **(environment or {})}
        name = Path(command[0]).name
        handle, log = tempfile.mkstemp(".log", f"{name}-", stage.folder)
        os.close(handle)
        self._log = Path(log)
        stage.at_end(self.stop)
        self.start()

    def start(self) -> None:
        """Start, or start again once it has ended."""
        self._begin = self._log.stat().st_size
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._stage.folder,
                env=self._environment,
                pass_fds=self._handed,
                preexec_fn=_heed_interrupts,
            )

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._child.poll() is None

    @property
    def output(self) -> str:
        """What it has said since it was started last."""
        return self._log.read_bytes()[self._begin :].decode(errors="replace")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until it has said something; AssertionError if it does not."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            ended = not self.running
            if match := re.search(pattern, self.output):
                return match
            if ended:
                break
            time.sleep(0.02)
        raise AssertionError(f"{self._command} never said {pattern!r}:\n{self.output}")

    def kill(self) -> None:
        """End it as a crash would, without a chance to say goodbye."""
        self._child.kill()
        self._child.wait()

    def hang_up(self) -> None:
        """Let it hear that its terminal is gone: a daemon reloads for that."""
        self._child.send_signal(signal.SIGHUP)

    def suspend(self) -> None:
        """Let it stand still: the kernel goes on for it, it does nothing itself."""
        self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._child.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to end, insist if need be, and return its exit status."""
        if self.running:
            self._child.send_signal(signal.SIGTERM)
            self.resume()
        try:
            return self._child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._child.returncode


def program(name: str) -> str:
    """Return the path of a program; SkipTest with its package if there is none."""
    path = shutil.which(name, path=PATH)
    if path is None:
        raise SkipTest(f"{name} is missing: apt install {PACKAGES[name]}")
    return path


def _heed_interrupts() -> None:
    """Let Ctrl-C end a process, as it ends one that is started by hand.

    Whoever runs the tests in the background of a script has them ignore it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has, for UDP and for TCP."""
    while True:
        port = random.choice(PORTS)
        if _is_free(socket.SOCK_DGRAM, port) and _is_free(socket.SOCK_STREAM, port):
            return port


def eventually(happened: Callable[[], bool], within: float = PATIENCE) -> bool:
    """Return whether something happens within so many seconds."""
    end = time.monotonic() + within
    while not (come := happened()) and time.monotonic() < end:
        time.sleep(0.02)
    return come


def _is_free(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def dying_with_us() -> tuple[str, ...]:
    """Return a command that runs another as itself, to end with this process."""
    setpriv = shutil.which("setpriv", path=PATH)
    return (setpriv, "--pdeathsig", "KILL") if setpriv else ()
