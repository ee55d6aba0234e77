"""Whoever makes the replies, as the protocols see it."""

from typing import Any
from typing import Protocol as TypingProtocol

from twisted.internet.defer import Deferred

from dotproxy.http.request import Refusal
from dotproxy.journal.journal import Journal
from dotproxy.journal.note import Client, Transport
from dotproxy.local.gate import Gate


class Responder(TypingProtocol):
    """The controller of a names protocol, which also answers raw messages."""

    refusal: Refusal
    """What those hear over HTTP who get no reply."""

    @property
    def gate(self) -> Gate | None:
        """Who lets datagrams in; None where all are let in."""

    @property
    def journal(self) -> Journal | None:
        """Where replies are noted; None where nobody reads it."""

    @property
    def wants_clients(self) -> bool:
        """Whether it makes a difference who asks."""

    def respond(
        self,
        message: bytes,
        transport: Transport,
        client: Client | None = None,
    ) -> bytes | Deferred[bytes] | None:
        """Return the reply to a client's message, or fire with it; None for silence.

        What it says besides the answer depends on the transport.  The Deferred never
        fails, and fires before the client's patience ends.  A reply to a `client`
        whose address is given is noted; so give it where that makes a difference.
        """

    def known(self, message: bytes) -> bytes | None:
        """Return the reply to a datagram if it is in the cache, and ask nobody."""

    def connectionMade(self, protocol: Any) -> None:
        """Hear of a new connection."""

    def connectionLost(self, protocol: Any) -> None:
        """Hear that a connection is gone."""
