"""What the benchmarks read and reckon; that they run, a short run of them shows."""

import argparse
import json
import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from unittest import TestCase

from benchmarks.gateway_load import Origin, download, reply
from benchmarks.load import Failed, Names, Outcome, read_report
from benchmarks.micro import microseconds, steps
from benchmarks.options import FULL, SHORT, read, some_of
from benchmarks.report import as_json, markdown, medians, ratios
from benchmarks.servers import QUERY, is_good
from benchmarks.usage import cpu_seconds, read_cpu, read_resident, resident

REPORT = """\
DNS Performance Testing Tool
[Status] Sending queries (to 127.0.0.1:5300)
> NOERROR n0.s0.bench.example A 0.000250
> T n1.s0.bench.example A
> SERVFAIL n2.s0.bench.example A 0.400000
> NOERROR n3.s0.bench.example A 0.001250

Statistics:

  Queries sent:         4
  Queries completed:    3 (75.00%)
  Queries lost:         1 (25.00%)

  Response codes:       NOERROR 2 (66.67%), SERVFAIL 1 (33.33%)
  Average packet size:  request 42, response 58
  Run time (s):         0.020000
  Queries per second:   150.500000

  Average Latency (s):  0.133833 (min 0.000250, max 0.400000)
"""
"""What dnsperf 2.10 prints with -v, cut short."""


class LoadTests(TestCase):
    def test_report(self) -> None:
        """Counts and rate are read; only good answers count, and have a latency."""
        assert read_report(REPORT) == Outcome(4, 2, 150.5, (0.00025, 0.00125))

    def test_no_good_answer(self) -> None:
        """Where nothing was answered well, that is what is read."""
        text = REPORT.replace("NOERROR", "REFUSED")
        assert read_report(text) == Outcome(4, 0, 150.5)

    def test_no_report(self) -> None:
        """A dnsperf that ends with a complaint is a failure."""
        with self.assertRaises(Failed):
            read_report("Error: unable to open input file")

    def test_quantile(self) -> None:
        """A quantile is a latency that was measured, the largest one at most."""
        outcome = Outcome(4, 4, 1.0, (0.4, 0.1, 0.3, 0.2))
        assert [outcome.quantile(q) for q in (0.0, 0.5, 0.99, 1.0)] == [
            0.1,
            0.3,
            0.4,
            0.4,
        ]

    def test_names(self) -> None:
        """Fresh names are fresh; shuffled, they are the same in another order."""
        with TemporaryDirectory() as folder:
            names = Names.create(Path(folder))
            first = names.fresh(50).read_text().splitlines()
            file = names.fresh(50)
            second = file.read_text().splitlines()
            shuffled = names.shuffled(file).read_text().splitlines()
        assert first[0] == "n0.s0.bench.example A"
        assert len({*first, *second}) == 100
        assert shuffled != second
        assert sorted(shuffled) == sorted(second)


class UsageTests(TestCase):
    def test_cpu(self) -> None:
        """Time in the program and in the kernel count, whatever the program's name."""
        ticks = os.sysconf("SC_CLK_TCK")
        stat = f"7 (a) b (c) S 1 7 7 0 -1 4194560 9 0 0 0 {3 * ticks} {ticks} 0 0 20"
        assert read_cpu(stat) == 4.0

    def test_resident(self) -> None:
        """Linux's kB are 1,024 octets; a process that has ended has none."""
        assert read_resident("VmHWM:\t  900 kB\nVmRSS:\t  500 kB\n") == 0.512
        assert read_resident("State:\tZ (zombie)\n") == 0.0

    def test_own(self) -> None:
        """This very process has used time, and memory."""
        assert cpu_seconds(os.getpid()) > 0
        assert resident(os.getpid()) > 1


class ServersTests(TestCase):
    def test_good(self) -> None:
        """Only an answer to the query that is no error is a good one."""
        assert is_good(QUERY[:2] + b"\x81\x80" + QUERY[4:])
        assert not is_good(QUERY[:2] + b"\x81\x82" + QUERY[4:])
        assert not is_good(b"\0\0\x81\x80" + QUERY[4:])
        assert not is_good(QUERY[:2])


class GatewayLoadTests(TestCase):
    def test_download(self) -> None:
        """An origin replies to the hello, and sends as many octets as are asked for."""
        with Origin.start() as origin:
            download(("127.0.0.1", origin.port), 1_000_001)

    def test_no_origin(self) -> None:
        """Where nobody replies, nothing is measured."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = Thread(target=lambda: server.accept()[0].close())
            client.start()
            with self.assertRaises(OSError):
                reply(server.getsockname()[:2])
            client.join()


class ReportTests(TestCase):
    ours = ({"hit CPU": 3e-6}, {"hit CPU": 9e-6, "start": 0.3}, {"hit CPU": 4e-6})
    theirs = ({"hit CPU": 8e-6, "miss CPU": 2e-5},)

    def test_medians(self) -> None:
        """The median is over those runs that have the figure."""
        assert medians(self.ours) == {"hit CPU": 4e-6, "start": 0.3}
        assert medians([]) == {}

    def test_ratios(self) -> None:
        """Ours is divided by theirs, where both are and theirs is not 0."""
        assert ratios({"a": 3.0, "b": 1.0}, {"a": 2.0, "b": 0.0, "c": 1.0}) == {
            "a": 1.5
        }

    def test_markdown(self) -> None:
        """There is a row for each figure that somebody has, and ratios to ours."""
        results = {"dotproxy": [*self.ours], "unbound": [*self.theirs]}
        assert markdown(results).splitlines() == [
            "| median | dotproxy | unbound |",
            "| --- | ---: | ---: |",
            "| hits, UDP, CPU us each | 4.00 | 8.00 (0.50) |",
            "| misses, CPU us each | - | 20.00 |",
            "| start to first answer, ms | 300 | - |",
        ]

    def test_json(self) -> None:
        """All is there to be read by a program."""
        results = {"dotproxy": [*self.ours], "unbound": [*self.theirs]}
        read_back = json.loads(as_json({"python": "3.11"}, results))
        assert read_back["python"] == "3.11"
        assert read_back["servers"]["dotproxy"]["runs"] == [*self.ours]
        assert read_back["servers"]["unbound"] == {
            "runs": [*self.theirs],
            "medians": self.theirs[0],
            "ratios": {"hit CPU": 0.5},
        }


class OptionsTests(TestCase):
    def test_default(self) -> None:
        """Without flags everything is measured, three times."""
        options = read([])
        assert (options.plan, options.json) == (FULL, None)
        assert {"large", "far"} <= set(options.only)
        assert {"kresd", "stubby"} <= set(options.peers)

    def test_short(self) -> None:
        """The short form has two peers, and no million names, unless they are named."""
        options = read(["--short"])
        assert (options.plan, options.peers) == (SHORT, ("unbound", "dnsdist"))
        assert "large" not in options.only
        assert read(["--short", "--only", "large"]).only == ("large",)

    def test_gateway(self) -> None:
        """The relay is measured too, unless something else alone is asked for."""
        assert "gateway" in read([]).only
        assert "gateway" in read(["--short"]).only
        assert read(["--only", "gateway"]).only == ("gateway",)

    def test_some(self) -> None:
        """Names come in their own order; one that is unknown is refused by name."""
        names = some_of(("a", "b", "c"))
        assert names("c,a") == ("a", "c")
        with self.assertRaisesRegex(argparse.ArgumentTypeError, "'d' is none of a, b"):
            names("a,d")


class MicroTests(TestCase):
    def test_steps(self) -> None:
        """Every step can be taken again and again, and takes some time."""
        for name, step in steps().items():
            with self.subTest(step=name):
                assert microseconds(step, calls=2) > 0
