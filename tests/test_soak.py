"""What the soak reads, reckons and judges; that it runs, a run of a minute shows."""

import os
from random import Random
from unittest import TestCase

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.lab.faults import KINDS, parse_faults
from reliability.questions import Verdict, answer
from soak.__main__ import read
from soak.clients import KNOWN, KNOWN_NAMES, Names
from soak.findings import LEAST_RIGHT, Seen, findings
from soak.tally import PATIENCE, Ledger, Tally
from soak.usage import (
    awakenings,
    descriptors,
    read_awakenings,
    read_dropped,
    read_waited,
    thirds,
)
from soak.weather import CALM, STORM, Weather, some_fault

GOOD = Seen([50.0] * 9, (11, 11), 0, 0, 0.1, "all is well")


class LedgerTests(TestCase):
    def setUp(self) -> None:
        self.tally = Tally()
        self.ledger = Ledger(self.tally, Random(1))

    def test_right(self) -> None:
        """A reply is judged, once, and its time is known."""
        wire = self.ledger.ask("a", 1.0)
        for _ in range(2):
            self.ledger.replied(answer(wire).wire, 1.5)
        assert self.tally.verdicts == {Verdict.RIGHT: 1}
        assert (self.tally.asked, self.tally.slowest, len(self.ledger)) == (1, 0.5, 0)

    def test_wrong(self) -> None:
        """A reply with another address is wrong, and is shown."""
        wire = self.ledger.ask("a", 1.0)
        self.ledger.replied(answer(wire).wire[:-1] + b"\0", 1.5)
        assert self.tally.verdicts == {Verdict.WRONG: 1}
        assert wire.hex() in self.tally.examples[0]

    def test_silent(self) -> None:
        """Who gets nothing in time was not answered; who asked later still waits."""
        self.ledger.ask("a", 1.0)
        self.ledger.ask("b", 2.0)
        self.ledger.look(1.0 + PATIENCE)
        assert (self.tally.silent.total(), len(self.ledger)) == (1, 1)

    def test_hung_up(self) -> None:
        """Nor was who is hung up on; but who leaves is not owed anything."""
        self.ledger.ask("a", 1.0)
        self.ledger.abandon()
        assert (self.tally.silent.total(), self.tally.left) == (0, 1)
        self.ledger.ask("b", 1.0)
        self.ledger.cut_off("reset")
        assert self.tally.silent == {"reset": 1}

    def test_ids(self) -> None:
        """No two queries under way have one ID."""
        wires = [self.ledger.ask("a", 1.0) for _ in range(2000)]
        assert len({wire[:2] for wire in wires}) == len(self.ledger) == 2000


class FindingsTests(TestCase):
    def found(self, seen: Seen = GOOD, right: int = 10, wrong: int = 0) -> list[str]:
        tally = Tally()
        tally.asked = 10
        tally.verdicts.update({Verdict.RIGHT: right, Verdict.WRONG: wrong})
        return [*findings(tally, seen)]

    def test_nothing(self) -> None:
        """All is well: nothing is said."""
        assert self.found() == []

    def test_replies(self) -> None:
        """One wrong reply is one too many, and so are few that are right."""
        assert "1 replies are wrong" in self.found(wrong=1)
        assert len(self.found(right=int(LEAST_RIGHT * 10) - 1)) == 1

    def test_silence(self) -> None:
        """One query without a reply is one too many."""
        tally = Tally()
        tally.asked = tally.verdicts[Verdict.RIGHT] = 10
        Ledger(tally, Random(1)).ask("a", 0.0)
        tally.silent["nothing came"] += 1
        assert len([*findings(tally, GOOD)]) == 1

    def test_left_behind(self) -> None:
        """What is left behind is found: memory, descriptors, calls, complaints."""
        for seen in (
            GOOD._replace(memory=[50.0] * 6 + [90.0] * 3),
            GOOD._replace(descriptors=(11, 12)),
            GOOD._replace(awakenings=1),
            GOOD._replace(status=1),
            GOOD._replace(stopping=3.0),
            GOOD._replace(log="Unhandled error in Deferred"),
        ):
            assert len(self.found(seen)) == 1, seen


class UsageTests(TestCase):
    def test_thirds(self) -> None:
        """The second third and the last are compared; the first is warming up."""
        assert thirds([9.0, 9.0, 1.0, 3.0, 4.0, 6.0]) == (2.0, 5.0)

    def test_read(self) -> None:
        """What Linux tells of a process is read."""
        assert read_awakenings("Name:\tx\nvoluntary_ctxt_switches:\t42\n") == 42
        assert read_waited("100 2500000000 7\n") == 2.5
        snmp = "Udp: InDatagrams RcvbufErrors\nUdp: 5 3\n"
        assert read_dropped("Tcp: a\nTcp: 1\n" + snmp) == 3

    def test_own(self) -> None:
        """This very process has descriptors, and sleeps now and then."""
        before = descriptors(os.getpid())
        with open(os.devnull, encoding="ascii"):
            assert descriptors(os.getpid()) == before + 1
        assert awakenings(os.getpid()) > 0


class FakeLab:
    """A server that writes down which faults it is to have."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, ...]] = []

    async def set_faults(self, faults: object = ()) -> None:
        self.heard.append(tuple(map(str, faults)))  # type: ignore[call-overload]


class WeatherTests(SynchronousTestCase):
    def test_faults(self) -> None:
        """Any fault may come, each with a value that it takes; but none that lies."""
        random = Random(1)
        texts = {some_fault(random) for _ in range(5000)}
        assert len(parse_faults(*texts)) == len(texts)
        assert {text.partition("=")[0] for text in texts} == {*KINDS}
        assert "rcode=NOERROR" not in texts

    def test_turns(self) -> None:
        """Calm and faults take turns, until it clears up for good."""
        clock, lab = Clock(), FakeLab()
        weather = Weather(lab, clock, Random(1))  # type: ignore[arg-type]
        weather.start()
        clock.pump([0.1] * int(10 * 4 * (CALM[1] + STORM[1])))
        assert len(lab.heard) >= 8
        assert all(lab.heard[0::2])
        assert not any(lab.heard[1::2])
        self.successResultOf(weather.clear_up())
        assert lab.heard[-1] == ()
        assert clock.getDelayedCalls() == []

    def test_again(self) -> None:
        """The same seed makes the same weather."""
        heard = []
        for _ in range(2):
            clock, lab = Clock(), FakeLab()
            Weather(lab, clock, Random(7)).start()  # type: ignore[arg-type]
            clock.pump([0.1] * 300)
            heard.append(lab.heard)
        assert heard[0] == heard[1] != []


class NamesTests(TestCase):
    def test_names(self) -> None:
        """Some names come again and again, spelled this way and that; most are new."""
        names = Names(Random(1))
        asked = [names.next() for _ in range(5000)]
        known = [name for name in asked if name.lower().startswith("known")]
        assert abs(len(known) / len(asked) - KNOWN) < 0.05
        assert len({name.lower() for name in known}) == KNOWN_NAMES
        new = [name for name in asked if name.lower().startswith("new")]
        assert len({name.lower() for name in new}) == len(new)


class CommandTests(TestCase):
    def test_flags(self) -> None:
        """Ten minutes, and another seed each time, unless something else is said."""
        assert read([]).seconds == 600
        assert read([]).seed != read([]).seed
        plan = read(["--seconds", "60", "--seed", "4"])
        assert (plan.seconds, plan.seed) == (60, 4)
