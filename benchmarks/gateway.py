"""The relay of the gateway beside nginx's, and beside no relay at all.

Neither looks further than the hello, so what goes through needs no TLS: a hello, one
octet in reply, and then as many as are asked for.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.contenders import OURS, TWISTD
from benchmarks.gateway_load import NAME, Origin, download, reply
from benchmarks.trials import Figures, Plan
from benchmarks.usage import cpu_seconds, resident
from dotproxy.descriptors import raise_descriptors
from tests.functional.processes import PATH, Process, Stage, free_port

ROOT = Path(__file__).parents[1]

HOST = "127.0.0.2"
"""Where relays listen; the origin is at 127.0.0.1."""

IDLE = 1000
"""Connections that stand idle while memory is looked at."""

DESCRIPTORS = 4 * IDLE
"""Open files that the load needs for both ends of them."""

RATE = 200 * 10**6
"""Octets of a transfer for each second of the plan."""

SHAKES = 400
"""Connections, one after the other, for each second of the plan."""

PEER, DIRECT = "nginx", "direct"

PACKAGES = "nginx libnginx-mod-stream"
"""What has the peer on Debian."""

MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
"""What nginx relays with, where Debian has it (libnginx-mod-stream)."""

NGINX = f"""\
load_module {MODULE};
daemon off;
master_process off;
pid {{folder}}/pid;
error_log stderr notice;
events {{{{ worker_connections 8192; }}}}
stream {{{{
  log_format line '$remote_addr $ssl_preread_server_name $bytes_sent $session_time';
  access_log {{folder}}/access.log line;
  map $ssl_preread_server_name $origin {{{{ {NAME} 127.0.0.1:{{origin}}; }}}}
  server {{{{
    listen {HOST}:{{port}};
    ssl_preread on;
    proxy_pass $origin;
  }}}}
}}}}
"""
"""It writes a line for each connection, as dotproxy does."""

DOTPROXY = f"""\
[gateway]
listen = ["{HOST}:{{port}}"]
max_per_client = 100000
new_per_second = 100000
[[rule]]
names = ["{NAME}"]
action = "redirect"
backend = "127.0.0.1:{{origin}}"
"""


class Target(NamedTuple):
    """Where to connect to, and the relay that is there, if one is."""

    host: str
    port: int
    process: Process | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Its address and port."""
        return self.host, self.port


def relays() -> dict[str, Callable[[Stage, int], Target]]:
    """Return how each relay that is installed is started, before an origin's port."""
    has_nginx = shutil.which(PEER, path=PATH) and MODULE.exists()
    return {
        OURS: start_dotproxy,
        **({PEER: start_nginx} if has_nginx else {}),
        DIRECT: lambda _, port: Target("127.0.0.1", port),
    }


def measure(stage: Stage, plan: Plan) -> Iterator[tuple[str, Figures]]:
    """Measure all of them in turn, as often as planned.

    `stage` runs them on a core of their own.
    """
    raise_descriptors(DESCRIPTORS)
    with Origin.start() as origin:
        for _ in range(plan.runs):
            for name, start in relays().items():
                with running(start, stage, origin.port) as target:
                    yield name, visit(target, plan)


def visit(target: Target, plan: Plan) -> Figures:
    """Take all figures of one target: seconds, octets a second, octets."""
    reply(target.place).close()
    figures = shakes(target, plan.seconds * SHAKES)
    figures |= transfer(target, plan.seconds * RATE)
    return figures | idle(target)


def shakes(target: Target, count: int) -> Figures:
    """Tell how long the first octet takes, and what a connection costs."""
    before, taken = spent(target), []
    for _ in range(count):
        begun = time.perf_counter()
        client = reply(target.place)
        taken.append(time.perf_counter() - begun)
        client.close()
    figures = {"relay first": median(taken)}
    if target.process:
        figures["relay connection"] = (spent(target) - before) / count
    return figures


def transfer(target: Target, size: int) -> Figures:
    """Tell how fast many octets come to one client, and what they cost."""
    before, begun = spent(target), time.perf_counter()
    download(target.place, size)
    figures = {"relay rate": size / (time.perf_counter() - begun)}
    if target.process:
        figures["relay CPU"] = (spent(target) - before) / size
    return figures


def idle(target: Target) -> Figures:
    """Tell how much memory a relayed connection takes that has nothing to do."""
    if not target.process:
        return {}
    before = resident(target.process.pid)
    with ExitStack() as open_connections:
        for _ in range(IDLE):
            open_connections.enter_context(reply(target.place))
        grown = resident(target.process.pid) - before
    return {"relay memory": grown * 1e6 / IDLE}


def spent(target: Target) -> float:
    """Return the CPU seconds that a relay has had."""
    return cpu_seconds(target.process.pid) if target.process else 0.0


@contextmanager
def running(
    start: Callable[[Stage, int], Target], stage: Stage, origin: int
) -> Iterator[Target]:
    """Run a relay until it is measured."""
    target = start(stage, origin)
    try:
        yield target
    finally:
        if target.process:
            target.process.stop()


def start_dotproxy(stage: Stage, origin: int) -> Target:
    """Start our own relay."""
    folder, port = Path(tempfile.mkdtemp(dir=stage.folder)), free_port()
    file = folder / "dotproxy.toml"
    file.write_text(DOTPROXY.format(port=port, origin=origin))
    process = Process(
        stage,
        [
            *(sys.executable, "-c", TWISTD, "-n", "--pidfile=", "dotproxy"),
            *("--listen", f"127.0.0.1:{free_port()}"),
            *("--upstream", "lab", "--config", str(file)),
        ],
        {"PYTHONPATH": str(ROOT)},
    )
    process.wait_for("relays TLS")
    return Target(HOST, port, process)


def start_nginx(stage: Stage, origin: int) -> Target:
    """Start nginx's, with one process."""
    folder, port = Path(tempfile.mkdtemp(dir=stage.folder)), free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, origin=origin))
    path = shutil.which(PEER, path=PATH) or PEER
    process = Process(
        stage, [path, "-e", "stderr", "-p", str(folder), "-c", str(config)]
    )
    process.wait_for("OS: ")
    return Target(HOST, port, process)
