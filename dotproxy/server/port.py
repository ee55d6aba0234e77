"""The UDP port that clients reach.

Twisted's own costs more than the answer: it checks each address it sends to, and
goes through several calls for each datagram.  So ours reads and writes the socket
itself, many datagrams in a turn, and sends what is ready without asking anybody.
"""

import socket
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from typing import Protocol as TypingProtocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.udp import Port as TwistedPort
from twisted.logger import Logger

from dotproxy.clock import uptime
from dotproxy.journal.journal import Journal
from dotproxy.journal.note import CACHED, READY, REJECTED, UDP, Note, Sourced
from dotproxy.local.gate import PASS, Gate, Verdict
from dotproxy.local.ready import Ready
from dotproxy.server.batch import Batch, can_batch
from dotproxy.server.datagrams import LARGEST, Client, Datagrams, Late
from dotproxy.server.turned_away import reply_to
from dotproxy.server.visit import Visit
from dotproxy.wire.message import HEADER

ROUNDS = 8
"""Batches answered in one turn of the reactor."""

SHARE = 64
"""Queries handed on in one turn: some milliseconds, if all must be asked upstream."""

MOST_WAITING = 4096
"""Queries that wait to be handed on, some 0.3 s of work.  Beyond, the oldest is
dropped: whoever sent it asks again, if not somebody else."""


class Receiver(TypingProtocol):
    """The protocol that a port reads for."""

    ready: Ready

    @property
    def gate(self) -> Gate | None:
        """Who lets queries in; None where all are let in."""

    @property
    def journal(self) -> Journal | None:
        """Where replies are noted; None where nobody reads it."""

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        """Answer what is not ready; `addr` is its place in the batch."""

    def known(self, message: bytes) -> bytes | None:
        """Return the reply if it is in the cache, and ask nobody."""

    def answer_late(self, message: bytes, client: Client) -> None:
        """Answer what had to wait, since its batch was read."""


class Port(TwistedPort):
    """Read queries, send what is ready, hand on the others.

    What is known never waits for the others: where more come than there is time
    for, these wait, and `dropped` of what is ready counts those that waited in vain.
    """

    log = Logger()

    receiver: Receiver
    clock: IReactorTime
    datagrams: Datagrams | Batch

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._late: list[Late] = []
        self._share = SHARE
        self._waiting: deque[Late] = deque()

    def doRead(self) -> None:
        """Read and answer until nothing is left, or others must have a turn.

        Going round in here costs less than going round the reactor.
        """
        self.receiver.ready.turn(uptime())
        self._share = SHARE
        for _ in range(ROUNDS):
            if not self._answer_batch():
                return

    def _answer_batch(self) -> bool:
        """Answer what has come; return whether there was anything.

        This is the hot path: `Ready.find`, written out.
        """
        ready, gate = self.receiver.ready, self.receiver.gate
        datagrams, find, start = self.datagrams, ready.replies.get, HEADER.size
        reply, journal = datagrams.reply, self.receiver.journal
        messages = datagrams.receive()
        ready.queries += len(messages)
        if journal is not None:
            reply = partial(self._reply_and_note, journal, messages)
        admitted = enumerate(messages) if gate is None else self._admit(messages, gate)
        for place, message in admitted:
            end = message.find(0, start)
            name = message[start:end]
            parts = find(message[2:start] + name.lower() + message[end:])
            if parts is None:
                self._hand_on(message, place)
            else:
                parts[2][0] += 1
                reply(place, message[:2] + parts[0] + name + parts[1])
        datagrams.flush()
        return bool(messages)

    def _admit(self, messages: list[bytes], gate: Gate) -> Iterator[tuple[int, bytes]]:
        """Return those that are let in, each with its place in the batch."""
        now, source, admit = self.clock.seconds(), self.datagrams.source, gate.admit
        for place, message in enumerate(messages):
            verdict = admit(source(place), now)
            if verdict is PASS:
                yield place, message
            else:
                self._turn_away(message, place, verdict)

    def _turn_away(self, message: bytes, place: int, verdict: Verdict) -> None:
        reply = reply_to(message, verdict)
        if reply is not None and self.datagrams.answerable(place):
            self._note(message, place, reply, REJECTED)
            self.datagrams.reply(place, reply)

    def _reply_and_note(
        self, journal: Journal, messages: list[bytes], place: int, reply: bytes
    ) -> None:
        """Send what was ready, and note it."""
        client = self.datagrams.source(place)
        journal.add(
            Note(journal.now(), UDP, client, messages[place], reply, READY.source)
        )
        self.datagrams.reply(place, reply)

    def _note(self, message: bytes, place: int, reply: bytes, source: Sourced) -> None:
        """Note a reply, if somebody reads that."""
        journal = self.receiver.journal
        if journal is not None:
            client = self.datagrams.source(place)
            Visit(journal, UDP, client, message).note(reply, source)

    def _hand_on(self, message: bytes, place: int) -> None:
        """Let the protocol answer, now or in another turn."""
        if not self.datagrams.answerable(place):
            return
        if self._share and not self._waiting:
            self._share -= 1
            self._answer(self.receiver.datagramReceived, message, place)
        else:
            self._answer(self._answer_known, message, place)

    def _answer_known(self, message: bytes, place: int) -> None:
        """Answer what need not be asked; the others wait.

        When the second turns nothing is ready, and yet most of it is known.
        """
        reply = self.receiver.known(message)
        if reply is None:
            self._wait(message, self.datagrams.client(place))
        else:
            self._note(message, place, reply, CACHED)
            self.datagrams.reply(place, reply)

    def _wait(self, message: bytes, client: Client) -> None:
        """Keep a query for another turn, in place of the oldest if there are many."""
        if not self._waiting:
            self.clock.callLater(0, self._turn)
        elif len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.receiver.ready.dropped += 1
        self._waiting.append((message, client))

    def _turn(self) -> None:
        """Hand on some of those that wait, and leave the rest to the next turn."""
        if not self.connected:
            self._waiting.clear()
        for _ in range(min(SHARE, len(self._waiting))):
            self._answer(self.receiver.answer_late, *self._waiting.popleft())
        if self._waiting:
            self.clock.callLater(0, self._turn)

    def _answer(self, answer: Callable[..., None], message: bytes, of: Any) -> None:
        """Answer a query; a bug in that is not the end of the others."""
        try:
            answer(message, of)
        except Exception:
            self.log.failure("a query could not be answered")

    @property
    def busy(self) -> bool:
        """Whether queries wait for their turn, or late replies to leave."""
        return bool(self._waiting or self._late)

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
