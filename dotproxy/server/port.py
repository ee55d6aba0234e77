"""The UDP port that clients reach.

Twisted's own costs more than the answer: it checks each address it sends to, and
goes through several calls for each datagram.  So ours reads and writes the socket
itself, many datagrams in a turn, and sends what is ready without asking anybody.
"""

import socket
from typing import Any
from typing import Protocol as TypingProtocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.udp import Port as TwistedPort
from twisted.logger import Logger

from dotproxy.clock import uptime
from dotproxy.local.ready import Ready
from dotproxy.server.batch import Batch, can_batch
from dotproxy.server.datagrams import LARGEST, Client, Datagrams, Late
from dotproxy.wire.message import HEADER

ROUNDS = 8
"""Batches answered in one turn of the reactor."""


class Receiver(TypingProtocol):
    """The protocol that a port reads for."""

    ready: Ready

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        """Answer what is not ready; `addr` is its place in the batch."""


class Port(TwistedPort):
    """Read queries, send what is ready, hand on the others."""

    log = Logger()

    receiver: Receiver
    clock: IReactorTime
    datagrams: Datagrams | Batch

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._late: list[Late] = []

    def doRead(self) -> None:
        """Read and answer until nothing is left, or others must have a turn.

        Going round in here costs less than going round the reactor.
        """
        self.receiver.ready.turn(uptime())
        for _ in range(ROUNDS):
            if not self._answer_batch():
                return

    def _answer_batch(self) -> bool:
        """Answer what has come; return whether there was anything.

        This is the hot path: `Ready.find`, written out.
        """
        ready = self.receiver.ready
        datagrams, find, start = self.datagrams, ready.replies.get, HEADER.size
        messages = datagrams.receive()
        for place, message in enumerate(messages):
            end = message.find(0, start)
            name = message[start:end]
            parts = find(message[2:start] + name.lower() + message[end:])
            if parts is None:
                self._hand_on(message, place)
            else:
                ready.hits += 1
                datagrams.reply(place, message[:2] + parts[0] + name + parts[1])
        datagrams.flush()
        return bool(messages)

    def _hand_on(self, message: bytes, place: int) -> None:
        """Let the protocol answer; a bug in that is not the end of the others."""
        try:
            self.receiver.datagramReceived(message, place)
        except Exception:
            self.log.failure("a query could not be answered")

    @property
    def sends(self) -> bool:
        """Whether late replies leave at the end of this turn."""
        return bool(self._late)

    def drain(self) -> None:
        """Read what has come, and no more; late replies still leave."""
        self.doRead()
        self.stopReading()

    def send(self, reply: bytes, client: Client) -> None:
        """Send a reply that is late, together with the others of this turn."""
        if not self._late:
            self.clock.callLater(0, self._send_late)
        self._late.append((reply, client))

    def _send_late(self) -> None:
        """Send, unless the port was closed meanwhile."""
        late, self._late = self._late, []
        if self.connected:
            self.datagrams.send(late)


def adopt(bound: socket.socket, receiver: Receiver, reactor: Any) -> Port:
    """Read from a socket that is bound; it is copied, as Twisted does.

    `adoptDatagramPort` would make Twisted's own port.
    """
    port: Port = Port._fromListeningDescriptor(
        reactor, bound.fileno(), bound.family, receiver, maxPacketSize=LARGEST
    )
    port.receiver, port.clock = receiver, reactor
    port.startListening()
    made = Batch if can_batch(port.socket) else Datagrams
    port.datagrams = made(port.socket)
    return port
