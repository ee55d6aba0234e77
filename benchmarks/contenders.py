"""The servers under test: each answers plain DNS from an upstream over TLS.

They are set up alike: one thread, the cache on where there is one, the upstream's
certificate verified by name.  Beyond that each is as it comes, but for what keeps it
from serving 100,000 names, or makes it ask anybody else.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks import floor
from benchmarks.upstream import NAME, Upstream
from tests.functional.processes import PATH

TWISTD = "from twisted.scripts.twistd import run; run()"
"""The program twistd; as a script it may be anywhere, or from another checkout."""

CACHE_SIZE = 2**30
"""Octets of the cache that holds a million names."""

UNBOUND_ENCRYPTED = """\
server:
  interface: 127.0.0.1@{tls_port}
  interface: 127.0.0.1@{https_port}
  tls-port: {tls_port}
  https-port: {https_port}
  tls-service-pem: "{chain}"
  tls-service-key: "{key}"
  http-max-streams: 100
"""

DNSDIST_ENCRYPTED = """\
addTLSLocal("127.0.0.1:{tls_port}", "{chain}", "{key}")
addDOHLocal("127.0.0.1:{https_port}", "{chain}", "{key}", "/dns-query")
"""

KRESD_ENCRYPTED = """\
net.tls("{chain}", "{key}")
net.listen("127.0.0.1", {tls_port}, {{ kind = "tls" }})
net.listen("127.0.0.1", {https_port}, {{ kind = "doh2" }})
"""

DOTPROXY_ENCRYPTED = """\
listen = [
  "127.0.0.1:{port}", "tls://127.0.0.1:{tls_port}",
  "https://127.0.0.1:{https_port}/dns-query",
]
[certificate]
chain = "{chain}"
key = "{key}"
"""

UNBOUND = """\
server:
  do-daemonize: no
  use-syslog: no
  chroot: ""
  username: ""
  pidfile: ""
  directory: "{folder}"
  interface: 127.0.0.1@{port}
  num-threads: 1
  incoming-num-tcp: 100
  module-config: "iterator"
  msg-cache-size: 64m
  rrset-cache-size: 128m
  tls-cert-bundle: "{ca_file}"
  do-not-query-localhost: no
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-tls-upstream: yes
  forward-addr: 127.0.0.1@{upstream}#{name}
"""

DNSDIST = """\
setSecurityPollSuffix("")
setLocal("127.0.0.1:{port}")
setMaxTCPClientThreads(1)
newServer({{
  address="127.0.0.1:{upstream}", tls="openssl", subjectName="{name}",
  caStore="{ca_file}", healthCheckMode="up", maxInFlight=1000
}})
getPool(""):setCache(newPacketCache(200000))
"""
"""Without the first line it would ask the world for news of its own security, and
without maxInFlight there would be one query at a time on a connection."""

STUBBY = """\
resolution_type: GETDNS_RESOLUTION_STUB
dns_transport_list: [GETDNS_TRANSPORT_TLS]
tls_authentication: GETDNS_AUTHENTICATION_REQUIRED
tls_query_padding_blocksize: 128
tls_ca_file: "{ca_file}"
appdata_dir: "{folder}"
idle_timeout: 10000
listen_addresses: [127.0.0.1@{port}]
upstream_recursive_servers:
  - address_data: 127.0.0.1
    tls_port: {upstream}
    tls_auth_name: "{name}"
"""

KRESD = """\
net.listen("127.0.0.1", {port}, {{ kind = "dns" }})
net.tcp_pipeline(1000)
modules.unload("priming")
modules.unload("detect_time_skew")
modules.unload("ta_update")
trust_anchors.remove(".")
cache.size = 200 * MB
policy.add(policy.all(policy.TLS_FORWARD({{
  {{ "127.0.0.1@{upstream}", hostname="{name}", ca_file="{ca_file}" }}
}})))
"""
"""The modules that are unloaded would ask the roots; with fewer than 1,000 queries in
a pipeline it answers SERVFAIL to what is beyond."""

SMARTDNS = """\
bind 127.0.0.1:{port}
bind-tcp 127.0.0.1:{port}
server-tls 127.0.0.1:{upstream} -host-name {name} -tls-host-verify {name}
ca-file {ca_file}
cache-size 200000
cache-persist no
speed-check-mode none
dualstack-ip-selection no
log-level fatal
log-file {folder}/log
"""
"""Without `speed-check-mode none` it would connect to the addresses that it finds."""


class Site(NamedTuple):
    """Where a server stands: its folder, its ports, and whom it asks."""

    folder: Path
    port: int
    upstream: Upstream
    tls_port: int
    https_port: int

    def write(self, file: str, template: str) -> str:
        """Fill a configuration in, and return the path where it is written."""
        path = self.folder / file
        text = template.format(
            folder=self.folder,
            port=self.port,
            upstream=self.upstream.port,
            name=NAME,
            ca_file=self.upstream.ca_file,
            # What the upstream shows is good for the servers under test as well.
            chain=self.upstream.ca_file.with_name("chain.pem"),
            key=self.upstream.ca_file.with_name("key.pem"),
            tls_port=self.tls_port,
            https_port=self.https_port,
        )
        path.write_text(text)
        return str(path)


Command = Callable[[Site], list[str]]
"""Write what a server wants to find at its site; return how it is started."""


class Contender(NamedTuple):
    """A kind of server: its command, and where it comes from."""

    command: Command
    program: str
    """What has to be installed, as a command."""
    package: str
    """The Debian package that has it."""
    caches: bool = True
    forwards: bool = True
    large: Command | None = None
    """Its command with room for a million names, if that is measured."""
    encrypted: Command | None = None
    """Its command with clients over TLS and HTTPS, if it serves these."""
    shared: Command | None = None
    """Its command with two workers, if that is."""

    @property
    def installed(self) -> bool:
        """Whether it is there to be measured."""
        return shutil.which(self.program, path=PATH) is not None


def dotproxy(site: Site) -> list[str]:
    """Set dotproxy up by flags."""
    return _dotproxy(site, "--listen", f"127.0.0.1:{site.port}")


def encrypted_dotproxy(site: Site) -> list[str]:
    """Set dotproxy up with clients over TLS and HTTPS."""
    return _dotproxy(site, "--config", site.write("dotproxy.toml", DOTPROXY_ENCRYPTED))


def shared_dotproxy(site: Site) -> list[str]:
    """Set dotproxy up with two workers."""
    return [*dotproxy(site), "--workers", "2"]


def large_dotproxy(site: Site) -> list[str]:
    """Set dotproxy up with room for a million names."""
    return [*dotproxy(site), "--cache-size", str(CACHE_SIZE)]


def unbound(site: Site) -> list[str]:
    """Set unbound up, without validation: others would not do it either."""
    return ["unbound", "-d", "-c", site.write("unbound.conf", UNBOUND)]


def dnsdist(site: Site) -> list[str]:
    """Set dnsdist up, with queries pipelined."""
    config = site.write("dnsdist.conf", DNSDIST)
    return ["dnsdist", "--supervised", "--disable-syslog", "-C", config]


def stubby(site: Site) -> list[str]:
    """Set stubby up; it has no cache."""
    return ["stubby", "-C", site.write("stubby.yml", STUBBY)]


def kresd(site: Site) -> list[str]:
    """Set the Knot Resolver up."""
    return ["kresd", "-n", "-c", site.write("kresd.conf", KRESD), str(site.folder)]


def smartdns(site: Site) -> list[str]:
    """Set smartdns up, without its probes for the fastest address."""
    return ["smartdns", "-f", "-p", "-", "-c", site.write("smartdns.conf", SMARTDNS)]


def encrypted_unbound(site: Site) -> list[str]:
    """Set unbound up with clients over TLS and HTTPS."""
    text = UNBOUND + UNBOUND_ENCRYPTED
    return ["unbound", "-d", "-c", site.write("unbound.conf", text)]


def encrypted_dnsdist(site: Site) -> list[str]:
    """Set dnsdist up with clients over TLS and HTTPS."""
    config = site.write("dnsdist.conf", DNSDIST + DNSDIST_ENCRYPTED)
    return ["dnsdist", "--supervised", "--disable-syslog", "-C", config]


def encrypted_kresd(site: Site) -> list[str]:
    """Set the Knot Resolver up with clients over TLS and HTTPS."""
    config = site.write("kresd.conf", KRESD + KRESD_ENCRYPTED)
    return ["kresd", "-n", "-c", config, str(site.folder)]


def echo(site: Site) -> list[str]:
    """Set up what returns each datagram: no server in Python can cost less."""
    return [sys.executable, str(floor.__file__), str(site.port)]


def _dotproxy(site: Site, *words: str) -> list[str]:
    spec = f"tls://127.0.0.1:{site.upstream.port}#{NAME}"
    return [
        *(sys.executable, "-c", TWISTD, "-n", "--pidfile=", "dotproxy", *words),
        *("--upstream", spec, "--ca-file", str(site.upstream.ca_file)),
    ]


OURS, FLOOR = "dotproxy", "floor"

CONTENDERS = {
    OURS: Contender(
        dotproxy,
        sys.executable,
        "python3",
        large=large_dotproxy,
        encrypted=encrypted_dotproxy,
        shared=shared_dotproxy,
    ),
    "unbound": Contender(unbound, "unbound", "unbound", encrypted=encrypted_unbound),
    "dnsdist": Contender(dnsdist, "dnsdist", "dnsdist", encrypted=encrypted_dnsdist),
    "kresd": Contender(kresd, "kresd", "knot-resolver", encrypted=encrypted_kresd),
    "smartdns": Contender(smartdns, "smartdns", "smartdns"),
    "stubby": Contender(stubby, "stubby", "stubby", caches=False),
    FLOOR: Contender(echo, sys.executable, "python3", forwards=False),
}
"""What can be measured, in the order of the columns."""

PEERS = tuple(name for name in CONTENDERS if name not in (OURS, FLOOR))
