"""Clients who ask over HTTP (RFC 8484)."""

from twisted.internet.interfaces import IAddress, IProtocolFactory
from zope.interface import implementer

from dotproxy.http.front import PROTOCOLS, Front, Opening
from dotproxy.journal.note import DOH
from dotproxy.server.factory import ProxyServerFactory
from dotproxy.server.stream import StreamProtocol

__all__ = ["PROTOCOLS", "HTTPFactory"]


@implementer(IProtocolFactory)
class HTTPFactory:
    """Make protocols as the factory does, but such as speak HTTP."""

    noisy = False

    def __init__(self, factory: ProxyServerFactory, path: str) -> None:
        self._factory = factory
        self._front = Front(path.encode())

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol:
        """Make the protocol for one client."""
        protocol = self._factory.buildProtocol(addr)
        protocol.proto = DOH
        protocol.begin = Opening(self._front).begin
        return protocol

    def doStart(self) -> None:
        """Begin with an address: there is nothing to do."""

    def doStop(self) -> None:
        """Be done with it."""
