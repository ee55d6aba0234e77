"""The proxy between its upstreams and its clients, from the beginning to the end."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from benchmarks.usage import cpu_seconds
from dotproxy.lab.certificates import Authority, Leaf
from dotproxy.lab.door import LOOPBACK
from dotproxy.lab.server import SERVER_NAME, LabServer
from dotproxy.upstream.ticker import until
from reliability.questions import answer
from soak.clients import Crowd, World
from soak.findings import Seen
from soak.tally import PATIENCE, Tally
from soak.usage import Usage, awakenings, descriptors, dropped, waited
from soak.weather import Weather
from tests.functional.processes import Stage, free_port
from tests.functional.proxy import Proxy, start_twistd

CACHE = 4 * 2**20
"""Octets of cache: so few that it is full before the memory is looked at."""

MOST_QUERIES = 30_000
"""Queries that may wait: more than come in five seconds without an upstream, so that
none is given up for another.  That has tests of its own."""

RELOADS = (2.0, 15.0)
"""Seconds between two reloads: the least and the most."""

STRATEGIES = ("failover", "fastest", "round-robin")

SETTLING = 30.0
"""Seconds within which all that was opened is closed: connections idle for 8."""

LAST_CALLS = 3.0
"""Seconds in which what was planned before may still come to pass."""

IDLE = 10.0
"""Seconds without anything to do, in which the proxy should sleep."""


@dataclass(frozen=True)
class Plan:
    """For how long, how many queries a second, and what randomness begins with."""

    seconds: float
    rate: float
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    tally: Tally
    seen: Seen
    storms: Counter[str]
    """The faults that there were, by name."""
    diaries: list[list[str]]
    """When which faults came and went, for each upstream."""
    reloads: int
    load: float
    """Of one core, what the proxy used."""
    waited: tuple[float, float]
    """Seconds for which the proxy had no core, and for which we had none."""
    dropped: int
    """Datagrams that the kernel dropped meanwhile, those of others included."""


class Scene:
    """Two upstreams with one authority, a proxy, and clients."""

    def __init__(self, reactor: Any, stage: Stage, plan: Plan) -> None:
        self._reactor = reactor
        self._stage = stage
        self._plan = plan
        random = Random(plan.seed)
        authority = Authority.create("soak", datetime.now(UTC))
        leaf = Leaf(names=(SERVER_NAME,), addresses=(LOOPBACK,))
        self._labs = [
            LabServer(reactor, authority.issue(leaf), answer) for _ in range(2)
        ]
        self._weathers = [
            Weather(lab, reactor, Random(random.random())) for lab in self._labs
        ]
        self._random = Random(random.random())
        self._strategies = cycle(STRATEGIES)
        self._file = Path(stage.folder, "dotproxy.toml")
        self._roots = Path(stage.folder, "ca.pem")
        self._roots.write_bytes(authority.pem)
        self._listen = f"127.0.0.1:{free_port()}"
        self._reloads = 0

    async def play(self) -> Outcome:
        """Play it all, and return what was seen."""
        for lab in self._labs:
            lab.startService()
        self._configure()
        words = ("dotproxy", "--config", str(self._file))
        proxy = await deferToThread(start_twistd, self._stage, *words)
        before = descriptors(proxy.process.pid)
        tally, usage = Tally(), Usage(proxy.process.pid)
        used, lost = cpu_seconds(proxy.process.pid), dropped()
        await self._storm(proxy, tally, usage)
        load = (cpu_seconds(proxy.process.pid) - used) / self._plan.seconds
        late, lost = (waited(proxy.process.pid), waited(os.getpid())), dropped() - lost
        awake = await self._rest(proxy, before)
        after = descriptors(proxy.process.pid)
        began = time.monotonic()
        status = await deferToThread(proxy.process.stop)
        stopping = time.monotonic() - began
        for lab in self._labs:
            await lab.stopService()
        log = proxy.process.output
        seen = Seen(usage.samples, (before, after), awake, status, stopping, log)
        storms: Counter[str] = Counter()
        for weather in self._weathers:
            storms.update(weather.storms)
        diaries = [weather.diary for weather in self._weathers]
        return Outcome(tally, seen, storms, diaries, self._reloads, load, late, lost)

    async def _storm(self, proxy: Proxy, tally: Tally, usage: Usage) -> None:
        """Let clients ask while upstreams fail and the proxy reloads; then let all
        replies come."""
        crowd = Crowd(
            World(proxy.port, self._reactor, self._random, tally), self._plan.rate
        )
        usage.start()
        crowd.start()
        for weather in self._weathers:
            weather.start()
        reloading = Deferred.fromCoroutine(self._reload(proxy))
        await deferLater(self._reactor, self._plan.seconds)
        reloading.addErrback(lambda failure: failure.trap(CancelledError) and None)
        reloading.cancel()
        for weather in self._weathers:
            await weather.clear_up()
        crowd.finish()
        usage.stop()
        await until(lambda: not crowd.waits, self._reactor, 2 * PATIENCE)
        crowd.stop()

    async def _rest(self, proxy: Proxy, before: int) -> int:
        """Wait until all is closed; then count how often the proxy wakes up."""
        pid = proxy.process.pid
        await until(lambda: descriptors(pid) <= before, self._reactor, SETTLING)
        await deferLater(self._reactor, LAST_CALLS)
        asleep = awakenings(pid)
        await deferLater(self._reactor, IDLE)
        return awakenings(pid) - asleep

    async def _reload(self, proxy: Proxy) -> None:
        """Let the proxy read its file now and then, changed or not."""
        while True:
            await deferLater(self._reactor, self._random.uniform(*RELOADS))
            if self._random.random() < 0.5:
                self._configure()
            proxy.process.hang_up()
            self._reloads += 1

    def _configure(self) -> None:
        """Write the file, with another strategy than before."""
        self._file.write_text("".join(self._lines()))

    def _lines(self) -> Iterator[str]:
        yield f'listen = ["{self._listen}"]\n'
        yield f'[forward]\nstrategy = "{next(self._strategies)}"\n'
        yield f"[cache]\nsize = {CACHE}\n"
        yield f"[clients]\nmax_queries = {MOST_QUERIES}\n"
        for lab in self._labs:
            yield f'[[upstream]]\naddress = "{LOOPBACK}"\nport = {lab.port}\n'
            yield f'server_name = "{SERVER_NAME}"\nca_file = "{self._roots}"\n'
