"""Clients that ask over UDP and over TCP, and one that sends them on their way."""

import socket
from random import Random
from typing import Any, NamedTuple

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import (
    DatagramProtocol,
    Factory,
    Protocol,
    connectionDone,
)
from twisted.internet.task import LoopingCall
from twisted.internet.tcp import Connection
from twisted.internet.udp import Port
from twisted.python.failure import Failure

from dotproxy.lab.door import LOOPBACK
from dotproxy.wire.framing import Frames, frame
from soak.tally import Ledger, Tally

TICK = 0.02
"""Seconds between two looks at who is to ask."""

MOST_TICKS = 5
"""Ticks that are made up for after a stall of our own."""

LOOK = 0.25
"""Seconds between two looks at who is done, or late."""

UDP_CLIENTS = 4
"""Clients that ask over UDP at the same time."""

UDP_LIFE = 20.0
"""Seconds for which one of them lasts, on the average."""

RECEIVE_BUFFER = 2**21
"""Octets kept for a client that is busy: what the kernel drops is nobody's fault."""

TCP_SHARE = 0.25
"""Of all queries, how many go over TCP."""

TCP_QUERIES = 20
"""Queries on end that a client over TCP sends at most; half on the average."""

LEAVING = 0.1
"""Of the clients over TCP, how many do not wait for their replies."""

NETWORKS = 200
"""Addresses of loopback that clients over TCP come from: each may have so many."""

KNOWN = 0.7
"""Of all queries, how many are for one of a few names; all others are new."""

KNOWN_NAMES = 200


class World(NamedTuple):
    """What clients have in common."""

    port: int
    reactor: Any
    random: Random
    tally: Tally


class Names:
    """Choose what is asked for: a few names again and again, and new ones."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._new = 0

    def next(self) -> str:
        """Return the label of the next name, spelled as it comes."""
        if self._random.random() < KNOWN:
            return self._spelled(f"known{self._random.randrange(KNOWN_NAMES)}")
        self._new += 1
        return self._spelled(f"new{self._new}")

    def _spelled(self, label: str) -> str:
        return label.upper() if self._random.random() < 0.5 else label


class UdpClient(DatagramProtocol):
    """Ask over UDP from a port of its own."""

    noisy = False
    transport: Port

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock: IReactorTime = world.reactor
        self.ledger = Ledger(world.tally, world.random)
        self.until = world.reactor.seconds() + world.random.uniform(0, 2 * UDP_LIFE)

    def startProtocol(self) -> None:
        """Talk to the proxy alone, and have room for what it says."""
        octets = RECEIVE_BUFFER
        handle = self.transport.getHandle()
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
        self.transport.connect(LOOPBACK, self._world.port)

    def ask(self, label: str) -> None:
        """Send a query for a name."""
        self.transport.write(self.ledger.ask(label, self._clock.seconds()))

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        """Have a reply judged."""
        self.ledger.replied(data, self._clock.seconds())


class TcpClient(Protocol):
    """Connect, ask on end, and leave when all is answered; or before.

    What is sent is cut at random.  Some close their side once they have asked.
    """

    transport: Connection

    def __init__(self, world: World, labels: list[str]) -> None:
        self._world = world
        self._clock: IReactorTime = world.reactor
        self._labels = labels
        self._frames = Frames()
        self.ledger = Ledger(world.tally, world.random)
        self.gone = False

    def connectionMade(self) -> None:
        """Ask it all, in two segments."""
        random, now = self._world.random, self._clock.seconds()
        octets = b"".join(frame(self.ledger.ask(it, now)) for it in self._labels)
        cut = random.randrange(len(octets))
        self.transport.setTcpNoDelay(True)
        self.transport.write(octets[:cut])
        self._clock.callLater(random.random() / 4, self._go_on, octets[cut:])

    def dataReceived(self, data: bytes) -> None:
        """Have the replies judged, and leave after the last."""
        for reply in self._frames.feed(data):
            self.ledger.replied(reply, self._clock.seconds())
        if not self.ledger:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count what is owed, unless that was our own doing."""
        self.gone = True
        if reason.check(ConnectionAborted) is None:
            self.ledger.cut_off("the server hung up")

    def refused(self, failure: Failure) -> None:
        """Count all of it as unanswered: there was no connection."""
        now = self._clock.seconds()
        for label in self._labels:
            self.ledger.ask(label, now)
        self.gone = True
        self.ledger.cut_off(failure.getErrorMessage())

    def leave(self) -> None:
        """Hang up, whatever is owed."""
        self.ledger.abandon()
        self.transport.abortConnection()

    def _go_on(self, octets: bytes) -> None:
        """Send the rest; then leave at once, or say that this was all, or wait."""
        if self.gone:
            return
        self.transport.write(octets)
        random = self._world.random
        if random.random() < LEAVING:
            self.leave()
        elif random.random() < 0.5:
            self.transport.loseWriteConnection()


class Crowd:
    """Clients that come, ask so many queries a second in all, and go."""

    def __init__(self, world: World, rate: float) -> None:
        self._world = world
        self._rate = rate
        self._names = Names(world.random)
        self._udp: list[UdpClient] = []
        self._retired: list[UdpClient] = []
        self._tcp: list[TcpClient] = []
        self._due = {"udp": 0.0, "tcp": 0.0}
        self._asking = LoopingCall.withCount(self._ask)
        self._looking = LoopingCall(self._look)

    @property
    def clients(self) -> list[UdpClient | TcpClient]:
        """All who are there."""
        return [*self._udp, *self._retired, *self._tcp]

    @property
    def waits(self) -> bool:
        """Whether a reply is still to come."""
        return any(it.ledger for it in self.clients)

    def start(self) -> None:
        """Begin to ask."""
        self._looking.start(LOOK)
        self._asking.start(TICK)

    def finish(self) -> None:
        """Ask no more; replies are still heard."""
        self._asking.stop()

    def stop(self) -> None:
        """Leave, all of them."""
        self._looking.stop()
        for client in (*self._udp, *self._retired):
            client.transport.stopListening()
        for stream in self._tcp:
            stream.leave()

    def _look(self) -> None:
        """Give up what is late; let go of who is done, and let others come."""
        now = self._world.reactor.seconds()
        for client in self.clients:
            client.ledger.look(now)
        self._tcp = [it for it in self._tcp if not it.gone]
        for done in [it for it in self._retired if not it.ledger]:
            self._retired.remove(done)
            done.transport.stopListening()
        self._retired += [it for it in self._udp if it.until <= now]
        self._udp = [it for it in self._udp if it.until > now]
        while len(self._udp) < UDP_CLIENTS:
            self._udp.append(UdpClient(self._world))
            self._world.reactor.listenUDP(0, self._udp[-1], interface=LOOPBACK)

    def _ask(self, ticks: int) -> None:
        """Ask what is due; what a stall has put off for long is let be."""
        queries = min(ticks, MOST_TICKS) * TICK * self._rate
        random, due = self._world.random, self._due
        due["udp"] += queries * (1 - TCP_SHARE)
        while due["udp"] >= 1:
            due["udp"] -= 1
            random.choice(self._udp).ask(self._names.next())
        due["tcp"] += queries * TCP_SHARE
        while due["tcp"] >= 1:
            due["tcp"] -= self._connect(random.randint(1, TCP_QUERIES))

    def _connect(self, queries: int) -> int:
        client = TcpClient(self._world, [self._names.next() for _ in range(queries)])
        factory = Factory.forProtocol(lambda: client)
        factory.noisy = False
        own = f"127.0.1.{1 + self._world.random.randrange(NETWORKS)}"
        endpoint = TCP4ClientEndpoint(
            self._world.reactor, LOOPBACK, self._world.port, bindAddress=(own, 0)
        )
        endpoint.connect(factory).addErrback(client.refused)
        self._tcp.append(client)
        return queries
