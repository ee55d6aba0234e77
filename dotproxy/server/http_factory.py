"""Clients who ask over HTTP (RFC 8484)."""

from twisted.internet.interfaces import IAddress, IProtocolFactory, IReactorTime
from zope.interface import implementer

from dotproxy.http.front import PROTOCOLS, Front, Opening
from dotproxy.journal.note import DOH
from dotproxy.server.behalf import Behalf
from dotproxy.server.clients import is_from, own_network
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.stream import StreamProtocol

__all__ = ["PROTOCOLS", "HTTPFactory"]


@implementer(IProtocolFactory)
class HTTPFactory:
    """Make protocols as the factory does, but such as speak HTTP."""

    noisy = False

    def __init__(
        self, factory: ProxyServerFactory, path: str, clock: IReactorTime
    ) -> None:
        self._factory = factory
        self._clock = clock
        self._front = Front(path.encode())
        self._proxied = Front(path.encode(), proxied=True)

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol:
        """Make the protocol for one client, or for a proxy that speaks for many."""
        protocol = self._factory.buildProtocol(addr)
        protocol.proto = DOH
        protocol.begin = Opening(self._front).begin
        if is_from(addr, self._factory.terms.proxies):
            self._speak_for_many(protocol)
            protocol.network = own_network(addr)
        return protocol

    def _speak_for_many(self, protocol: StreamProtocol) -> None:
        """Let each request have a client of its own, and the rate that is its own."""
        host = protocol.source or ""
        protocol.behalf = Behalf(host, self._factory, self._clock.seconds)
        protocol.begin = Opening(self._proxied).begin
        protocol.pace.count = None

    def doStart(self) -> None:
        """Begin with an address: there is nothing to do."""

    def doStop(self) -> None:
        """Be done with it."""
