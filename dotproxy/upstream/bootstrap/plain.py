"""One question in clear, over UDP: only a server's own address is asked for so."""

import os
from errno import ECONNREFUSED
from random import Random
from socket import SO_ERROR, SOL_SOCKET, socket
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IReactorTime,
    IReactorUDP,
    ISystemHandle,
    IUDPTransport,
)
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure

from dotproxy.upstream.bootstrap.lookup_message import (
    Family,
    Found,
    read_reply,
    replies_to,
    write_query,
)
from dotproxy.upstream.interface import UpstreamError
from dotproxy.wire.edns import UDP_PAYLOAD

PATIENCE = 2.0
"""Seconds that a resolver has for its reply."""


class Plain:
    """Ask plain resolvers, and count the datagrams that left in clear.

    Each question has a port and an ID of its own, both random.  Only what comes
    from where the question went, and repeats it under its ID, is a reply (RFC 5452
    section 9); whatever else comes is ignored and does not end the wait.
    """

    def __init__(self, reactor: IReactorUDP, random: Random) -> None:
        self.sent = 0
        self._reactor = reactor
        self._clock = IReactorTime(reactor)
        self._random = random

    def ask(
        self, name: str, family: Family, resolver: tuple[str, int]
    ) -> Deferred[Found]:
        """Ask the resolver at an IP address and port, and fire with what it found.

        It fails with UpstreamError, in a few words, if there are no addresses or
        no reply comes in time.  It may be cancelled, which closes the port.
        """
        query = write_query(name, family, self._random.getrandbits(16))
        asking = PlainQuestion(query, resolver)
        try:
            asking.send(self._reactor)
            self.sent += 1
        except (CannotListenError, OSError) as fault:
            asking.end(_failure(str(fault)))
        return asking.found.addTimeout(PATIENCE, self._clock, _silent)


class PlainQuestion(DatagramProtocol):
    """One question under way, and the port that it left from."""

    noisy = False
    transport: IUDPTransport

    def __init__(self, query: bytes, resolver: tuple[str, int]) -> None:
        self.found: Deferred[Found] = Deferred(lambda _: self._close())
        self._query = query
        self._resolver = resolver
        self._port: IListeningPort | None = None

    def send(self, reactor: IReactorUDP) -> None:
        """Send the query; CannotListenError or OSError if the system will not.

        Connected, the port gets nothing from strangers, but errors of the network.
        """
        host, port = self._resolver
        interface = "::" if ":" in host else ""
        self._port = reactor.listenUDP(0, self, interface, UDP_PAYLOAD)
        self.transport.connect(host, port)
        self.transport.write(self._query, None)

    def end(self, outcome: Found | Failure) -> None:
        """Fire, unless that is done: more may come in before the port is closed."""
        if not self.found.called:
            self._close()
            self.found.callback(outcome)

    # What Twisted calls.

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Take a reply; a stranger's datagram may have come before we connected."""
        if addr != self._resolver or not replies_to(datagram, self._query):
            return
        try:
            outcome: Found | Failure = read_reply(datagram)
        except UpstreamError:
            outcome = Failure()
        self.end(outcome)

    def connectionRefused(self) -> None:
        """Hear that nobody listens there."""
        self.end(_failure(os.strerror(ECONNREFUSED)))

    def stopProtocol(self) -> None:
        """Hear that the port is closed, maybe not by us.

        To epoll's reactor any error of the network is the end of the port; which
        error it was, the socket knows.
        """
        port, self._port = self._port, None
        if port is not None:
            handle = cast(socket, ISystemHandle(port).getHandle())
            error = handle.getsockopt(SOL_SOCKET, SO_ERROR)
            self.end(_failure(os.strerror(error) if error else "port lost"))

    def _close(self) -> None:
        # Unset first: a port that we close must not count as lost.
        port, self._port = self._port, None
        if port is not None:
            port.stopListening()


def _silent(_: object, seconds: float) -> Failure:
    return _failure(f"no reply in {seconds:g} s")


def _failure(reason: str) -> Failure:
    return Failure(UpstreamError(reason))
