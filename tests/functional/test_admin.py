"""A proxy that is looked at and steered, as people and Prometheus do it."""

import json
import os
import stat
import subprocess
import sys
import urllib.request
from unittest import TestCase

from tests.functional.clients import dig
from tests.functional.processes import (
    PATIENCE,
    Stage,
    eventually,
    free_port,
    program,
)
from tests.functional.proxy import (
    ENVIRONMENT,
    FOREGROUND,
    ROOT,
    Proxy,
    run_in_vain,
    start_twistd,
)

ALERTS = ROOT / "deploy" / "prometheus"

MAIN = (sys.executable, "-c", "from dotproxy.cli.main import main; main()")


class AdminTests(TestCase):
    """The lab is asked, so all that is counted is known."""

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.socket = self.stage.folder / "dotproxy.sock"
        self.admin = f"127.0.0.1:{free_port()}"

    def start(self, *flags: str) -> Proxy:
        listen = ("--listen", f"127.0.0.1:{free_port()}", "--upstream", "lab")
        environment = {"XDG_RUNTIME_DIR": str(self.stage.folder)}
        words = ("dotproxy", *listen, "--admin", self.admin, *flags)
        return start_twistd(self.stage, *words, environment=environment)

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://{self.admin}/{path}", timeout=5) as reply:
            body: bytes = reply.read()
            return body

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the command as the user whose socket it is."""
        mine = {"XDG_RUNTIME_DIR": str(self.stage.folder)}
        return subprocess.run(
            [*MAIN, *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**os.environ, **ENVIRONMENT, **mine},
        )

    def test_same_story(self) -> None:
        """Metrics, status and command say the same of what was asked."""
        proxy = self.start()
        for name in ("www.lab.example", "nowhere.lab.example", "localhost"):
            dig(proxy.port, name)
        status = json.loads(self.get("status"))
        assert status["clients"]["udp_queries"] == 3
        assert status["upstreams"][0]["queries"] == 2
        metrics = self.get("metrics").decode()
        assert 'dotproxy_queries_total{proto="udp"} 3.0\n' in metrics
        in_clear = "dotproxy_upstream_queries_in_clear_total"
        assert (
            f'{in_clear}{{group="default",upstream="dns.lab.example"}} 0.0' in metrics
        )
        done = self.command("status")
        assert (done.returncode, done.stderr) == (0, "")
        assert "dns.lab.example  up" in done.stdout
        assert "2, 2 answered" in done.stdout

    def test_promtool(self) -> None:
        """Prometheus finds no fault with the metrics, nor with the alerts."""
        promtool = program("promtool")
        dig(self.start().port, "www.lab.example")
        for command, given in (
            (("check", "metrics"), self.get("metrics")),
            (("check", "rules", "rules.yml"), b""),
            (("test", "rules", "rules_test.yml"), b""),
        ):
            done = subprocess.run(
                [promtool, *command], input=given, capture_output=True, cwd=ALERTS
            )
            assert done.returncode == 0, done.stdout + done.stderr
            if command[1] == "metrics":
                assert done.stderr == b"", "it has no advice either"

    def test_socket(self) -> None:
        """The socket is the owner's alone, is taken over after a crash, and goes."""
        proxy = self.start()
        assert stat.S_IMODE(self.socket.stat().st_mode) == 0o600
        proxy.process.kill()
        assert self.socket.exists()
        assert self.command("status").returncode == 1
        proxy = self.start()
        assert self.command("flush").stdout == "0 answers forgotten\n"
        assert self.command("reload").stdout == "reloaded, nothing changed\n"
        proxy.process.stop()
        assert not self.socket.exists()
        done = self.command("status")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("dotproxy: no proxy listens at ")

    def test_second(self) -> None:
        """A second proxy of the same user does without the socket, and serves."""
        self.start()
        self.admin = f"127.0.0.1:{free_port()}"
        second = self.start()
        assert dig(second.port, "www.lab.example").status == "NOERROR"
        said = json.loads(self.command("status", "--json").stdout)
        assert said["clients"]["udp_queries"] == 0, "it is the first that answers"

    def test_taken(self) -> None:
        """An address that is taken is one line, and nothing is begun."""
        self.start()
        listen = ("--listen", f"127.0.0.1:{free_port()}", "--admin", self.admin)
        done = run_in_vain(self.stage, *FOREGROUND, "dotproxy", *listen)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"dotproxy: admin {self.admin} cannot be had: ")

    def test_json_log(self) -> None:
        """Every line of the log is JSON, for containers."""
        proxy = self.start("--log-format", "json")
        assert eventually(lambda: "serves" in proxy.process.output)
        proxy.process.stop()
        lines = [json.loads(line) for line in proxy.process.output.splitlines()]
        said = [line["fields"] for line in lines if "serves" in line["message"]]
        assert said[0]["listeners"] == f"127.0.0.1:{proxy.port}"
