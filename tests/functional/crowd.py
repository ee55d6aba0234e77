"""Crowds of clients, and what they cost the proxy and the others."""

import re
import resource
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import dns.message

from tests.functional.processes import PATIENCE

ASKS = 150
"""Queries whose middle latency is looked at: a few that are late change nothing."""

FACTOR, FLOOR = 10, 0.05
"""How much slower others may be: a loaded machine is slow by itself, and a stall of
which people would take note is longer than so many seconds."""

DESCRIPTORS = 4096
"""Open files that the tests need for the clients that they play."""


def query(name: str = "www.lab.example", rdtype: str = "A", number: int = 1) -> bytes:
    """Return a query."""
    return dns.message.make_query(name, rdtype, id=number).to_wire()


def framed(messages: Iterable[bytes]) -> bytes:
    """Return messages as they go over TCP."""
    return b"".join(len(each).to_bytes(2, "big") + each for each in messages)


def allow_descriptors() -> None:
    """Let this process have as many clients as the tests need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))


def come(port: int, place: int) -> socket.socket:
    """Connect as the client at a place: each has an address of its own."""
    client = socket.socket()
    client.settimeout(PATIENCE)
    client.bind((f"127.9.{place >> 8}.{place & 255}", 0))
    client.connect(("127.0.0.1", port))
    return client


def ask_over(client: socket.socket, wish: bytes) -> bytes:
    """Ask over a connection and return the reply; OSError if there is none."""
    client.sendall(framed([wish]))
    size = int.from_bytes(_exactly(client, 2), "big")
    return _exactly(client, size)


def ask(port: int, wish: bytes, patience: float = PATIENCE) -> float:
    """Ask over UDP; return how many seconds it took, TimeoutError if in vain."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.connect(("127.0.0.1", port))
        begun = time.monotonic()
        client.send(wish)
        client.recv(4096)
        return time.monotonic() - begun


def pace(port: int) -> float:
    """Return the seconds that a hit over UDP takes, in the middle of many."""
    taken = []
    for _ in range(ASKS):
        taken.append(ask(port, query()))
        time.sleep(0.002)
    return sorted(taken)[ASKS // 2]


def bearable(quiet: float) -> float:
    """Return what a latency may be beside a crowd, if it is `quiet` without."""
    return FACTOR * quiet + FLOOR


def resident(pid: int) -> int:
    """Return the octets of memory that a process has."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def descriptors(pid: int) -> int:
    """Return how many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def worked(pid: int) -> float:
    """Return the seconds that a process has worked for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def storm(port: int) -> Iterator[None]:
    """Connect and vanish, again and again, as fast as may be."""
    over = Event()

    def rage() -> None:
        while not over.is_set():
            with socket.socket() as client:
                # No time to linger: what is closed so is reset.
                linger = struct.pack("ii", 1, 0)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                client.settimeout(0.2)
                try:
                    client.connect(("127.0.0.1", port))
                except OSError:
                    continue

    thread = Thread(target=rage)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _exactly(client: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = client.recv(size - len(received))
        if not part:
            raise ConnectionResetError("the connection is over")
        received += part
    return received
