"""What a test with encrypted hellos needs beside a key."""

import sys
from base64 import b64encode

from tests.functional import hello_recorder
from tests.functional.clients import run
from tests.functional.ech_key import EchKey
from tests.functional.peers import ECH, ORIGIN, Certificates, Peer
from tests.functional.processes import Process, Stage, program
from tests.functional.proxy import ENVIRONMENT

DOH = "https://127.0.0.1:8443/dns-query"

FRONT = """\
setSecurityPollSuffix("")
setLocal("127.0.0.9:53")
newServer("127.0.0.1:53"):setUp()
addDOHLocal("127.0.0.1:8443", "{folder}/chain.pem", "{folder}/key.pem", "/dns-query")
"""
"""DNS over HTTPS at `DOH`, of a machine's own resolver."""


def publish(unbound: Peer, key: EchKey) -> None:
    """Let the zone have this key in place of the one that nobody has."""
    folder = unbound.certificates.folder
    zone = folder / "zone"
    zone.write_text(zone.read_text().replace(ECH, b64encode(key.published).decode()))
    control = [program("unbound-control"), "-c", str(folder / "unbound.conf")]
    run([*control, "auth_zone_reload", ORIGIN])


def start_recorder(stage: Stage, port: int) -> Process:
    """Start an origin that writes hellos down."""
    command = [sys.executable, hello_recorder.__file__, str(port)]
    recorder = Process(stage, command, ENVIRONMENT)
    recorder.wait_for("recording")
    return recorder


def start_front(stage: Stage) -> str:
    """Start what serves DNS over HTTPS; return the pin of its key."""
    certificates = Certificates.create(stage.folder)
    config = stage.folder / "front.conf"
    config.write_text(FRONT.format(folder=certificates.folder))
    words = ["--supervised", "--disable-syslog", "-C", str(config)]
    Process(stage, [program("dnsdist"), *words]).wait_for("for DoH")
    return certificates.pins[0]
