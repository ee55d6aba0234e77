"""A machine of the test's own whose resolver is a proxy with a gateway."""

import subprocess
from unittest import SkipTest

from tests.functional.processes import Process, Stage, program
from tests.functional.proxy import Proxy, start_twistd

NAME, PLAIN = "ech.lab.example", "dns.lab.example"
"""Names with and without ECH, both of them redirected."""

OF_ITS_OWN = """\
{ip} link set lo up && {mount} --bind resolv.conf /etc/resolv.conf
echo alone && exec sleep 600
"""
"""What keeps namespaces that have nothing but loopback, and a resolver on it."""

CONFIG = """
[gateway]
listen = ["0.0.0.0:443"]
addresses = ["127.0.0.2"]
leases = ["127.64.0.0/16"]
port = {port}
[[rule]]
names = [".lab.example"]
action = "redirect"
policy = "{policy}"
private = true
"""


def on_own_machine(stage: Stage) -> Stage:
    """Return the stage on a new machine; SkipTest if there can be none."""
    ip, unshare, mount = map(program, ("ip", "unshare", "mount"))
    tried = subprocess.run([unshare, "-nm", "true"], capture_output=True, text=True)
    if tried.returncode:
        raise SkipTest(f"no namespaces here: {tried.stderr.strip()}")
    (stage.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    keep = OF_ITS_OWN.format(ip=ip, mount=mount)
    keeper = Process(stage, [unshare, "-nm", "sh", "-e", "-c", keep])
    keeper.wait_for("alone")
    return stage.behind(program("nsenter"), "-t", str(keeper.pid), "-n", "-m")


def start_gateway(stage: Stage, policy: str, port: int, *flags: str) -> Proxy:
    """Start the machine's resolver and gateway; origins are looked for at `port`."""
    file = stage.folder / "dotproxy.toml"
    file.write_text(CONFIG.format(port=port, policy=policy))
    words = ("--listen", "127.0.0.1:53", "--config", str(file))
    return start_twistd(stage, "dotproxy", *words, *flags)
