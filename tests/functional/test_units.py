"""The systemd units: what they run, with the test as the service manager."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from unittest import SkipTest, TestCase

import dns.message

from tests.functional.clients import Load, connect, dig, dnsperf
from tests.functional.processes import (
    PATIENCE,
    Process,
    Stage,
    eventually,
    free_port,
    program,
)
from tests.functional.proxy import ENVIRONMENT, FOREGROUND, ROOT, TWISTD
from tests.functional.steady import Steady

UNITS = ROOT / "deploy" / "systemd"

SERVICE, SOCKET = UNITS / "dotproxy.service", UNITS / "dotproxy.socket"

DROP_IN = UNITS / "without-socket.conf"

MOST_EXPOSED = 1.2
"""The exposure level that `systemd-analyze security` may find; less is better."""

MOST_EXPOSED_ALONE = 1.5
"""The same without the socket unit, for a capability and the users that it takes."""

NAME = "www.lab.example"

RULE = f"""\
[[rule]]
names = ["{NAME}"]
action = "answer"
records = ["A 192.0.2.1"]
"""
"""An answer that takes no upstream."""

LAUNCHER = """\
import fcntl, os, sys
numbers = [fcntl.fcntl(int(n), fcntl.F_DUPFD, 100) for n in sys.argv[1].split(",")]
for place, number in enumerate(numbers, 3):
    os.dup2(number, place)
    os.close(number)
os.environ["LISTEN_PID"] = os.environ["WATCHDOG_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes another program, with sockets where the service manager would put them."""


def settings(unit: Path, key: str) -> list[str]:
    """Return the values of a key of a unit, in their order."""
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def command_line(config: Path) -> list[str]:
    """Return what the service runs, from where it is installed here."""
    (line,) = settings(SERVICE, "ExecStart")
    program, *words = shlex.split(line)
    assert program == "/opt/dotproxy/bin/twistd"
    assert words[-1] == "/etc/dotproxy/dotproxy.toml"
    return [TWISTD, *words[:-1], str(config)]


def shown_units() -> list[tuple[str, str]]:
    """Return what docs/service.md adds to the units, each with its kind."""
    text = (ROOT / "docs" / "service.md").read_text()
    blocks = re.findall(r"^```ini\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 3, text
    return [(block[1 : block.index("]")], block) for block in blocks]


class Manager:
    """A service manager: it binds the sockets, starts the service, and hears of it."""

    def __init__(self, stage: Stage, text: str = "") -> None:
        self.port = free_port()
        sockets = [socket.socket(type=socket.SOCK_DGRAM), socket.socket()]
        for each in sockets:
            stage.at_end(each.close)
            each.bind(("127.0.0.1", self.port))
        sockets[1].listen(1024)
        self.config = stage.folder / "dotproxy.toml"
        self.config.write_text(text + RULE)
        self._notices = self._listen(stage)
        handed = tuple(each.fileno() for each in sockets)
        numbers = ",".join(str(each) for each in handed)
        launcher = [sys.executable, "-c", LAUNCHER, numbers]
        environment = {
            **ENVIRONMENT,
            "LISTEN_FDS": "2",
            "LISTEN_FDNAMES": "dns:dns",
            "NOTIFY_SOCKET": self._notices.getsockname(),
            "WATCHDOG_USEC": "400000",
        }
        command = [*launcher, *command_line(self.config)]
        self.service = Process(stage, command, environment, handed)

    def wait_for(self, *lines: str) -> list[str]:
        """Wait for a notice with lines that begin so; AssertionError without one."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            notice = self._notices.recv(4096).decode().splitlines()
            if all(any(each.startswith(line) for each in notice) for line in lines):
                return notice
        raise AssertionError(f"no {lines} in time:\n{self.service.output}")

    def wait_until_ready(self) -> list[str]:
        """Wait until it says that it serves."""
        return self.wait_for("READY=1", f"STATUS=serves 127.0.0.1:{self.port}, asks ")

    def _listen(self, stage: Stage) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        stage.at_end(made.close)
        made.bind(str(stage.folder / "notify"))
        made.settimeout(PATIENCE)
        return made


class ServiceTests(TestCase):
    """The service's own command line, with sockets that the test has bound."""

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)

    def test_life(self) -> None:
        """It is ready, serves both ways, reloads, lives, stops, and says so."""
        manager = Manager(self.stage)
        manager.wait_until_ready()
        for way in ("+notcp", "+tcp"):
            self.assertEqual(dig(manager.port, way, NAME).values, ["A 192.0.2.1"])
        manager.wait_for("WATCHDOG=1")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        manager.config.write_text(RULE.replace("192.0.2.1", "192.0.2.2"))
        manager.service.hang_up()
        _, begun, _ = manager.wait_for("RELOADING=1", "MONOTONIC_USEC=", "STATUS=")
        self.assertGreater(int(begun.partition("=")[2]), before)
        manager.wait_until_ready()
        self.assertEqual(dig(manager.port, NAME).values, ["A 192.0.2.2"])
        begun_to_stop = time.monotonic()
        self.assertEqual(manager.service.stop(), -signal.SIGTERM)
        self.assertLess(time.monotonic() - begun_to_stop, 5)
        manager.wait_for("STOPPING=1")
        self.assertNotIn("Traceback", manager.service.output)

    def test_less(self) -> None:
        """A reload that leaves the inherited address away is refused."""
        manager = Manager(self.stage)
        manager.wait_until_ready()
        manager.config.write_text(f'listen = ["127.0.0.2:{manager.port}"]\n{RULE}')
        manager.service.hang_up()
        manager.service.wait_for(f"not reloaded.*listen lacks 127.0.0.1:{manager.port}")
        manager.wait_until_ready()
        self.assertEqual(dig(manager.port, NAME).values, ["A 192.0.2.1"])

    def test_restart(self) -> None:
        """A restart loses no query of a steady client, over UDP nor TCP."""
        manager = Manager(self.stage)
        manager.wait_until_ready()
        with Steady(manager.port) as steady:
            time.sleep(0.3)
            manager.service.stop()
            # Who comes while nobody serves waits at the door.
            with closing(connect(manager.port)) as stream:
                query = dns.message.make_query(NAME, "A")
                stream.sendall(query.to_wire(prepend_length=True))
                manager.service.start()
                manager.wait_until_ready()
                stream.settimeout(PATIENCE)
                self.assertEqual(len(stream.recv(2)), 2)
            time.sleep(0.3)
        self.assertGreater(steady.sent, 50)
        self.assertEqual((steady.lost, steady.rcodes), (0, {"NOERROR": steady.sent}))

    def test_restart_under_load(self) -> None:
        """Nor does dnsperf lose one, with 200 under way all the time."""
        manager = Manager(self.stage)
        manager.wait_until_ready()
        outcome: list[Load] = []

        def ask() -> None:
            outcome.append(dnsperf(self.stage, manager.port, [f"{NAME} A"], 3))

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(1)
        manager.service.stop()
        manager.service.start()
        manager.wait_until_ready()
        asking.join()
        (load,) = outcome
        self.assertGreater(load.sent, 1000)
        self.assertEqual((load.lost, load.rcodes), (0, {"NOERROR": load.sent}))


class RightsTests(TestCase):
    """Without a service manager, twistd gives its rights up itself."""

    def test_uid(self) -> None:
        """`twistd --uid --gid` binds a port below 1024 as root, then is nobody; root
        still steers it by the socket of its session."""
        if os.geteuid() != 0:
            raise SkipTest("only root may bind a port below 1024, and become nobody")
        stage = Stage.create(self.addCleanup)
        stage.folder.chmod(0o755)
        port = next(p for p in range(1023, 512, -1) if is_free(p))
        words = ("--uid=65534", "--gid=65534", "dotproxy", "--upstream", "lab")
        listen = ("--listen", f"127.0.0.1:{port}")
        session = {**ENVIRONMENT, "XDG_RUNTIME_DIR": str(stage.folder)}
        process = Process(stage, [*FOREGROUND, *words, *listen], session)
        process.wait_for("serves")
        dropped = eventually(lambda: ids(process.pid) == {"65534"})
        self.assertTrue(dropped, process.output)
        for way in ("+notcp", "+tcp"):
            self.assertEqual(dig(port, way, NAME).status, "NOERROR")
        asked = [str(Path(TWISTD).with_name("dotproxy")), "status", "--quiet"]
        self.assertEqual(subprocess.run(asked, env=session).returncode, 0)


def ids(pid: int) -> set[str]:
    """Return all user and group IDs of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    lines = re.findall(r"^(?:Uid|Gid):\s*(.*)$", status, re.MULTILINE)
    return {number for line in lines for number in line.split()}


def is_free(port: int) -> bool:
    """Return whether nobody has a port of 127.0.0.1."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with closing(socket.socket(type=kind)) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


class UnitTests(TestCase):
    """What systemd itself says of the units."""

    def analyze(self, *words: str) -> str:
        """Run systemd-analyze; it needs no systemd that runs."""
        done = subprocess.run(
            [program("systemd-analyze"), *words], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def exposure(self, *units: Path) -> float:
        """Return how exposed the service is; drop-ins follow it, as one file."""
        stage = Stage.create(self.addCleanup)
        joined = stage.folder / "dotproxy.service"
        joined.write_text("\n".join(unit.read_text() for unit in units))
        said = self.analyze("security", "--offline=true", str(joined))
        level = re.search(r"exposure level for dotproxy.service: ([\d.]+)", said)
        assert level, said
        return float(level[1])

    def test_exposure(self) -> None:
        """The service may do very little, and little without the socket unit."""
        self.assertLessEqual(self.exposure(SERVICE), MOST_EXPOSED)
        self.assertLessEqual(self.exposure(SERVICE, DROP_IN), MOST_EXPOSED_ALONE)

    def test_capabilities(self) -> None:
        """It has no capability; without the socket unit it has one."""
        for key in ("CapabilityBoundingSet", "AmbientCapabilities"):
            self.assertEqual(settings(SERVICE, key), [""])
            self.assertEqual(settings(DROP_IN, key), ["CAP_NET_BIND_SERVICE"])

    def test_callbacks(self) -> None:
        """Memory may be written and run: else no certificate could be verified."""
        self.assertEqual(settings(SERVICE, "MemoryDenyWriteExecute"), [])

    def test_sockets(self) -> None:
        """Each address of the socket unit is there for UDP and for TCP."""
        addresses = settings(SOCKET, "ListenDatagram")
        self.assertEqual(addresses, settings(SOCKET, "ListenStream"))
        self.assertEqual(addresses, ["127.0.0.1:53", "[::1]:53"])

    def test_verify(self) -> None:
        """systemd understands every line, those that docs/service.md adds as well."""
        stage = Stage.create(self.addCleanup)
        for unit in (SERVICE, SOCKET):
            text = unit.read_text().replace("/opt/dotproxy/bin/twistd", sys.executable)
            (stage.folder / unit.name).write_text(text)
        drop_in = stage.folder / "dotproxy.service.d"
        drop_in.mkdir()
        (drop_in / DROP_IN.name).write_text(DROP_IN.read_text())
        for place, (kind, text) in enumerate(shown_units()):
            folder = stage.folder / f"dotproxy.{kind.lower()}.d"
            folder.mkdir(exist_ok=True)
            (folder / f"shown-{place}.conf").write_text(text)
        for unit in (SERVICE, SOCKET):
            said = self.analyze("verify", "--man=no", str(stage.folder / unit.name))
            self.assertNotIn("dotproxy", said)
