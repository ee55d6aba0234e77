"""A server under test: started on its core, and asked until it answers."""

import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.contenders import Command, Site
from benchmarks.upstream import ZONE, Upstream
from dotproxy.wire.message import RCODE
from tests.functional.processes import PATH, PATIENCE, Process, Stage, free_port

ROOT = Path(__file__).parents[1]
"""Where the code stands that is measured, installed or not."""

RETRY = 0.01
"""Seconds after which a server that starts is asked again."""

REFUSED_RETRY = 0.001
"""Seconds to wait where nobody listens yet."""

LABELS = f"start.{ZONE}".split(".")

QUERY = (
    b"\0\7\1\0\0\1\0\0\0\0\0\0"
    + b"".join(bytes((len(label),)) + label.encode() for label in LABELS)
    + b"\0\0\1\0\1"
)
"""Is there an address of start.bench.example?"""


class Server(NamedTuple):
    """A server that runs, and serves UDP and TCP on `port` of 127.0.0.1."""

    process: Process
    port: int
    seconds: float
    """From its start to its first answer."""
    tls_port: int
    https_port: int
    """Where it serves those who ask encrypted, if it does."""


class Mute(Exception):
    """A server does not answer."""


@contextmanager
def running(stage: Stage, command: Command, upstream: Upstream) -> Iterator[Server]:
    """Run a server until it is measured; Mute if it never answers."""
    folder = Path(tempfile.mkdtemp(prefix="site-", dir=stage.folder))
    site = Site(folder, free_port(), upstream, free_port(), free_port())
    program, *words = command(site)
    path = shutil.which(program, path=PATH) or program
    began = time.monotonic()
    process = Process(stage, [path, *words], {"PYTHONPATH": str(ROOT)})
    try:
        if not answers(site.port):
            raise Mute(f"{program} does not answer: {process.output[-1000:]}")
        seconds = time.monotonic() - began
        yield Server(process, site.port, seconds, site.tls_port, site.https_port)
    finally:
        process.stop()


def answers(port: int, within: float = PATIENCE) -> bool:
    """Ask a port of 127.0.0.1 until it answers, other than by an error."""
    end = time.monotonic() + within
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(RETRY)
        while time.monotonic() < end:
            try:
                client.send(QUERY)
                if is_good(client.recv(512)):
                    return True
            except ConnectionRefusedError:
                time.sleep(REFUSED_RETRY)
            except TimeoutError:
                continue
    return False


def is_good(message: bytes) -> bool:
    """Whether a message answers QUERY, and does not speak of an error."""
    whole = len(message) >= len(QUERY)
    return whole and message[:2] == QUERY[:2] and not message[3] & RCODE
