"""The names server factory: it supplies both protocols, and the way to an answer."""

from functools import partial
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.names.resolve import ResolverChain
from twisted.names.server import DNSServerFactory

from dotproxy.clock import uptime
from dotproxy.http.request import UNREADABLE
from dotproxy.journal.journal import Journal
from dotproxy.journal.note import (
    DOH,
    READY,
    REJECTED,
    TCP,
    TRANSPORTS,
    UDP,
    Client,
    Sourced,
    Transport,
)
from dotproxy.local.ready import Ready
from dotproxy.resolver import DoTResolver
from dotproxy.server.clients import Clients, network_of
from dotproxy.server.datagram import DatagramProtocol
from dotproxy.server.responder import Responder
from dotproxy.server.stream import StreamProtocol
from dotproxy.server.terms import Terms
from dotproxy.server.turned_away import Refuser
from dotproxy.server.turns import Turns
from dotproxy.server.under_way import UnderWay
from dotproxy.server.visit import Visit
from dotproxy.tracing.tracing import Tracing
from dotproxy.tracing.way import note_reply
from dotproxy.wire.message import FormatError
from dotproxy.wire.query import Query, limit_datagram, limit_stream, parse_query
from dotproxy.wire.reply import rejection

HEAD_START = 0.1
"""Seconds before the end of a client's patience at which it gets what there is."""


class ProxyServerFactory(DNSServerFactory):
    """A names server whose only authority is a resolver over TLS.

    `streams` are the TCP clients, the one that was longest of no use first.
    """

    noisy = False
    refusal = UNREADABLE

    def __init__(
        self,
        resolver: DoTResolver,
        clock: IReactorTime,
        terms: Terms,
    ) -> None:
        super().__init__()
        self._clock = clock
        self.streams = Clients(terms.limits)
        self.under_way = UnderWay(terms.limits.queries, clock.seconds)
        self._turns = Turns(clock, terms.limits.streamed)
        self.ready = {each: Ready() for each in TRANSPORTS}
        """What is ready, by the transport that it is for: not all say the same."""
        self.malformed = 0
        """Messages that could not be read."""
        self.journal: Journal | None = None
        """Where replies are noted; None where nobody reads it."""
        self._tracing: Tracing | None = None
        self.wants_clients = False
        """Whether it makes a difference who asks."""
        self.serve(resolver, terms)

    def serve(self, resolver: DoTResolver, terms: Terms) -> None:
        """Ask this resolver from now on; queries under way stay with the one before.

        Clients that are too many by the new limits leave one by one, as others come.
        """
        self.canRecurse, self.resolver = True, ResolverChain([resolver])
        self._forwarder = resolver.forwarder
        self._patience = max(terms.timeout - HEAD_START, terms.timeout / 2)
        self.terms = terms
        self.gate = terms.gate
        self.streams.limits = terms.limits
        self.under_way.most = terms.limits.queries
        self._turns.most = terms.limits.streamed
        self._clear_ready()

    def note_in(self, journal: Journal | None) -> None:
        """Note replies there from now on, or nowhere."""
        self.journal = journal
        self.wants_clients = journal is not None or self._tracing is not None

    def trace_with(self, tracing: Tracing) -> None:
        """Let the queries of some names be traced from now on."""
        self._tracing, self.wants_clients = tracing, True
        self._clear_ready()

    def datagram_protocol(self) -> DatagramProtocol:
        """Make the protocol for one UDP port."""
        return DatagramProtocol(self, self.ready[UDP], self._clock)

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol:
        """Make the protocol for one TCP client; who may not ask hears just that."""
        source = addr.host if isinstance(addr, IPv4Address | IPv6Address) else None
        responder: Responder = self
        gate = None if source is None else self.gate
        if gate is not None and not gate.allows(source):
            responder = Refuser(self, gate.refusal)
        protocol = StreamProtocol(responder, self._clock, self.streams, self._turns)
        protocol.network, protocol.source = network_of(addr), source
        if gate is not None:
            protocol.pace.count = partial(gate.wait, source)
        return protocol

    def connectionMade(self, protocol: Any) -> None:
        """Let a client in, in place of another if there are too many."""
        self.streams.enter(protocol)

    def connectionLost(self, protocol: Any) -> None:
        """Forget a client."""
        self.streams.leave(protocol)

    def respond(
        self,
        message: bytes,
        transport: Transport,
        client: Client | None = None,
    ) -> bytes | Deferred[bytes] | None:
        """Return the reply to a client's message; see `Responder`."""
        reply, sourced = self._respond(message, transport, client)
        if client is None or self.journal is None or reply is None:
            return reply
        visit = Visit(self.journal, transport, client, message)
        if isinstance(reply, Deferred):
            return visit.note_late(reply, sourced, self._clock.seconds)
        visit.note(reply, sourced)
        return reply

    def _respond(
        self, message: bytes, transport: Transport, client: Client | None
    ) -> tuple[bytes | Deferred[bytes] | None, Sourced]:
        """Return the reply, and who knows where it came from once it is there."""
        ready = self.ready[transport]
        ready.turn(uptime())
        if transport != UDP:
            # The port counts the datagrams, many at a time.
            ready.queries += 1
        reply = ready.find(message)
        if reply is not None:
            return reply, READY
        try:
            query = parse_query(message)
        except FormatError as fault:
            self.malformed += 1
            code = fault.rcode
            return None if code is None else rejection(message, code), REJECTED
        self._limit(query, transport)
        ready.looked_at[query.type] += 1
        now = self._clock.seconds()
        query.deadline = now + self._patience
        if self._tracing is not None:
            self._tracing.follow(query, transport, client)
        answer = self._forwarder.resolve(query)
        if isinstance(answer, bytes):
            ready.keep(query, answer)
        else:
            answer = self.under_way.add(query, answer, now)
        if query.trace is not None:
            note_reply(query.trace, query, answer)
        return answer, query

    def _limit(self, query: Query, transport: Transport) -> None:
        """Set what the client takes, and is told besides.

        A client of a proxy that ends TLS before us has its way encrypted, too: so it is
        padded if it asked for that (RFC 8467 section 4).
        """
        if transport == UDP:
            limit_datagram(query)
            return
        idle = None if transport == DOH else self.streams.limits.idle
        limit_stream(query, idle, padded=transport != TCP)

    def known(self, message: bytes) -> bytes | None:
        """Return the reply to a datagram if it is in the cache, and ask nobody."""
        try:
            query = parse_query(message)
        except FormatError:
            return None
        limit_datagram(query)
        if self._tracing is not None and self._tracing.wants(query):
            # It waits its turn, and then is followed all its way.
            return None
        reply = self._forwarder.known(query)
        if reply is not None:
            self.ready[UDP].looked_at[query.type] += 1
            self.ready[UDP].keep(query, reply)
        return reply

    def flush(self, name: bytes | None = None, subtree: bool = False) -> int:
        """Forget a name, with all below it if `subtree`, or everything; count them.

        `name` is as on the wire.
        """
        self._clear_ready()
        return self._forwarder.flush(name, subtree)

    def _clear_ready(self) -> None:
        for each in self.ready.values():
            each.clear()
