"""Clients who ask over TLS and over HTTPS: their load, and what one costs that is idle.

What is asked over HTTPS comes from h2load: dnsperf 2.10 has a mode for it, but loses
queries whenever more than one is under way on a connection, whoever serves them.
"""

import re
import shutil
import socket
import ssl
import subprocess
from base64 import urlsafe_b64encode
from contextlib import ExitStack
from pathlib import Path

import dns.message

from benchmarks.load import (
    CLIENTS,
    FAILED_BORNE,
    LONGEST_RUN,
    OUTSTANDING,
    Failed,
    Outcome,
)
from benchmarks.usage import resident
from tests.functional.processes import PATH

IDLE = 100
"""Connections that are there, and idle."""

QUERY_PATH = "/dns-query"

HELLO = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    # Settings, of which none differs from what is usual.
    b"\0\0\0\4\0\0\0\0\0"
)
"""What a client of HTTP/2 says first (RFC 9113 section 3.4)."""


def ask_over_https(port: int, file: Path, seconds: int) -> Outcome:
    """Ask for names by GET, as fast as it goes; raise Failed if too few are answered.

    As many clients have as much under way as with dnsperf.
    """
    urls = file.with_suffix(".urls")
    base = f"https://127.0.0.1:{port}{QUERY_PATH}?dns="
    names = (line.split()[0] for line in file.read_text().splitlines())
    urls.write_text("".join(f"{base}{_parameter(name)}\n" for name in names))
    words = ("-c", str(CLIENTS), "-m", str(OUTSTANDING // CLIENTS), "-D", str(seconds))
    try:
        done = subprocess.run(
            [shutil.which("h2load", path=PATH) or "h2load", *words, "-i", str(urls)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_RUN,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {LONGEST_RUN} s") from None
    outcome = read_h2load(done.stdout)
    if outcome.good <= outcome.sent * (1 - FAILED_BORNE):
        raise Failed(f"{outcome.sent - outcome.good} of {outcome.sent} not answered")
    return outcome


def read_h2load(text: str) -> Outcome:
    """Read what h2load prints when it is done."""
    sent = re.search(r"requests: .*?(\d+) done", text)
    good = re.search(r"status codes: (\d+) 2xx", text)
    rate = re.search(r"([\d.]+) req/s", text)
    if not sent or not good or not rate:
        raise Failed(f"h2load reports nothing:\n{text}")
    return Outcome(int(sent[1]), int(good[1]), float(rate[1]))


def idle_memory(pid: int, port: int, protocol: str, hello: bytes = b"") -> float:
    """Return the memory that a connection takes whose client says this, and no more."""
    with ExitStack() as ending:
        # The first ones make what all have in common.
        _connect(port, protocol, hello, ending)
        before = resident(pid)
        for _ in range(IDLE):
            _connect(port, protocol, hello, ending)
        return (resident(pid) - before) / IDLE


def _connect(port: int, protocol: str, hello: bytes, ending: ExitStack) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    plain = socket.create_connection(("127.0.0.1", port), 10)
    client = ending.enter_context(context.wrap_socket(plain))
    client.sendall(hello)
    if hello:
        client.recv(1)


def _parameter(name: str) -> str:
    query = dns.message.make_query(name, "A", id=0).to_wire()
    return urlsafe_b64encode(query).decode().rstrip("=")
