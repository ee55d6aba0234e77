"""The query log of a real proxy, read by others; and what becomes of answers when it
cannot be written."""

import json
import os
import re
import signal
import subprocess
import urllib.request
from contextlib import suppress
from unittest import TestCase

from tests.functional.clients import dig
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
    Proxy,
    run_in_vain,
    start_twistd,
)
from tests.functional.test_admin import MAIN

NAMES = "www.lab.example", "nowhere.lab.example", "localhost"

CONTENT = "protobuf:dnstap.Dnstap"


class QueryLogTests(TestCase):
    """The lab is asked, so all that is logged is known."""

    def setUp(self) -> None:
        self.stage = Stage.create(self.addCleanup)
        self.log = self.stage.folder / "queries.log"
        self.admin = f"127.0.0.1:{free_port()}"

    def start(self, *lines: str) -> Proxy:
        """Start a proxy with these lines of [query_log]."""
        return start_twistd(
            self.stage,
            *("dotproxy", "--config", self.config(*lines), "--upstream", "lab"),
            *("--listen", f"127.0.0.1:{free_port()}", "--admin", self.admin),
            environment={"XDG_RUNTIME_DIR": str(self.stage.folder)},
        )

    def config(self, *lines: str) -> str:
        file = self.stage.folder / "dotproxy.toml"
        file.write_text("\n".join(("[query_log]", *lines, "")))
        return str(file)

    def counts(self) -> list[float]:
        """Return how many queries were written, and how many lost."""
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=5) as said:
            text = said.read().decode()
        counter = re.compile(r"^dotproxy_query_log_(?:written|lost)_total (.*)$", re.M)
        return [float(each) for each in counter.findall(text)]

    def ask(self, proxy: Proxy) -> None:
        for name in NAMES:
            dig(proxy.port, name)
        dig(proxy.port, NAMES[0], "+tcp", "AAAA")

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def test_json(self) -> None:
        """A line for each query, over UDP and TCP, written to the last at the end."""
        proxy = self.start('format = "json"', 'file = "queries.log"')
        self.ask(proxy)
        proxy.process.stop()
        lines = [json.loads(line) for line in self.lines()]
        said = [
            (line["transport"], line["name"], line["type"], line["rcode"])
            for line in lines
        ]
        assert said == [
            ("udp", "www.lab.example", "A", "NOERROR"),
            ("udp", "nowhere.lab.example", "A", "NXDOMAIN"),
            ("udp", "localhost", "A", "NOERROR"),
            ("tcp", "www.lab.example", "AAAA", "NOERROR"),
        ]
        sources = [line["source"] for line in lines]
        assert sources == ["upstream", "upstream", "local", "upstream"]
        assert {line["client"] for line in lines} == {"127.0.0.0"}

    def test_moved(self) -> None:
        """After SIGUSR1 the file is another, as logrotate wants it."""
        proxy = self.start('format = "text"', 'file = "queries.log"')
        dig(proxy.port, NAMES[0])
        assert eventually(lambda: len(self.lines()) == 1)
        moved = self.stage.folder / "moved.log"
        self.log.rename(moved)
        os.kill(proxy.process.pid, signal.SIGUSR1)
        assert eventually(self.log.exists)
        dig(proxy.port, NAMES[1])
        assert eventually(lambda: len(self.lines()) == 1)
        assert " nowhere.lab.example " in self.lines()[0]
        assert " www.lab.example " in moved.read_text()

    def read_by_ldns(self) -> str:
        """Return what another program reads in the file."""
        done = subprocess.run(
            [program("dnstap-ldns"), "-r", str(self.log)],
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def check_dnstap(self) -> None:
        lines = self.read_by_ldns().splitlines()
        assert len(lines) == 8
        kinds = [line.split()[2] for line in lines]
        assert kinds == ["CQ", "CR"] * 4
        assert all(" 127.0.0.0 " in line for line in lines)
        assert [line.split()[4] for line in lines] == ["UDP"] * 6 + ["TCP"] * 2
        for name, kind in ((NAMES[0], "A"), (NAMES[1], "A"), (NAMES[0], "AAAA")):
            about = f'"{name}." IN {kind}'
            assert sum(line.endswith(about) for line in lines) == 2, about

    def test_dnstap_file(self) -> None:
        """A file of dnstap is read by others, query by query."""
        program("dnstap-ldns")
        proxy = self.start('format = "dnstap"', 'file = "queries.log"')
        self.ask(proxy)
        proxy.process.stop()
        self.check_dnstap()

    def test_dnstap_socket(self) -> None:
        """Over a socket, too; whoever reads there may come late."""
        capture, path = program("fstrm_capture"), self.stage.folder / "dnstap.sock"
        program("dnstap-ldns")
        proxy = self.start('format = "dnstap"', 'socket = "dnstap.sock"')
        dig(proxy.port, "lost.lab.example")
        proxy.process.wait_for("the query log cannot be written, and is lost")
        words = ("-t", CONTENT, "-u", str(path), "-w", str(self.log))
        reader = Process(self.stage, [capture, *words])
        assert eventually(path.exists)
        # Now it need not wait until it tries again.
        os.kill(proxy.process.pid, signal.SIGUSR1)
        self.ask(proxy)
        proxy.process.wait_for("is written again; 1 were lost")
        proxy.process.stop()
        reader.stop()
        self.check_dnstap()

    def check_answers(self, proxy: Proxy) -> None:
        for _ in range(20):
            assert dig(proxy.port, NAMES[0]).status == "NOERROR"

    def test_full(self) -> None:
        """Where the disk is full, lines are lost and counted, and answers are not."""
        proxy = self.start('format = "json"', 'file = "/dev/full"')
        self.check_answers(proxy)
        assert eventually(lambda: self.counts() == [0, 20])
        log = proxy.process.output
        assert log.count("the query log cannot be written, and is lost: No space") == 1

    def test_unread(self) -> None:
        """Where a pipe is not read, answers come all the same, and so does the end."""
        os.mkfifo(self.log)
        held = os.open(self.log, os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, held)
        with suppress(BlockingIOError):
            while os.write(held, bytes(4096)):
                pass
        proxy = self.start('format = "json"', 'file = "queries.log"')
        self.check_answers(proxy)
        assert self.counts() == [0, 0]
        assert proxy.process.stop() == -signal.SIGTERM
        assert "Server Shut Down." in proxy.process.output

    def test_fault(self) -> None:
        """A file that cannot be had is one line, and nothing is served."""
        config = self.config('format = "text"', 'file = "nowhere/queries.log"')
        words = ("dotproxy", "--config", config, "--listen", "127.0.0.1:0")
        done = run_in_vain(self.stage, *FOREGROUND, *words)
        assert done.returncode == 1
        assert "dotproxy: query_log.file = '" in done.stderr
        assert "nowhere/queries.log' cannot be written: No such file" in done.stderr

    def test_live(self) -> None:
        """Without any configuration the command shows what comes, until Ctrl-C or the
        end of the proxy, and both are a good end."""
        proxy = self.start()
        mine = {**ENVIRONMENT, "XDG_RUNTIME_DIR": str(self.stage.folder)}
        for ending in ("interrupted", "stopped"):
            looking = Process(self.stage, [*MAIN, "log", ".lab.example"], mine)

            def seen(looking: Process = looking) -> bool:
                dig(proxy.port, NAMES[0])
                return " www.lab.example A NOERROR " in looking.output

            assert eventually(seen)
            if ending == "interrupted":
                os.kill(looking.pid, signal.SIGINT)
            else:
                proxy.process.stop()
            assert eventually(lambda looking=looking: not looking.running)
            assert looking.stop() == 0
            assert "dotproxy:" not in looking.output
