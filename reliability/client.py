"""A client that asks at a steady pace, tries once, and notes what it gets."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall
from twisted.internet.udp import Port

from reliability.questions import Verdict, ask, judge

PATIENCE = 5.0
"""Seconds that the client waits for a reply."""

KNOWN_AMONG = 5
"""One query in so many is for a name that was asked before."""

KNOWN_NAMES = 8


@dataclass
class Asked:
    """A query, when it was sent and answered, and what the reply was worth."""

    wire: bytes
    known: bool
    sent: float
    seconds: float | None = None
    verdict: Verdict | None = None


class Client(DatagramProtocol):
    """Ask one server over UDP, so many times a second, while running.

    Every fifth query is for one of a few names; all others are new.
    """

    transport: Port

    def __init__(self, port: int, clock: IReactorTime, rate: float) -> None:
        self.asked: list[Asked] = []
        self._port = port
        self._clock = clock
        self._rate = rate
        self._numbers = count()
        self._waiting: dict[bytes, Asked] = {}
        self._asking = LoopingCall(self._ask)
        self._asking.clock = clock

    def startProtocol(self) -> None:
        """Begin."""
        self.transport.connect("127.0.0.1", self._port)
        self._asking.start(1 / self._rate)

    def stop(self) -> None:
        """Ask no more; replies are still heard."""
        self._asking.stop()

    @property
    def waits(self) -> bool:
        """Whether some reply may still come in time."""
        latest = self._clock.seconds() - PATIENCE
        return any(it.verdict is None and it.sent > latest for it in self.asked)

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        """Judge a reply; one that nobody waits for does not count."""
        asked = self._waiting.pop(data[:2], None)
        if asked is not None:
            seconds = self._clock.seconds() - asked.sent
            if seconds < PATIENCE:
                asked.seconds, asked.verdict = seconds, judge(asked.wire, data)

    def _ask(self) -> None:
        number = next(self._numbers)
        known = number % KNOWN_AMONG == 0
        label = f"known{number % KNOWN_NAMES}" if known else f"new{number}"
        wire = ask(number & 0xFFFF, label)
        asked = Asked(wire, known, self._clock.seconds())
        self.asked.append(asked)
        self._waiting[wire[:2]] = asked
        self.transport.write(wire)
