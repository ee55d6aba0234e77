"""What the documentation shows runs as it stands."""

import json
import os
import re
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp, mkstemp

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

from dotproxy.cli.check.check import CheckOptions
from dotproxy.cli.check.findings import (
    Answers,
    Certificate,
    Encryption,
    Identity,
    ListFindings,
    Report,
    Server,
    UpstreamFindings,
)
from dotproxy.config.caching import Caching
from dotproxy.config.rule import Rule
from dotproxy.config.shared_cache import Shared
from dotproxy.lab.faults import KINDS, parse_faults
from dotproxy.lab.options import explained
from dotproxy.lab.server import create_lab
from dotproxy.observe.certificate_status import CertificateStatus
from dotproxy.observe.gateway_status import GatewayStatus
from dotproxy.observe.metrics import Metrics
from dotproxy.observe.shared_status import SharedStatus
from dotproxy.observe.status import (
    CacheStatus,
    ClientStatus,
    Counted,
    Status,
    WorkerStatus,
)
from dotproxy.observe.subject import Subject
from dotproxy.observe.upstream_status import (
    Bucket,
    Closed,
    ConnectionStatus,
    UpstreamStatus,
)
from tests.credentials import folder_of, issue, write
from tests.functional.processes import free_port
from tests.observed import Observed

ROOT = Path(__file__).parent.parent

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def examples(file: str) -> list[str]:
    """Return the programs that a file of the documentation shows, in their order."""
    return BLOCK.findall((ROOT / "docs" / file).read_text())


class CheckTests(TestCase):
    """What docs/check.md shows is what `dotproxy check` prints, but for values."""

    timeout = 20

    def setUp(self) -> None:
        self.text = (ROOT / "docs" / "check.md").read_text()

    async def test_report(self) -> None:
        """The report on the lab has these lines; times, dates and pins are its own."""
        _, begins = self.text.split("$ dotproxy check lab\n")
        shown, *_ = begins.split("```")
        options = CheckOptions()
        options.parseOptions(["lab"])
        printed = StringIO()
        with redirect_stdout(printed):
            assert await options.run(reactor) == 0
        assert without_values(shown) == without_values(printed.getvalue())

    def test_keys(self) -> None:
        """Every key of the JSON is explained, and no other."""
        _, section = self.text.split("## The JSON")
        structs = (
            Report, UpstreamFindings, Server, Encryption, Identity, Certificate,
            Answers, ListFindings
        )  # fmt: skip
        keys = {key for struct in structs for key in struct.__struct_fields__}
        rows = re.findall(r"^\| (`.*?) \|(.*)", section, re.M)
        explained = {key for left, _ in rows for key in re.findall(r"`(\w+)`", left)}
        within = " ".join(right for left, right in rows)
        assert explained <= keys
        assert keys <= explained | set(re.findall(r"`(\w+)`", within))


def without_values(text: str) -> list[str]:
    """Return the lines of a report with the same for each time, date and pin."""
    text = re.sub(r"sha256//\S+", "PIN", text)
    return [" ".join(line.split()) for line in re.sub(r"\d+", "0", text).splitlines()]


def exported(subject: Subject) -> list[tuple[str, str, str, str]]:
    """Return the metrics of a proxy as docs/metrics.md has them: a row for each."""
    rows = []
    for metric in Metrics(subject).collect():
        suffix = {"counter": "_total", "info": "_info"}.get(metric.type, "")
        labels = {each: 0 for sample in metric.samples for each in sample.labels}
        shown = ", ".join(f"`{label}`" for label in labels if label != "le")
        kind = "gauge" if metric.type == "info" else metric.type
        name = f"`{metric.name}{suffix}`"
        rows.append((name, kind, shown, metric.documentation))
    return rows


class MetricsTests(TestCase):
    """What docs/metrics.md says is exported, and nothing else is."""

    timeout = 20

    def setUp(self) -> None:
        self.text = (ROOT / "docs" / "metrics.md").read_text()
        handle, path = mkstemp()
        os.write(handle, b"blocked.example\n")
        os.close(handle)
        self.addCleanup(os.unlink, path)
        folder = folder_of(self.addCleanup)
        shared = Shared(url=f"redis://127.0.0.1:{free_port()}")
        self.observed = Observed(
            self,
            rule=(Rule("block", files=(path,)),),
            certificate=(write(folder, issue("dns.example")),),
            cache=Caching(shared=shared),
        )

    async def test_table(self) -> None:
        """The table has every metric, its kind, its labels and its meaning."""
        await self.observed.ask()
        rows = re.findall(
            r"^\| (`dotproxy_.*?`) \| (.*?) \| (.*?) ?\| (.*) \|$", self.text, re.M
        )
        assert rows == exported(self.observed.proxy)

    async def test_labels(self) -> None:
        """Reasons, results and sources that occur are explained."""
        rows = re.findall(r"^\| (`\w.*?`) \|", self.text, re.M)
        explained = {each for row in rows for each in re.findall(r"`(\w+)`", row)}
        for metric in Metrics(self.observed.proxy).collect():
            for sample in metric.samples:
                for label in ("reason", "result", "source"):
                    value = sample.labels.get(label, "")
                    assert not value or value in explained, value

    async def test_status(self) -> None:
        """Every key of the status is explained, and no other."""
        _, section = self.text.split("## The status")
        structs = (
            Status, Counted, CertificateStatus, ClientStatus, CacheStatus, Bucket,
            SharedStatus, GatewayStatus, UpstreamStatus, Closed, ConnectionStatus,
            WorkerStatus,
        )  # fmt: skip
        keys = {key for struct in structs for key in struct.__struct_fields__}
        told = re.findall(r"^\| (`.*?) \|", section, re.M)
        assert {key for row in told for key in re.findall(r"`(\w+)`", row)} == keys


class DashboardTests(TestCase):
    """The dashboard and the alerts ask for metrics that there are."""

    def test_names(self) -> None:
        """Every name that they ask for is one of the table."""
        table = (ROOT / "docs" / "metrics.md").read_text()
        known = set(re.findall(r"`(dotproxy_\w+)`", table))
        part = re.compile(r"\b(dotproxy_\w+?)(?:_bucket|_sum|_count)?\b")
        for file in ("grafana/dashboard.json", "prometheus/rules.yml"):
            asked = set(part.findall((ROOT / "deploy" / file).read_text()))
            assert asked, file
            assert asked <= known, (file, asked - known)

    def test_json(self) -> None:
        """The dashboard is JSON, and each of its panels has a place and a question."""
        board = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())
        places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
        assert len(set(places)) == len(places) >= 8
        for panel in board["panels"]:
            assert panel["targets"][0]["expr"]


class LabTests(TestCase):
    """What docs/lab.md says of faults, and its example."""

    def setUp(self) -> None:
        self.text = (ROOT / "docs" / "lab.md").read_text()

    def test_tables(self) -> None:
        """The tables have every fault, what it does, and nothing else."""
        rows = re.findall(r"^\| `(.*)` \| (.*) \|$", self.text, re.MULTILINE)
        kinds = KINDS.values()
        assert rows == [(kind.spelled, explained(kind)) for kind in kinds]

    def test_spelled(self) -> None:
        """The faults that it gives to the lab are spelled well."""
        shown = re.findall(r"--fault ([^` \n]+)", self.text)
        assert len(parse_faults(*shown)) >= 5

    async def test_example(self) -> None:
        """The program runs as it stands."""
        (example,) = examples("lab.md")
        output, errors, status = await getProcessOutputAndValue(
            sys.executable, ["-c", example], env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        assert output == b"dns.lab.example was asked 0 times\n"
        assert (errors, status) == (b"", 0)


class LibraryTests(TestCase):
    """The examples of docs/library.md, in processes of their own, ask the lab here."""

    timeout = 20

    def setUp(self) -> None:
        self.folder = Path(mkdtemp())
        self.addCleanup(rmtree, self.folder)
        lab = create_lab(reactor, datetime.now(UTC))
        lab.server.startService()
        self.addCleanup(lab.server.stopService)
        self.spec = f"tls://127.0.0.1:{lab.server.port}#{lab.server_name}"
        self.ca_file = self.folder / "ca.pem"
        self.ca_file.write_bytes(lab.ca_pem)
        self.config = self.folder / "dotproxy.toml"
        self.config.write_text(
            "[[upstream]]\n"
            'address = "127.0.0.1"\n'
            f"port = {lab.server.port}\n"
            f'server_name = "{lab.server_name}"\n'
            'ca_file = "ca.pem"\n'
        )

    async def run_example(self, place: int, *words: str) -> tuple[str, str, int]:
        """Run an example; return what it prints, what it complains of, its status.

        The lab's authority is the only one that its system trusts.
        """
        program = self.folder / "example.py"
        program.write_text(examples("library.md")[place])
        trusting = {"SSL_CERT_FILE": str(self.ca_file), "PYTHONPATH": str(ROOT)}
        output, errors, status = await getProcessOutputAndValue(
            sys.executable,
            [str(program), *words],
            env={**os.environ, **trusting},
            path=str(self.folder),
        )
        return output.decode(), errors.decode(), status

    async def test_first_look_up(self) -> None:
        """The first example prints an address, asked of the server that is given."""
        outcome = await self.run_example(0, "ns.lab.example", self.spec)
        assert outcome == ("192.0.2.53\n", "", 0)

    async def test_file(self) -> None:
        """The second serves the whole program, by the settings of a file."""
        outcome = await self.run_example(1, str(self.config), "ns.lab.example")
        assert outcome == ("192.0.2.53\n", "", 0)

    async def test_what_comes_back(self) -> None:
        """The third lists what it found, and tells apart that there is nothing."""
        config = str(self.config)
        outcome = await self.run_example(2, config, "mail.lab.example")
        assert outcome == ("10 mx.lab.example\n", "", 0)
        outcome = await self.run_example(2, config, "nowhere.lab.example")
        assert outcome == ("", "there is no nowhere.lab.example\n", 1)

    def test_all(self) -> None:
        """Every example is tried here."""
        assert len(examples("library.md")) == 3
