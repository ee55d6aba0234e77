"""All that can be learned of one address: the lab's, over real connections."""

from datetime import timedelta

from msgspec.structs import replace
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from dotproxy.cli.check.findings import Server, Status
from dotproxy.cli.check.interview import Terms
from dotproxy.cli.check.probe import Probe
from dotproxy.cli.check.subject import LAB_NAMES, subjects
from dotproxy.config.model import Config
from dotproxy.config.toml_file import DEFAULT
from dotproxy.config.upstream_spec import parse_upstream
from dotproxy.lab import zone
from dotproxy.lab.certificates import Leaf
from dotproxy.lab.server import LOOPBACK, SERVER_NAME
from tests.lab_servers import GOOD, Standing, ending, start

DAY = timedelta(days=1)

TERMS = Terms(timeout=3.0, names=LAB_NAMES)


class ProbeTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.steps: list[str] = []
        self.asked: list[bytes] = []

    def answer(self, query: bytes) -> zone.Reply | None:
        """Answer as the lab does, and keep what was asked."""
        self.asked.append(query)
        return zone.answer(query)

    def start(self, leaf: Leaf = GOOD) -> Standing:
        return start(self.addCleanup, leaf, self.answer)

    def probe(
        self, lab: Standing, name: str = SERVER_NAME, *pins: str, strict: bool = True
    ) -> Probe:
        """Return a probe of a lab that must have this name, and one of these pins."""
        upstream = replace(
            parse_upstream(lab.address),
            server_name=name,
            ca_file=str(lab.ca_file),
            spki_pins=pins,
        )
        profile = "strict" if strict else "opportunistic"
        config = Config(DEFAULT.listen, (upstream,), profile)
        (subject,) = subjects(config, reactor)
        return Probe(subject, TERMS, reactor)

    async def examine(self, probe: Probe) -> Server:
        return await probe.examine(LOOPBACK, self.steps.append)

    async def test_good(self) -> None:
        """A good server is found to be good, in every respect."""
        lab = self.start()
        found = await self.examine(self.probe(lab))
        assert (found.status, found.reason, found.warnings) == (Status.GOOD, "", [])
        assert found.family == "IPv4"
        assert found.encryption is not None
        assert (found.encryption.version, found.encryption.alpn) == ("TLS 1.3", "dot")
        assert found.identity is not None
        assert (found.identity.verified, found.identity.by) == (True, "name")
        assert found.identity.matched == SERVER_NAME
        assert found.answers is not None
        assert (found.answers.rcode, found.answers.in_flight) == ("NOERROR", 32)
        assert found.answers.out_of_order is True
        assert (found.answers.padded_to, found.answers.resumption) == (468, False)

    async def test_root(self) -> None:
        """The root is part of the chain where it is verified, though nobody sent it."""
        lab = self.start()
        found = await self.examine(self.probe(lab))
        assert [it.pin for it in found.chain] == [
            f"sha256//{pin}" for pin in lab.issued.pins
        ]

    async def test_address(self) -> None:
        """Without a name the certificate must be for the address."""
        found = await self.examine(self.probe(self.start(), ""))
        assert found.identity is not None
        assert (found.identity.by, found.identity.matched) == ("address", LOOPBACK)
        assert found.status is Status.GOOD

    async def test_pin(self) -> None:
        """With a pin and no name it is the pin that decides, and it is marked."""
        lab = self.start()
        found = await self.examine(self.probe(lab, "", lab.issued.pins[0]))
        assert found.identity is not None
        assert (found.identity.by, found.identity.verified) == ("pin", True)
        assert [it.pinned for it in found.chain] == [True]

    async def test_pins_to_change(self) -> None:
        """That only a backup pin matches is a warning; so is none, if it passes."""
        lab = self.start()
        wrong = f"{'A' * 43}="
        found = await self.examine(
            self.probe(lab, SERVER_NAME, wrong, lab.issued.pins[0])
        )
        warned = ["has a backup pin, and no more the first one"]
        assert (found.status, found.warnings) == (Status.GOOD, warned)
        upstream = replace(
            parse_upstream(lab.address),
            server_name=SERVER_NAME,
            ca_file=str(lab.ca_file),
            spki_pins=(wrong,),
            pins_report_only=True,
        )
        (subject,) = subjects(Config(DEFAULT.listen, (upstream,)), reactor)
        found = await self.examine(Probe(subject, TERMS, reactor))
        warned = ["has none of its pins, which are reported only"]
        assert (found.status, found.warnings) == (Status.GOOD, warned)

    async def test_refused(self) -> None:
        """Whom the proxy would refuse gets no query; what it showed is there."""
        lab = self.start()
        for name, pins, reason in (
            ("other.example", (), "certificate is not for other.example"),
            (SERVER_NAME, (f"{'A' * 43}=",), "no certificate has a pinned key"),
        ):
            found = await self.examine(self.probe(lab, name, *pins))
            assert found.status is Status.WRONG
            assert found.reason.startswith(reason)
            assert found.identity is not None
            assert (found.identity.verified, found.identity.reason) == (
                False,
                found.reason,
            )
            assert found.chain[0].pin == f"sha256//{lab.issued.pins[0]}"
            assert found.answers is None
        assert self.asked == []

    async def test_expired(self) -> None:
        """A certificate that has ended is refused, in the proxy's words."""
        found = await self.examine(self.probe(self.start(ending(-DAY, 9 * DAY))))
        assert found.reason.startswith("certificate expired, the system clock is ")
        assert found.warnings == []
        assert self.asked == []

    async def test_opportunistic(self) -> None:
        """Where the profile lets it pass it is asked, and a warning says why not."""
        probe = self.probe(self.start(), "other.example", strict=False)
        found = await self.examine(probe)
        assert found.status is Status.GOOD
        assert found.identity is not None
        assert not found.identity.verified
        assert found.warnings[0].startswith("not verified: certificate is not for")
        assert found.answers is not None
        assert found.answers.rcode == "NOERROR"

    async def test_ends_soon(self) -> None:
        """It is warned of a certificate that ends within a fortnight."""
        found = await self.examine(self.probe(self.start(ending(13 * DAY, 90 * DAY))))
        assert found.status is Status.GOOD
        assert len(found.warnings) == 1
        assert found.warnings[0].startswith("the certificate of dotproxy lab ends soon")

    async def test_short_lived(self) -> None:
        """Not so of one that lives for days only, and has most of them left."""
        found = await self.examine(self.probe(self.start(ending(5 * DAY, 6 * DAY))))
        assert found.warnings == []

    async def test_unhelpful(self) -> None:
        """A server that refuses what it is asked is of no use to the proxy."""

        def refuse(query: bytes) -> zone.Reply:
            return zone.Reply(query[:2] + b"\x81\x85" + bytes(8), 0.0)

        lab = start(self.addCleanup, answer=refuse)
        found = await self.examine(self.probe(lab))
        assert found.status is Status.WRONG
        assert found.reason.startswith("answers REFUSED to www.lab.example: if it")
        assert "answers are not padded" in found.warnings[-1]

    async def test_pretends(self) -> None:
        """It is warned of a server that says it validates, and does not."""

        def pretend(query: bytes) -> zone.Reply | None:
            reply = zone.answer(query)
            assert reply is not None
            authentic = reply.wire[:3] + b"\xa0" + reply.wire[4:]
            return zone.Reply(authentic, reply.delay)

        found = await self.examine(self.probe(start(self.addCleanup, answer=pretend)))
        assert found.warnings == [
            "says that it validates, and hands out what is forged"
        ]

    async def test_silent(self) -> None:
        """One that never answers is wrong, however good its certificate."""
        lab = start(self.addCleanup, answer=lambda _: None)
        probe = self.probe(lab)
        probe = Probe(probe.subject, Terms(timeout=0.2), reactor)
        found = await self.examine(probe)
        assert (found.status, found.answers) == (Status.WRONG, None)
        assert found.reason == "connected, but no answer in 0.2 s"

    async def test_idle(self) -> None:
        """If the terms say so, the idle time-out is waited for."""
        probe = self.probe(self.start())
        terms = Terms(idle=5.0, names=LAB_NAMES)
        found = await self.examine(Probe(probe.subject, terms, reactor))
        assert found.answers is not None
        assert found.answers.idle_closed_s is not None
        assert 0.4 <= found.answers.idle_closed_s < 5.0
        assert self.steps[-1] == "idle, up to 5 s"

    async def test_look(self) -> None:
        """To look is to ask nothing."""
        lab = self.start()
        found = await self.probe(lab).look(LOOPBACK)
        assert (found.status, len(found.chain)) == (Status.GOOD, 2)
        assert self.asked == []
