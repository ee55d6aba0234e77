"""Several processes at the same addresses, and the one that looks after them."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any
from unittest import TestCase
from urllib.error import HTTPError

from tests.functional.clients import dig
from tests.functional.processes import Process, Stage, eventually, free_port
from tests.functional.proxy import (
    ENVIRONMENT,
    FOREGROUND,
    TWISTD,
    Proxy,
    run_in_vain,
)
from tests.functional.steady import Steady
from tests.long import long

ALL_SERVE = "by 2 of 2 workers"

TO_START = 40
"""Seconds that three processes may take on a machine that has much to do."""

AT_ONCE = 25
"""Queries that are allowed to be lost with a worker: `Steady` has fewer under way."""


class WorkersTests(TestCase):
    """Two workers, and the lab behind each."""

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.admin = f"127.0.0.1:{free_port()}"
        self.port = free_port()
        self.file = self.stage.folder / "dotproxy.toml"
        self.write("")

    def write(self, text: str) -> None:
        """Write the file, which has the token of the test."""
        token = '[admin]\ntoken = "0123456789abcdef"\n'
        self.file.write_text(f"workers = 2\n{text}{token}")

    def start(self, *flags: str) -> Proxy:
        listen = ("--listen", f"127.0.0.1:{self.port}", "--upstream", "lab")
        words = ("--config", str(self.file), *listen, "--admin", self.admin, *flags)
        process = Process(self.stage, [*FOREGROUND, "dotproxy", *words], ENVIRONMENT)
        ready = eventually(lambda: ALL_SERVE in process.output, TO_START)
        self.assertTrue(ready, process.output)
        return Proxy(process, self.port)

    def call(self, path: str, form: bytes | None = None) -> bytes:
        headers = {"Authorization": "Bearer 0123456789abcdef"}
        url = f"http://{self.admin}/{path}"
        request = urllib.request.Request(url, form, headers)
        with urllib.request.urlopen(request, timeout=10) as reply:
            body: bytes = reply.read()
            return body

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.call("status"))
        return status

    def workers(self) -> list[int]:
        """Return the numbers of the workers' processes."""
        return [each["pid"] for each in self.status()["workers"]]

    def both_serve(self) -> bool:
        return [each["serves"] for each in self.status()["workers"]] == [True, True]

    def assert_gone(self, pids: list[int]) -> None:
        def gone() -> bool:
            return not any(map(alive, pids))

        self.assertTrue(eventually(gone, within=4), pids)


class TogetherTests(WorkersTests):
    """They look like one."""

    def test_one_story(self) -> None:
        """Both answer, status and metrics have the sum, and what one learned the other
        knows: the upstream is asked once for each name."""
        self.start()
        names = [f"n{number}.lab.example" for number in range(20)]
        for name in names:
            self.assertEqual(dig(self.port, name).status, "NXDOMAIN")
        everywhere = [20, 20]

        def known() -> list[int]:
            return [each["cache_entries"] for each in self.status()["workers"]]

        self.assertTrue(eventually(lambda: known() == everywhere), known())
        for name in names * 5:
            dig(self.port, name)
        status = self.status()
        own = [each["queries"] for each in status["workers"]]
        self.assertEqual((sum(own), min(own) > 0), (120, True))
        self.assertEqual(status["clients"]["udp_queries"], 120)
        self.assertEqual(status["upstreams"][0]["queries"], 20)
        metrics = self.call("metrics").decode()
        self.assertIn('dotproxy_queries_total{proto="udp"} 120.0\n', metrics)
        self.assertIn("\ndotproxy_workers 2.0\n", metrics)
        self.assertEqual(json.loads(self.call("flush", b"x=")), {"forgotten": 20})
        self.assertEqual(known(), [0, 0])
        explained = json.loads(self.call("explain?name=n1.lab.example"))
        self.assertEqual(explained["group"], "default")
        self.assertEqual(self.call("readyz"), b"ready\n")

    def test_asked_wrongly(self) -> None:
        """A call that cannot be answered is refused as one process refuses it."""
        self.start()
        with self.assertRaises(HTTPError) as refused:
            self.call("flush", b"name=" + b"a" * 70)
        self.addCleanup(refused.exception.close)
        self.assertEqual(refused.exception.code, HTTPStatus.BAD_REQUEST)


class CallTests(WorkersTests):
    """What callers ask of all."""

    RULE = '[[rule]]\nnames = ["ruled.example"]\naction = "block"\n'

    def left(self, pid: int) -> bool:
        return pid not in self.workers()

    def paused(self) -> bool:
        """Whether no worker heeds the rules: those would block without asking."""
        before = self.status()["blocked"]
        for _ in range(20):
            dig(self.port, "ruled.example")
        return bool(self.status()["blocked"] == before)

    def test_pause(self) -> None:
        """A pause holds everywhere, for a worker that begins meanwhile, too, and ends
        everywhere."""
        self.write(self.RULE)
        self.start()
        self.assertFalse(self.paused())
        self.assertIn(b"60", self.call("pause", b"seconds=60"))
        self.assertTrue(self.paused())
        for pid in self.workers():
            os.kill(pid, signal.SIGKILL)
            self.assertTrue(eventually(partial(self.left, pid)))
            self.assertTrue(eventually(self.both_serve, TO_START))
        self.assertTrue(self.paused())
        left = self.status()["rules_paused_s"]
        self.assertTrue(0 < left < 60, left)
        self.call("pause", b"seconds=0")
        self.assertFalse(self.paused())

    def test_log(self) -> None:
        """Who looks on sees the queries of all in their order, and the page is about
        all."""
        self.start()
        names = [f"n{number}.lab.example" for number in range(40)]
        headers = {"Authorization": "Bearer 0123456789abcdef"}
        request = urllib.request.Request(f"http://{self.admin}/log", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as lines:
            for name in names:
                dig(self.port, name)
            seen = [lines.readline().decode().split() for _ in names]
        self.assertEqual([words[3] for words in seen], names)
        own = [each["queries"] for each in self.status()["workers"]]
        self.assertGreater(min(own), 0)
        self.assertIn(b"dns.lab.example", self.call(""))
        self.assertIn(b"data-live", self.call("page.js") + self.call(""))


class QueryLogTests(WorkersTests):
    """What is written of queries."""

    def ask(self, count: int) -> None:
        for number in range(count):
            dig(self.port, f"n{number}.lab.example")

    def test_files(self) -> None:
        """Each worker has a file, and SIGUSR1 has all of them opened again, whoever
        else gets it."""
        log = self.stage.folder / "q.log"
        self.write(f'[query_log]\nformat = "text"\nfile = "{log}"\n')
        proxy = self.start()
        files = [log, log.with_name("q.log.worker2")]

        def lines() -> int:
            found = [each.read_text().count("\n") for each in files if each.exists()]
            return sum(found) if len(found) == len(files) else -1

        self.ask(40)
        self.assertTrue(eventually(lambda: lines() == 40), lines())
        for each in files:
            each.rename(each.with_suffix(".old"))
        for pid in (*self.workers(), proxy.process.pid):
            os.kill(pid, signal.SIGUSR1)
        self.assertTrue(eventually(lambda: lines() == 0))
        self.ask(10)
        self.assertTrue(eventually(lambda: lines() == 10), lines())
        self.assertTrue(self.both_serve())

    def test_stdout(self) -> None:
        """On stdout the lines of all stand as they are."""
        self.write('[query_log]\nformat = "text"\nfields = ["name", "source"]\n')
        proxy = self.start()
        self.ask(20)

        def written() -> set[str]:
            lines = proxy.process.output.splitlines()
            return {line for line in lines if line.endswith("example upstream")}

        wanted = {f"n{number}.lab.example upstream" for number in range(20)}
        self.assertTrue(eventually(lambda: written() == wanted), written())

    def test_faults(self) -> None:
        """What cannot be written is one line, before a worker is begun."""
        words = ("dotproxy", "--config", str(self.file), "--upstream", "lab")
        for line, fault in (
            ('format = "text"\nfile = "/nowhere/q"', "cannot be written: No such file"),
            ('names = "hashed"', "takes a key_file where several workers write"),
        ):
            self.write(f"[query_log]\n{line}\n")
            done = run_in_vain(self.stage, TWISTD, "-n", "--pidfile=", *words)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))
            self.assertIn(fault, done.stderr)


class EndTests(WorkersTests):
    """Workers die, or are to end."""

    def test_killed(self) -> None:
        """When one is killed the other goes on, and soon there are two again; no more
        is lost than was in its hands."""
        proxy = self.start()
        killed, other = self.workers()
        with Steady(self.port) as steady:
            time.sleep(0.3)
            os.kill(killed, signal.SIGKILL)
            self.assertTrue(eventually(self.both_serve, TO_START))
            time.sleep(0.3)
        self.assertGreater(steady.sent, 30)
        self.assertLessEqual(steady.lost, AT_ONCE)
        self.assertEqual({*steady.rcodes}, {"NOERROR"})
        begun = [each["begun"] for each in self.status()["workers"]]
        self.assertEqual(begun, [2, 1])
        self.assertEqual(self.workers()[1], other)
        self.assertIn("worker 1 ended, another begins in 0.1 s", proxy.process.output)

    def begun_after(self, before: int) -> bool:
        first = self.status()["workers"][0]
        return first["begun"] > before and first["pid"] > 0

    def test_dies_each_time(self) -> None:
        """One that always dies at once is begun ever later, and the other goes on."""
        proxy = self.start()
        _, other = self.workers()
        for _ in range(3):
            first = self.status()["workers"][0]
            with suppress(ProcessLookupError):
                os.kill(first["pid"], signal.SIGKILL)
            self.assertTrue(eventually(partial(self.begun_after, first["begun"])))
        pauses = [0.1, 0.2, 0.4]
        for pause in pauses:
            self.assertIn(f"another begins in {pause} s", proxy.process.output)
        self.assertEqual(self.workers()[1], other)
        self.assertEqual(dig(self.port, "localhost").status, "NOERROR")

    def test_stops(self) -> None:
        """SIGTERM ends all within two seconds or so, without a complaint."""
        proxy = self.start()
        pids = self.workers()
        dig(self.port, "www.lab.example")
        began = time.monotonic()
        self.assertIn(proxy.process.stop(), (0, -signal.SIGTERM))
        self.assertLess(time.monotonic() - began, 6)
        self.assert_gone(pids)
        self.assertNotIn("Traceback", proxy.process.output)
        self.assertNotIn("another begins", proxy.process.output)

    def test_supervisor_killed(self) -> None:
        """When the supervisor is killed no worker stays behind."""
        proxy = self.start()
        pids = self.workers()
        proxy.process.kill()
        self.assert_gone(pids)


class StartTests(WorkersTests):
    def test_port_in_use(self) -> None:
        """A port that somebody has is one line, and status 1; also of another such."""
        self.start()
        words = ("-n", "--pidfile=", "dotproxy", "--workers", "2", "--upstream", "lab")
        done = run_in_vain(
            self.stage, TWISTD, *words, "--listen", f"127.0.0.1:{self.port}"
        )
        self.assertEqual(done.returncode, 1)
        said = done.stderr.splitlines()
        self.assertEqual(len(said), 1, done.stderr)
        self.assertIn(f"listen 127.0.0.1:{self.port} (UDP): already in use", said[0])

    def test_faults(self) -> None:
        """A fault is one line and status 1, before a worker is begun."""
        self.write('[[rule]]\nnames = ["."]\naction = "sing"\n')
        command = (TWISTD, "-n", "--pidfile=", "dotproxy", "--config", str(self.file))
        done = run_in_vain(self.stage, *command)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))
        self.assertIn(":4: rule 1: action = 'sing' must be one of", done.stderr)


class ReloadTests(WorkersTests):
    """SIGHUP rolls through."""

    RULE = '[[rule]]\nnames = ["ruled.example"]\naction = "block"\n'

    def reload(self, proxy: Proxy, outcome: str) -> None:
        proxy.process.hang_up()
        self.assertTrue(
            eventually(lambda: outcome in proxy.process.output), proxy.process.output
        )

    def answers(self) -> set[str]:
        return {dig(self.port, "ruled.example").status for _ in range(20)}

    @long
    def test_good(self) -> None:
        """Both go on with another configuration, and one that begins later as well."""
        proxy = self.start()
        pids = self.workers()
        self.write(self.RULE)
        self.reload(proxy, "all workers reloaded, rule changed")
        self.assertEqual(self.answers(), {"NXDOMAIN"})
        self.assertEqual(self.workers(), pids)
        self.assertEqual(self.status()["reloads"], 1)
        os.kill(pids[0], signal.SIGKILL)
        self.assertTrue(eventually(lambda: self.workers()[0] not in (0, pids[0])))
        self.assertTrue(eventually(self.both_serve, TO_START))
        self.assertEqual(self.answers(), {"NXDOMAIN"})

    def test_bad(self) -> None:
        """A fault changes nothing, and a worker that begins later has what was good."""
        self.write(self.RULE)
        proxy = self.start()
        pids = self.workers()
        self.write("what = 1\n")
        self.reload(proxy, "not reloaded, all stays as it is")
        self.assertEqual(self.answers(), {"NXDOMAIN"})
        os.kill(pids[1], signal.SIGKILL)
        self.assertTrue(eventually(lambda: self.workers()[1] not in (0, pids[1])))
        self.assertTrue(eventually(self.both_serve, TO_START))
        self.assertEqual(self.answers(), {"NXDOMAIN"})
        self.assertEqual(self.status()["reloads_failed"], 1)

    def test_gateway(self) -> None:
        """A gateway, which takes one process, is refused in a line, by a file that
        leaves workers away as well."""
        proxy = self.start()
        gateway = '[gateway]\nlisten = ["127.0.0.1:0"]\n'
        self.write(gateway)
        refused = "not reloaded, all stays as it is: "
        self.reload(proxy, refused)
        fault = "workers = 2 cannot share a gateway, which remembers whom it led"
        self.assertIn(fault, proxy.process.output)
        self.file.write_text(self.file.read_text().replace("workers = 2\n", ""))
        proxy.process.hang_up()
        self.assertTrue(eventually(lambda: proxy.process.output.count(fault) == 2))
        self.assertTrue(self.both_serve())

    def test_addresses(self) -> None:
        """Other addresses take a restart, which is said."""
        proxy = self.start()
        text = self.file.read_text()
        self.file.write_text(text.replace("workers = 2", "workers = 3"))
        self.reload(proxy, "workers takes a restart")
        self.assertEqual(len(self.workers()), 2)


def alive(pid: int) -> bool:
    """Whether a process is there, and no mere remains of one."""
    done = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
    )
    return bool(done.stdout.strip()) and not done.stdout.startswith("Z")
