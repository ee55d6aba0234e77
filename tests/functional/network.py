"""Two machines and a cable between them, as network namespaces of the test's own."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from unittest import SkipTest

from tests.functional.clients import run
from tests.functional.peers import LATER
from tests.functional.processes import Process, Stage, program

NEAR, NEAR_LATER = "192.0.2.1", "192.0.2.2"
"""The address that the near machine has, and another that it may get."""

LOST = "2001:db8::53"
"""An address that the cable leads to, and at which nobody is: no SYN is answered."""

MAC = "02:00:00:00:00:02"
"""The far end of the cable, which the near one need not ask for."""

ALONE = "{ip} link set lo up && echo alone && exec sleep 600"
"""What keeps a network namespace that has nothing but loopback."""


@dataclass(frozen=True)
class Machine:
    """A network namespace; its processes run on `stage`."""

    stage: Stage
    keeper: Process

    @classmethod
    def create(cls, stage: Stage) -> "Machine":
        """Make one that has nothing but loopback; SkipTest if that is not allowed."""
        ip, unshare = program("ip"), program("unshare")
        tried = subprocess.run([unshare, "-n", "true"], capture_output=True, text=True)
        if tried.returncode:
            raise SkipTest(f"no network namespaces here: {tried.stderr.strip()}")
        keeper = Process(stage, [unshare, "-n", "sh", "-c", ALONE.format(ip=ip)])
        keeper.wait_for("alone")
        inside = (program("nsenter"), "-t", str(keeper.pid), "-n")
        return cls(stage.behind(*inside), keeper)

    def ip(self, *words: str) -> None:
        """Run iproute2's ip there."""
        run([*self.stage.prefix, program("ip"), *words])

    @property
    def dials(self) -> int:
        """TCP connections that were tried from there so far (RFC 4022)."""
        text = Path(f"/proc/{self.keeper.pid}/net/snmp").read_text()
        names, values = re.findall(r"^Tcp: (.*)$", text, re.MULTILINE)
        return int(dict(zip(names.split(), values.split(), strict=True))["ActiveOpens"])


@dataclass(frozen=True)
class Cable:
    """The near machine, where proxy and clients are, and the far one, at `LATER`."""

    near: Machine
    far: Machine

    @classmethod
    def create(cls, stage: Stage) -> "Cable":
        """Connect two machines."""
        cable = cls(Machine.create(stage), Machine.create(stage))
        peer = ("peer", "name", "far", "netns", str(cable.far.keeper.pid))
        cable.near.ip("link", "add", "near", "type", "veth", *peer)
        cable.far.ip("address", "add", f"{LATER}/24", "dev", "far")
        cable.far.ip("link", "set", "far", "up")
        cable.near.ip("address", "add", f"{NEAR}/24", "dev", "near")
        cable.plug_in()
        return cable

    def plug_in(self) -> None:
        """Let the near machine have its network."""
        self.near.ip("link", "set", "near", "up")

    def pull(self) -> None:
        """Take the network away from the near machine."""
        self.near.ip("link", "set", "near", "down")

    def move(self) -> None:
        """Give the near machine another address in place of the one that it had."""
        self.near.ip("address", "delete", f"{NEAR}/24", "dev", "near")
        self.near.ip("address", "add", f"{NEAR_LATER}/24", "dev", "near")

    def lose_ipv6(self) -> None:
        """Have IPv6 that leads nowhere: what is sent to `LOST` is dropped."""
        self.far.ip("link", "set", "far", "address", MAC)
        self.near.ip("address", "add", "2001:db8::1/64", "dev", "near", "nodad")
        known = ("lladdr", MAC, "dev", "near", "nud", "permanent")
        self.near.ip("-6", "neighbour", "add", LOST, *known)
