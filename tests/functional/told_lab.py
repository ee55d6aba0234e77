"""A lab in a process of its own that does as it is told, and says what it has seen.

Each line that it hears is a list of faults to have from now on, or null for those it
has; each line that it says is what it counted since it was made.  Both are JSON.
"""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from dotproxy.lab.connection import Counts
from dotproxy.lab.faults import parse_faults
from dotproxy.lab.server import Lab, create_lab
from tests.functional.processes import Stage, dying_with_us
from tests.functional.proxy import ENVIRONMENT


class ToldLab:
    """The lab, as whoever tells it what to do sees it."""

    def __init__(self, stage: Stage) -> None:
        self._child = subprocess.Popen(
            [*dying_with_us(), sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=stage.folder,
            env={**os.environ, **ENVIRONMENT},
        )
        stage.at_end(self.stop)
        told = self._hear()
        ca_file = stage.folder / "lab-ca.pem"
        ca_file.write_text(told["ca_pem"])
        self.port: int = told["port"]
        self.spec = f"tls://127.0.0.1:{self.port}#{told['server_name']}"
        self.flags = ("--upstream", self.spec, "--ca-file", str(ca_file))
        """The flags to have this lab as the only upstream."""
        self._before = Counts()

    def have(self, *faults: str) -> None:
        """Have these faults and no others."""
        self._tell(faults)

    def begin(self) -> None:
        """Have no faults, and count anew."""
        self._before = self._tell(())

    @property
    def connections(self) -> int:
        """Connections that came."""
        return self._tell(None).connections - self._before.connections

    @property
    def queries(self) -> int:
        """Queries that came, answered or not."""
        return self._tell(None).queries - self._before.queries

    def stop(self) -> None:
        """End the process."""
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.close()
        self._child.wait()
        self._child.stdout.close()

    def _tell(self, faults: Sequence[str] | None) -> Counts:
        assert self._child.stdin
        self._child.stdin.write(json.dumps(faults) + "\n")
        self._child.stdin.flush()
        return Counts(**self._hear())

    def _hear(self) -> dict[str, Any]:
        assert self._child.stdout
        heard: dict[str, Any] = json.loads(self._child.stdout.readline())
        return heard


@cache
def told_lab() -> ToldLab:
    """Return the lab that stands through a whole run."""
    return ToldLab(Stage.create(atexit.register))


class Orders(LineOnlyReceiver):
    """What the process hears and says."""

    delimiter = b"\n"

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.over: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self._say(
            port=self._lab.server.port,
            server_name=self._lab.server_name,
            ca_pem=self._lab.ca_pem.decode(),
        )

    def lineReceived(self, line: bytes) -> None:
        faults = json.loads(line)
        moving: Deferred[None] = succeed(None)
        if faults is not None:
            moving = self._lab.server.set_faults(parse_faults(*faults))
        moving.addCallback(lambda _: self._say(**asdict(self._lab.server.counts)))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.over.callback(None)

    def _say(self, **words: object) -> None:
        self.sendLine(json.dumps(words).encode())


def main() -> None:
    """Serve until nobody tells us anything any more."""
    from twisted.internet import reactor
    from twisted.internet.stdio import StandardIO

    lab = create_lab(reactor, datetime.now(UTC))
    lab.server.startService()
    orders = Orders(lab)
    orders.over.addCallback(lambda _: reactor.stop())
    StandardIO(orders)
    reactor.run()


if __name__ == "__main__":
    main()
