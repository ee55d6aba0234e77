"""All upstreams with all their addresses."""

from typing import cast

from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import TestCase

from dotproxy import __version__
from dotproxy.cli.check.findings import Report, Status
from dotproxy.cli.check.interview import Terms
from dotproxy.cli.check.subject import LAB_NAMES, Subject, subjects
from dotproxy.cli.check.survey import DONE, Survey
from dotproxy.config.model import Config, Upstream
from dotproxy.config.toml_file import DEFAULT
from dotproxy.config.upstream_spec import parse_upstream
from dotproxy.upstream.addresses import AddressSource
from dotproxy.upstream.interface import UpstreamError
from tests.lab_servers import Standing, start


class Lost:
    """A source of addresses that finds none."""

    def resolve(self) -> Deferred[list[str]]:
        return fail(UpstreamError("no address for dns.example: 192.0.2.1 is silent"))


class SurveyTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.steps: list[tuple[str, str]] = []

    def subject(self, lab: Standing, *more: str) -> Subject:
        """Return a lab as an upstream, with more addresses than its own."""
        upstream = replace(parse_upstream(lab.spec), ca_file=str(lab.ca_file))
        upstream = replace(upstream, addresses=(*upstream.addresses, *more))
        (subject,) = subjects(Config(DEFAULT.listen, (upstream,)), reactor)
        return subject

    async def survey(self, *examined: Subject) -> Report:
        survey = Survey(Terms(2.0, names=LAB_NAMES), reactor, self.step)
        return await survey.run(examined)

    def step(self, who: str, what: str) -> None:
        self.steps.append((who, what))

    async def test_good(self) -> None:
        """One good upstream makes a good report, that says of whom and when."""
        lab = start(self.addCleanup)
        report = await self.survey(self.subject(lab))
        assert (report.status, report.dotproxy) == (Status.GOOD, __version__)
        (found,) = report.upstreams
        assert (found.upstream, found.profile) == (lab.spec, "strict")
        assert (found.found_by, found.found_in_ms) == ("configuration", None)
        assert [server.address for server in found.servers] == ["127.0.0.1"]

    async def test_one_wrong_address(self) -> None:
        """One wrong address is enough to be told; those that are good are good."""
        subject = self.subject(start(self.addCleanup), "127.0.0.2")
        report = await self.survey(subject)
        assert report.status is Status.WRONG
        good, wrong = report.upstreams[0].servers
        assert (good.status, wrong.status) == (Status.GOOD, Status.WRONG)
        assert wrong.reason == "connection refused: nothing listens there"

    async def test_no_address(self) -> None:
        """An upstream whose address nobody knows has that for a reason."""
        lab = self.subject(start(self.addCleanup))
        nowhere = Upstream((), 853, "dns.example", bootstrap=("192.0.2.1",))
        lost = Subject(nowhere, cast(AddressSource, Lost()), lab.authenticator)
        report = await self.survey(lab, lost)
        first, second = report.upstreams
        assert (first.status, second.status) == (Status.GOOD, Status.WRONG)
        assert second.reason == "no address for dns.example: 192.0.2.1 is silent"
        assert (second.found_by, second.servers) == ("bootstrap", [])
        assert report.status is Status.WRONG

    async def test_steps(self) -> None:
        """Each step is told, and of each address that it is over, whatever came."""
        await self.survey(self.subject(start(self.addCleanup), "127.0.0.2"))
        for address in ("127.0.0.1", "127.0.0.2"):
            who = f"{address} dns.lab.example"
            steps = [what for each, what in self.steps if each == who]
            assert (steps[0], steps[-1]) == ("connect", DONE)
            assert steps.count(DONE) == 1
