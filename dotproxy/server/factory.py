"""The names server factory: it supplies both protocols, and the way to an answer."""

from collections import Counter

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.names.resolve import ResolverChain
from twisted.names.server import DNSServerFactory

from dotproxy.clock import uptime
from dotproxy.local.ready import Ready
from dotproxy.resolver import DoTResolver
from dotproxy.server.datagram import DatagramProtocol
from dotproxy.server.stream import DEFAULT_LIMITS, StreamLimits, StreamProtocol
from dotproxy.wire.message import FormatError
from dotproxy.wire.query import limit_datagram, parse_query
from dotproxy.wire.reply import rejection

HEAD_START = 0.1
"""Seconds before the end of a client's patience at which it gets what there is."""


class ProxyServerFactory(DNSServerFactory):
    """A names server whose only authority is a resolver over TLS.

    `timeout` is how long clients are taken to wait, in seconds.
    """

    noisy = False

    def __init__(
        self,
        resolver: DoTResolver,
        clock: IReactorTime,
        timeout: float,
        limits: StreamLimits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._limits = limits
        self._clients: Counter[str] = Counter()
        self.ready_datagrams, self.ready_streams = Ready(), Ready()
        self.turned_away = 0
        self.serve(resolver, timeout)

    def serve(self, resolver: DoTResolver, timeout: float) -> None:
        """Ask this resolver from now on; queries under way stay with the one before."""
        self.canRecurse, self.resolver = True, ResolverChain([resolver])
        self._forwarder = resolver.forwarder
        self._patience = max(timeout - HEAD_START, timeout / 2)
        self._clear_ready()

    def datagram_protocol(self) -> DatagramProtocol:
        """Make the protocol for one UDP port."""
        return DatagramProtocol(self, self.ready_datagrams, self._clock)

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol | None:
        """Make the protocol for one TCP client, or turn away who has too many."""
        host = addr.host if isinstance(addr, IPv4Address | IPv6Address) else ""
        if (
            self._clients[host] >= self._limits.per_client
            or self._clients.total() >= self._limits.in_all
        ):
            self.turned_away += 1
            return None
        self._clients[host] += 1
        protocol = StreamProtocol(self, self._clock, self._limits)
        protocol.lost.addCallback(lambda _: self._forget(host))
        return protocol

    def respond(self, message: bytes, datagram: bool) -> bytes | Deferred[bytes] | None:
        """Return the reply to a client's message; see `Responder`."""
        ready = self.ready_datagrams if datagram else self.ready_streams
        ready.turn(uptime())
        reply = ready.find(message)
        if reply is not None:
            return reply
        try:
            query = parse_query(message)
        except FormatError as fault:
            return None if fault.rcode is None else rejection(message, fault.rcode)
        if datagram:
            limit_datagram(query)
        query.deadline = self._clock.seconds() + self._patience
        answer = self._forwarder.resolve(query)
        if isinstance(answer, bytes):
            ready.keep(query, answer)
        return answer

    def flush(self, name: bytes | None = None, subtree: bool = False) -> int:
        """Forget a name, with all below it if `subtree`, or everything; count them.

        `name` is as on the wire.
        """
        self._clear_ready()
        return self._forwarder.flush(name, subtree)

    def _clear_ready(self) -> None:
        self.ready_datagrams.clear()
        self.ready_streams.clear()

    def _forget(self, host: str) -> None:
        self._clients[host] -= 1
        if not self._clients[host]:
            del self._clients[host]
