"""All upstreams with all their addresses, examined side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

from dotproxy import __version__
from dotproxy.cli.check.findings import (
    Report,
    Server,
    Status,
    UpstreamFindings,
    overall,
)
from dotproxy.cli.check.interview import Terms
from dotproxy.cli.check.probe import Probe
from dotproxy.cli.check.subject import Subject
from dotproxy.cli.check.together import together
from dotproxy.upstream.interface import UpstreamError

AT_ONCE = 8
"""Addresses examined at the same time: enough for the usual upstreams."""

DONE = ""
"""The step of what is over."""

OnStep = Callable[[str, str], object]
"""Hear who is being examined, and what is being done; `DONE` at the end."""


@dataclass(frozen=True)
class Survey:
    """Examine upstreams, and say what goes on to `on_step`."""

    terms: Terms
    reactor: Any
    on_step: OnStep
    turns: DeferredSemaphore = field(default_factory=lambda: DeferredSemaphore(AT_ONCE))

    async def run(self, subjects: Sequence[Subject]) -> Report:
        """Return what was found; cancelling hangs up everywhere."""
        begun = self.terms.now()
        examined = [Deferred.fromCoroutine(self._upstream(each)) for each in subjects]
        found = await together(examined)
        status = overall([each.status for each in found])
        return Report(__version__, begun, status, found)

    async def _upstream(self, subject: Subject) -> UpstreamFindings:
        upstream = subject.upstream
        findings = UpstreamFindings(
            upstream=str(upstream),
            profile="strict" if subject.strict else "opportunistic",
            found_by="configuration" if upstream.addresses else "bootstrap",
        )
        try:
            addresses = await self._resolve(subject, findings)
        except UpstreamError as fault:
            findings.reason = str(fault)
            return findings
        probe = Probe(subject, self.terms, self.reactor)
        examined = [self._in_turn(probe, address) for address in addresses]
        findings.servers = await together(examined)
        findings.status = overall([server.status for server in findings.servers])
        if all(each.status is Status.UNREACHED for each in findings.servers):
            findings.reason = "none of its addresses can be reached from here"
        return findings

    async def _resolve(self, subject: Subject, findings: UpstreamFindings) -> list[str]:
        clock = IReactorTime(self.reactor)
        name = str(subject.upstream)
        self.on_step(name, "look up")
        begin = clock.seconds()
        try:
            addresses = await subject.addresses.resolve()
        finally:
            self.on_step(name, DONE)
        if findings.found_by == "bootstrap":
            findings.found_in_ms = round((clock.seconds() - begin) * 1000, 1)
        return addresses

    def _in_turn(self, probe: Probe, address: str) -> Deferred[Server]:
        label = f"{address} {probe.subject.upstream.server_name}".strip()

        def examine() -> Deferred[Server]:
            step = partial(self.on_step, label)
            return Deferred.fromCoroutine(probe.examine(address, step)).addBoth(
                _done, step
            )

        return self.turns.run(examine)


def _done(outcome: Any, step: Callable[[str], object]) -> Any:
    step(DONE)
    return outcome
