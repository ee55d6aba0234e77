"""What a small fleet on this machine does, beside what the model says of it.

`python -m benchmarks.fleet_measured` starts two nodes, an unbound that answers every
name, and a redis-server, and asks as the model has it: Zipf names, Poisson arrivals,
each query of either node.  It takes some three minutes.
"""

import re
import socket
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import dns.message
import numpy as np

from benchmarks.fleet import Fleet, World, outcome
from benchmarks.upstream import NAME, UNBOUND, ZONE, Upstream, write_certificates
from tests.functional.processes import Process, Stage, free_port
from tests.functional.proxy import Proxy, start_proxy
from tests.functional.redis import Redis

WORLD = World(names=2_000, exponent=0.9, rate=1.0, ttls=(20, 40), shares=(0.5, 0.5))

RATE = 400
"""Queries a second: far from what two nodes can do."""

WARM, MEASURED = 45.0, 40.0
"""Seconds before counting begins, more than the longest TTL; and while it goes on."""

NODES = 2

RESULTS = ("hit", "miss", "slow", "error", "skipped")


class Counts(NamedTuple):
    """What the nodes have counted together, since they were started."""

    replies: float
    cached: float
    upstream: float
    found: float
    """Look-ups that the shared cache answered."""
    looked_up: float
    """All of them, those included that it was too slow for."""
    cpu: float
    """Seconds."""

    def since(self, before: "Counts") -> "Counts":
        """Return what came after `before`."""
        return Counts(*(now - then for now, then in zip(self, before, strict=True)))


class Node(NamedTuple):
    """One node, and the port of its metrics."""

    proxy: Proxy
    metrics: int


def main() -> None:
    """Measure with and without a shared cache, and print both beside the model."""
    print("| shared cache | | model | measured |\n|---|---|---:|---:|")
    for shared in (False, True):
        with ExitStack() as ending:
            counts = measured(Stage.create(ending.callback), shared)
        model = outcome(Fleet(NODES, RATE, shared), WORLD)
        answered, asked = counts.cached / counts.replies, counts.upstream / MEASURED
        rows = [
            ("from the node's cache", f"{model.hits:.1%}", f"{answered:.1%}"),
            ("to the upstream", f"{model.upstream:.1f}/s", f"{asked:.1f}/s"),
        ]
        if shared:
            expected = 1 - model.upstream / model.lookups
            found = counts.found / counts.looked_up
            row = ("found in the shared cache", f"{expected:.1%}", f"{found:.1%}")
            rows.append(row)
        for what, said, seen in rows:
            print(f"| {'yes' if shared else 'no'} | {what} | {said} | {seen} |")
        each = counts.cpu / counts.replies
        print(f"CPU a query: {each * 1e6:.0f} us", file=sys.stderr)


def measured(stage: Stage, shared: bool) -> Counts:
    """Start the fleet, ask it, and return what it counted."""
    upstream = start_upstream(stage)
    lines = ["[cache.shared]"]
    if shared:
        lines.append(f'url = "redis://127.0.0.1:{Redis(stage).port}"')
        # It is the model that is tested, and not how busy the machine is.
        lines.append("timeout = 0.1")
    nodes = [start_node(stage, upstream, lines) for _ in range(NODES)]
    ask(nodes, WARM, 1)
    before = total(nodes)
    ask(nodes, MEASURED, 2)
    return total(nodes).since(before)


def start_upstream(stage: Stage) -> Upstream:
    """Start an unbound that has a zone for each TTL, with every name in it."""
    folder = Path(tempfile.mkdtemp(prefix="upstream-", dir=stage.folder))
    upstream = Upstream(free_port(), folder / "ca.pem")
    write_certificates(folder)
    head, tail = UNBOUND.format(folder=folder, port=upstream.port, zone=ZONE).split(
        "remote-control:"
    )
    zones = "".join(
        f'  local-zone: "t{ttl}.{ZONE}" redirect\n'
        f'  local-data: "t{ttl}.{ZONE} {ttl} A 192.0.2.1"\n'
        for ttl in WORLD.ttls
    )
    config = folder / "unbound.conf"
    config.write_text(f"{head}{zones}remote-control:{tail}")
    process = Process(stage, ["unbound", "-d", "-c", str(config)])
    process.wait_for("start of service")
    return upstream


def start_node(stage: Stage, upstream: Upstream, lines: list[str]) -> Node:
    """Start one node of the fleet."""
    metrics = free_port()
    file = Path(tempfile.mkdtemp(dir=stage.folder)) / "dotproxy.toml"
    settings = (
        "[[upstream]]",
        'address = "127.0.0.1"',
        f"port = {upstream.port}",
        f'server_name = "{NAME}"',
        f'ca_file = "{upstream.ca_file}"',
        "[admin]",
        f'listen = "127.0.0.1:{metrics}"',
    )
    file.write_text("\n".join((*settings, *lines)))
    return Node(start_proxy(stage, "--config", str(file)), metrics)


def ask(nodes: list[Node], seconds: float, seed: int) -> None:
    """Ask for so long; replies are read and thrown away, the nodes count them."""
    random = np.random.default_rng(seed)
    weights = np.arange(1, WORLD.names + 1) ** -WORLD.exponent
    ranks = random.choice(WORLD.names, int(RATE * seconds), p=weights / weights.sum())
    whom = random.integers(len(nodes), size=len(ranks))
    times = np.cumsum(random.exponential(1 / RATE, len(ranks)))
    # The same names have the same TTL, whoever asks and whenever.
    fixed = np.random.default_rng(0)
    ttls = fixed.choice(WORLD.ttls, WORLD.names, p=WORLD.shares)
    begin = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        for at, rank, node in zip(times, ranks, whom, strict=True):
            time.sleep(max(begin + at - time.monotonic(), 0))
            name = f"n{rank}.t{ttls[rank]}.{ZONE}"
            address = ("127.0.0.1", nodes[node].proxy.port)
            client.sendto(dns.message.make_query(name, "A").to_wire(), address)
            drain(client)


def drain(client: socket.socket) -> None:
    """Read what has come."""
    try:
        while client.recv(2048):
            continue
    except BlockingIOError:
        return


def total(nodes: list[Node]) -> Counts:
    """Read what all nodes have counted."""
    time.sleep(0.5)
    counts: defaultdict[str, float] = defaultdict(float)
    for node in nodes:
        with urlopen(f"http://127.0.0.1:{node.metrics}/metrics") as page:
            text = page.read().decode()
        for name, labels, value in re.findall(r"^(\w+)(\{.*\})? (\S+)$", text, re.M):
            source = re.search('(?:source|result)="(\\w+)"', labels)
            counts[f"{name} {source[1] if source else ''}".strip()] += float(value)
    replies = "dotproxy_responses_total"
    cached = counts[f"{replies} ready"] + counts[f"{replies} cache"]
    waited = counts[f"{replies} upstream"]
    return Counts(
        cached + waited,
        cached,
        counts["dotproxy_upstream_queries_total"],
        counts["dotproxy_shared_cache_lookups_total hit"],
        sum(counts[f"dotproxy_shared_cache_lookups_total {it}"] for it in RESULTS),
        counts["process_cpu_seconds_total"],
    )


if __name__ == "__main__":
    main()
