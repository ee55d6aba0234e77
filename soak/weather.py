"""Faults that come over the upstreams at random, and pass."""

from collections import Counter
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from dotproxy.lab.fault_values import COUNT, OCTETS, RCODE, SHORT, Value
from dotproxy.lab.faults import KINDS, parse_faults
from dotproxy.lab.server import LabServer

CALM, STORM = (0.5, 6.0), (0.2, 6.0)
"""Seconds without faults, and with: the least and the most."""

MOST_FAULTS = 2
"""Faults that an upstream has at the same time."""


class Weather:
    """Have an upstream fare well and badly in turns, until it is to clear up."""

    def __init__(self, lab: LabServer, reactor: Any, random: Random) -> None:
        self.storms: Counter[str] = Counter()
        """The names of the faults that there were."""
        self.diary: list[str] = []
        """When which faults came and went, by the clock."""
        self._lab = lab
        self._reactor = reactor
        self._random = random
        self._changing: Deferred[None] | None = None

    def start(self) -> None:
        """Begin with calm."""
        self._changing = Deferred.fromCoroutine(self._change())
        self._changing.addErrback(lambda failure: failure.trap(CancelledError) and None)

    async def clear_up(self) -> None:
        """Have no faults from now on."""
        if self._changing is not None:
            self._changing.cancel()
        await self._have()

    async def _have(self, *faults: str) -> None:
        now = self._reactor.seconds()
        self.diary.append(f"{now:.1f}: {', '.join(faults) or 'no faults'}")
        await self._lab.set_faults(parse_faults(*faults))

    async def _change(self) -> None:
        while True:
            await self._pass(*CALM)
            faults = [some_fault(self._random) for _ in range(self._strength())]
            self.storms.update(it.partition("=")[0] for it in faults)
            await self._have(*faults)
            await self._pass(*STORM)
            await self._have()

    def _strength(self) -> int:
        return self._random.randint(1, MOST_FAULTS)

    def _pass(self, least: float, most: float) -> Deferred[None]:
        return deferLater(self._reactor, self._random.uniform(least, most))


def some_fault(random: Random) -> str:
    """Return a fault, spelled with a value where it takes one."""
    kind = KINDS[random.choice([*KINDS])]
    return (
        kind.name if kind.value is None else f"{kind.name}={_some(kind.value, random)}"
    )


def _some(value: Value, random: Random) -> str:
    """Return a value of a kind, small ones as often as large ones."""
    if value.read is RCODE.read:
        # NOERROR without records is a right answer to a lie.
        return random.choice(["FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"])
    if value.read is COUNT.read:
        return str(random.randint(0, 20))
    if value.read is SHORT.read:
        return str(random.randint(0, 11))
    if value.read is OCTETS.read:
        return str(random.randint(512, 65_535))
    return f"{10 ** random.uniform(-3, 1):.3f}"
