"""The upstream that all servers under test ask: a fast one, near or seemingly far.

It is an unbound that answers from its configuration, over TLS, any name below
`ZONE`, with the same address.
"""

import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import relay
from dotproxy.lab.certificates import Authority, Leaf
from tests.functional.processes import Process, Stage, free_port

NAME = "dns.bench.example"
"""What its certificate is for."""

ZONE = "bench.example"
"""Below it there is every name."""

UNBOUND = """\
server:
  do-daemonize: no
  use-syslog: no
  chroot: ""
  username: ""
  pidfile: ""
  directory: "{folder}"
  interface: 127.0.0.1@{port}
  tls-port: {port}
  tls-service-pem: chain.pem
  tls-service-key: key.pem
  num-threads: 1
  incoming-num-tcp: 100
  local-zone: "." refuse
  local-zone: "{zone}" redirect
  local-data: "{zone} 3600 A 192.0.2.1"
remote-control:
  control-enable: no
"""


@dataclass(frozen=True)
class Upstream:
    """A server of DNS over TLS on 127.0.0.1, and the authority to trust."""

    port: int
    ca_file: Path


def start_upstream(stage: Stage) -> Upstream:
    """Start the upstream, and wait until it serves."""
    folder = Path(tempfile.mkdtemp(prefix="upstream-", dir=stage.folder))
    upstream = Upstream(free_port(), folder / "ca.pem")
    write_certificates(folder)
    config = folder / "unbound.conf"
    config.write_text(UNBOUND.format(folder=folder, port=upstream.port, zone=ZONE))
    process = Process(stage, ["unbound", "-d", "-c", str(config)])
    process.wait_for("start of service")
    return upstream


def start_relay(stage: Stage, upstream: Upstream, round_trip: float) -> Upstream:
    """Put an upstream behind a relay: seconds go by before an answer is back."""
    port = free_port()
    ports, one_way = (str(port), str(upstream.port)), str(round_trip / 2)
    process = Process(stage, [sys.executable, relay.__file__, *ports, one_way])
    process.wait_for("relaying")
    return Upstream(port, upstream.ca_file)


def write_certificates(folder: Path) -> None:
    """Write what the upstream shows, and what its clients trust."""
    authority = Authority.create("authority of a benchmark", datetime.now(UTC))
    issued = authority.issue(Leaf((NAME,), ("127.0.0.1",), NAME))
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "chain.pem").write_bytes(issued.chain_pem)
    (folder / "key.pem").touch(0o600)
    (folder / "key.pem").write_bytes(issued.key_pem)
