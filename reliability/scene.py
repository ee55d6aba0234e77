"""One situation, played: two upstreams, a proxy, a client, and what came of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.lab.door import LOOPBACK
from dotproxy.lab.faults import parse_faults
from dotproxy.lab.server import SERVER_NAME, LabServer
from dotproxy.upstream.ticker import until
from reliability.client import Asked, Client
from reliability.questions import Verdict, answer
from reliability.situations import Situation
from tests.functional.processes import Stage
from tests.functional.proxy import Proxy, start_proxy


@dataclass(frozen=True)
class Times:
    """How long each part lasts in seconds, and how many queries a second there are."""

    before: float = 1.5
    fault: float = 5.0
    after: float = 3.0
    rate: float = 50.0


@dataclass(frozen=True)
class Played:
    """What a client saw, and when the faults began and ended."""

    asked: tuple[Asked, ...]
    began: float
    ended: float
    heard: int
    """Queries that both upstreams heard in all."""
    handed: int
    """Queries that an upstream heard while it could not prove who it is."""


class Scene:
    """Two upstreams that answer, each with a certificate of one authority."""

    def __init__(self, reactor: Any, situation: Situation, both: bool) -> None:
        self._reactor = reactor
        self._situation = situation
        authority = Authority.create("reliability", datetime.now(UTC))
        leaf = Leaf(names=(SERVER_NAME,), addresses=(LOOPBACK,))
        issued = [authority.issue(leaf), authority.issue(leaf)]
        self._labs = [LabServer(reactor, it, answer) for it in issued]
        self._faulty = self._labs if both else self._labs[:1]
        self._authority = authority
        self._pins = [it.pins[0] for it in issued] if situation.pinned else []

    async def play(self, stage: Stage, times: Times) -> Played:
        """Let the faults come and go while a client asks."""
        for lab in self._labs:
            lab.startService()
        proxy = await deferToThread(self._proxy, stage)
        client = Client(proxy.port, self._reactor, times.rate)
        port = self._reactor.listenUDP(0, client, interface=LOOPBACK)
        await self._pass(times.before)
        began, before = self._reactor.seconds(), self._queries()
        await self._set(self._situation.faults)
        await self._pass(times.fault)
        handed = self._queries() - before if self._situation.unverified else 0
        await self._set(())
        ended = self._reactor.seconds()
        await self._pass(times.after)
        client.stop()
        await until(lambda: not client.waits, self._reactor)
        heard = sum(lab.counts.queries for lab in self._labs)
        await port.stopListening()
        await deferToThread(proxy.process.stop)
        for lab in self._labs:
            await lab.stopService()
        return Played(tuple(client.asked), began, ended, heard, handed)

    def _proxy(self, stage: Stage) -> Proxy:
        roots = Path(stage.folder, f"ca-{self._labs[0].port}.pem")
        roots.write_bytes(self._authority.pem)
        flags = ["--ca-file", str(roots), "--strategy", "failover"]
        for lab in self._labs:
            flags += ["--upstream", f"tls://{LOOPBACK}:{lab.port}#{SERVER_NAME}"]
        for pin in self._pins:
            flags += ["--pin", pin]
        return start_proxy(stage, *flags)

    async def _set(self, faults: tuple[str, ...]) -> None:
        for lab in self._faulty:
            await lab.set_faults(parse_faults(*faults))

    def _pass(self, seconds: float) -> Deferred[None]:
        return deferLater(self._reactor, seconds)

    def _queries(self) -> int:
        return sum(lab.counts.queries for lab in self._faulty)


def is_right(asked: Asked) -> bool:
    """Whether a query got the right answer in time."""
    return asked.verdict is Verdict.RIGHT
