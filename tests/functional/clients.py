"""Real clients: dig, kdig and dnsperf, and what they have to say."""

import re
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tests.functional.peers import NAME, Peer
from tests.functional.processes import PATIENCE, Stage, program

SECTION = re.compile(r"^;; (.+?) (?:PSEUDO)?SECTION:$")


@dataclass(frozen=True)
class Answer:
    """What dig or kdig made of an answer: `text`, and what a test looks for in it."""

    text: str

    @property
    def status(self) -> str:
        """The RCODE by its name."""
        return self._find(r"status: (\w+)")

    @property
    def flags(self) -> set[str]:
        """The flags of the header."""
        return set(self._find(r"(?i);; flags: ([a-z ]*);").split())

    @property
    def over_tcp(self) -> bool:
        """Whether the answer came over TCP."""
        return "(TCP)" in self.text

    @property
    def size(self) -> int:
        """How many octets came."""
        return int(self._find(r"(?:rcvd:|Received) (\d+)"))

    @property
    def question(self) -> str:
        """The name in the question, as it is spelled in the answer."""
        return self._sections["QUESTION"][0].lstrip("; ").split()[0]

    @property
    def edns(self) -> list[str]:
        """The lines on OPT, the first on its fixed part; none without OPT."""
        name = "OPT" if "OPT" in self._sections else "EDNS"
        return self._sections.get(name, [])

    @property
    def explanations(self) -> set[int]:
        """The INFO-CODEs of Extended DNS Errors."""
        return {int(code) for code in re.findall(r"EDE: (\d+)", "".join(self.edns))}

    @property
    def values(self) -> list[str]:
        """What the records of the answer hold, in their order: types and values."""
        return [record.split(maxsplit=2)[2] for record in self.records("ANSWER")]

    def records(self, section: str) -> list[str]:
        """Return the records of a section: names, classes, types and values."""
        lines = self._sections.get(section, [])
        fields = (line.split(maxsplit=4) for line in lines)
        return [" ".join((name, *rest)) for name, _, *rest in fields]

    @cached_property
    def _sections(self) -> dict[str, list[str]]:
        sections: dict[str, list[str]] = {}
        lines: list[str] = []
        for line in self.text.splitlines():
            if begins := SECTION.match(line):
                lines = sections.setdefault(begins[1], [])
            elif line:
                lines.append(line)
            else:
                lines = []
        return sections

    def _find(self, pattern: str) -> str:
        found = re.search(pattern, self.text)
        assert found, f"no {pattern!r} in:\n{self.text}"
        return found[1]


@dataclass(frozen=True)
class Load:
    """What came of many queries: how many were lost, and which RCODEs came how often.

    `lost` counts those that no answer came to within the patience of dnsperf.
    """

    sent: int
    lost: int
    rcodes: dict[str, int]


def dig(port: int, *words: str, prefix: Sequence[str] = ()) -> Answer:
    """Ask a port of 127.0.0.1 by dig, once; `prefix` is a command to run it."""
    once = ("+tries=1", "+time=10")
    command = [program("dig"), "-r", "-p", str(port), "@127.0.0.1", *once, *words]
    return Answer(run([*prefix, *command]))


def kdig(port: int, *words: str) -> Answer:
    """Ask a port of 127.0.0.1 by kdig, once."""
    once = ("+retry=0", "+time=10")
    return Answer(run([program("kdig"), "-p", str(port), "@127.0.0.1", *once, *words]))


def kdig_over_tls(peer: Peer, *words: str) -> Answer:
    """Ask a server straight, without a proxy."""
    ca_file = peer.certificates.ca_file
    trust = (f"+tls-ca={ca_file}", f"+tls-hostname={NAME}")
    return kdig(peer.port, "+tls", *trust, *words)


def dnsperf(stage: Stage, port: int, questions: Sequence[str], seconds: int) -> Load:
    """Ask all questions, over and over for some seconds, always 200 at a time."""
    file = stage.folder / "questions"
    file.write_text("".join(f"{question}\n" for question in questions))
    amount = ("-l", str(seconds), "-q", "200", "-c", "10")
    server = ("-s", "127.0.0.1", "-p", str(port))
    return read_load(run([program("dnsperf"), *server, *amount, "-d", str(file)]))


def read_load(text: str) -> Load:
    """Read what dnsperf reports when it is done."""
    counts = dict(re.findall(r"Queries (sent|lost): +(\d+)", text))
    codes = re.search(r"Response codes: +(.*)", text)
    assert codes, text
    rcodes = {name: int(n) for name, n in re.findall(r"(\w+) (\d+)", codes[1])}
    return Load(int(counts["sent"]), int(counts["lost"]), rcodes)


def run(command: Sequence[str]) -> str:
    """Run a client and return what it prints; AssertionError if it fails."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


def connect(port: int) -> socket.socket:
    """Open a TCP connection to a port of 127.0.0.1."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
