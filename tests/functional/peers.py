"""Real servers of DNS over TLS: unbound, nsd, and dnsdist in front of nsd.

They all know the zone `lab.example`: what the lab has in it, and some records that
are hard to hand on.  Unbound also knows a signed one.  Each has a certificate by an
authority of its own.
"""

import re
import subprocess
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.lab.zone import ORIGIN, ZONE
from tests.functional.processes import Process, Stage, free_port, program
from tests.functional.signed import sign_zone
from tests.hellos import PUBLISHED

NAME = "dns.lab.example"
"""What the certificates are for, beside 127.0.0.1 and `LATER`."""

LATER = "192.0.2.53"
"""An address that the machine does not have, but that a test may give to it."""

UNKNOWN = r"\# 6 00FF414243C0"
"""The record of an unknown type, as RFC 3597 section 5 writes it."""

ODD = r'"\000\127\255\"; \\" ""'
"""A text with octets that no keyboard has, and an empty one."""

ECH = b64encode(PUBLISHED).decode()
"""An ECHConfigList, as master files have it."""

PEER_ZONE = f"""\
$ORIGIN {ORIGIN}
{ZONE}
dns      IN A         127.0.0.1
unknown  IN TYPE65280 {UNKNOWN}
odd      IN TXT       {ODD}
ech      IN A         127.0.0.1
ech      IN HTTPS     1 . alpn=h2,h3 ipv4hint=127.0.0.1 ech={ECH}
apex     IN HTTPS     0 ech
""" + "".join(
    f'{name} IN TXT "{n:03} {"." * 246}"\n'
    for name, count in (("huge", 248), ("utmost", 249))
    for n in range(count)
)
"""`utmost` makes a message of 65,534 octets, which unbound cannot send; so `huge`."""

UNBOUND = """\
server:
  do-daemonize: no
  use-syslog: no
  chroot: ""
  username: ""
  pidfile: ""
  directory: "{folder}"
  interface: {host}@{port}
  access-control: {host}/24 allow
  tls-port: {port}
  tls-service-pem: chain.pem
  tls-service-key: key.pem
  module-config: "validator iterator"
  trust-anchor: "{anchor}"
  ede: yes
  rrset-roundrobin: no
  local-zone: "." static
  local-zone: "{zone}" transparent
  local-zone: "{signed}" transparent
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: "{folder}/control"
auth-zone:
  name: "{zone}"
  zonefile: "zone"
  for-upstream: yes
  for-downstream: no
auth-zone:
  name: "{signed}"
  zonefile: "signed"
  for-upstream: yes
  for-downstream: no
"""
"""A validating resolver, with two zones in files; it never asks anybody."""

ROUTER = """\
server:
  do-daemonize: no
  use-syslog: no
  log-queries: yes
  chroot: ""
  username: ""
  pidfile: ""
  directory: "{folder}"
  interface: 127.0.0.1@{port}
  local-zone: "." static
  local-zone: "home.arpa." static
  local-data: "nas.home.arpa. 60 IN A 10.0.0.9"
{texts}
remote-control:
  control-enable: no
"""
"""A resolver of a home network: in clear, and it knows that network only.

It says on stderr what it is asked.
"""

NSD = """\
server:
  ip-address: 127.0.0.1@{plain}
  ip-address: 127.0.0.1@{port}
  tls-port: {port}
  tls-service-pem: "{folder}/chain.pem"
  tls-service-key: "{folder}/key.pem"
  server-count: 1
  username: ""
  database: ""
  pidfile: ""
  zonesdir: "{folder}"
  xfrdir: "{folder}"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
remote-control:
  control-enable: no
zone:
  name: "{zone}"
  zonefile: "zone"
"""

DNSDIST = """\
setSecurityPollSuffix("")
setTCPRecvTimeout({idle})
setLocal("127.0.0.1:{plain}")
newServer({{address="127.0.0.1:{nsd}", healthCheckMode="up"}})
addTLSLocal("127.0.0.1:{port}", "{folder}/chain.pem", "{folder}/key.pem")
"""
"""Without the first line it would ask the world for news of its own security."""

DNSDIST_IDLE = 1
"""Seconds after which dnsdist closes a connection that is not used."""


@dataclass(frozen=True)
class Certificates:
    """A server's certificate and key in `folder`, and what a client has to know."""

    folder: Path
    pins: tuple[str, ...]

    @classmethod
    def create(cls, folder: Path) -> "Certificates":
        """Make an authority and one certificate, and write them into `folder`."""
        authority = Authority.create("authority of a test", datetime.now(UTC))
        issued = authority.issue(Leaf((NAME,), ("127.0.0.1", LATER)))
        made = cls(folder, issued.pins)
        made.ca_file.write_bytes(authority.pem)
        (folder / "chain.pem").write_bytes(issued.chain_pem)
        (folder / "key.pem").write_bytes(issued.key_pem)
        return made

    @property
    def ca_file(self) -> Path:
        """The authority's certificate."""
        return self.folder / "ca.pem"


@dataclass(frozen=True)
class Peer:
    """A server that runs: over TLS on `port`, and perhaps in clear on `plain`."""

    name: str
    process: Process
    certificates: Certificates
    port: int
    host: str = "127.0.0.1"
    plain: int = 0

    @property
    def spec(self) -> str:
        """What --upstream takes to ask this server, and to verify its name."""
        return f"tls://{self.host}:{self.port}#{NAME}"

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags to have this server as the only upstream."""
        return ("--upstream", self.spec, "--ca-file", str(self.certificates.ca_file))


def start_unbound(stage: Stage, host: str = "127.0.0.1") -> Peer:
    """Start a resolver."""
    path, _ = program("unbound"), program("unbound-control")
    certificates, port = _prepare(stage, "unbound"), free_port()
    folder = certificates.folder
    signed = sign_zone()
    (folder / "signed").write_text(signed.text)
    config = folder / "unbound.conf"
    config.write_text(
        UNBOUND.format(
            folder=folder,
            host=host,
            port=port,
            zone=ORIGIN,
            signed=signed.origin,
            anchor=signed.anchor,
        )
    )
    process = Process(stage, [path, "-d", "-c", str(config)])
    process.wait_for("start of service")
    return Peer("unbound", process, certificates, port, host)


def start_router(stage: Stage) -> tuple[Process, int]:
    """Start a resolver that knows home.arpa; return it and its port, for plain DNS.

    `big.home.arpa` fits no datagram.
    """
    path, port = program("unbound"), free_port()
    folder = Path(tempfile.mkdtemp(prefix="router-", dir=stage.folder))
    texts = (
        f"  local-data: 'big.home.arpa. 60 IN TXT \"{n:02} {'.' * 200}\"'"
        for n in range(16)
    )
    config = folder / "unbound.conf"
    config.write_text(ROUTER.format(folder=folder, port=port, texts="\n".join(texts)))
    process = Process(stage, [path, "-d", "-c", str(config)])
    process.wait_for("start of service")
    return process, port


def start_nsd(stage: Stage) -> Peer:
    """Start an authoritative server, which serves plain DNS too."""
    path = program("nsd")
    certificates, port, plain = _prepare(stage, "nsd"), free_port(), free_port()
    config = certificates.folder / "nsd.conf"
    folder = certificates.folder
    config.write_text(NSD.format(folder=folder, port=port, plain=plain, zone=ORIGIN))
    process = Process(stage, [path, "-d", "-c", str(config)])
    process.wait_for("nsd started")
    return Peer("nsd", process, certificates, port, plain=plain)


def start_dnsdist(stage: Stage, nsd: Peer) -> Peer:
    """Start a balancer, which asks `nsd` in clear."""
    path = program("dnsdist")
    certificates, port, plain = _prepare(stage, "dnsdist"), free_port(), free_port()
    config = certificates.folder / "dnsdist.conf"
    folder = certificates.folder
    config.write_text(
        DNSDIST.format(
            folder=folder, port=port, plain=plain, nsd=nsd.plain, idle=DNSDIST_IDLE
        )
    )
    words = ["--supervised", "--disable-syslog", "-C", str(config)]
    process = Process(stage, [path, *words])
    process.wait_for("for TLS")
    return Peer("dnsdist", process, certificates, port, plain=plain)


def count_queries(unbound: Peer) -> int:
    """Ask an unbound how many queries it got since it was started."""
    config = unbound.certificates.folder / "unbound.conf"
    command = [program("unbound-control"), "-c", str(config), "stats_noreset"]
    statistics = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"^total\.num\.queries=(\d+)$", statistics.stdout, re.MULTILINE)
    assert found, statistics.stdout
    return int(found[1])


def _prepare(stage: Stage, name: str) -> Certificates:
    """Make a folder with certificates and the zone."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=stage.folder))
    (folder / "zone").write_text(PEER_ZONE)
    return Certificates.create(folder)
