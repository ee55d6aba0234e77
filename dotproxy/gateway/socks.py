"""Connections to origins that a SOCKS5 proxy makes for us."""

from functools import partial
from typing import NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.python.failure import Failure

from dotproxy.config.spelling import joined
from dotproxy.gateway.attempts import Connect
from dotproxy.gateway.end import End
from dotproxy.gateway.targets import Place
from dotproxy.wire.socks import Login, Negotiation, SocksError


def through(proxy: Place, login: Login | None, connect: Connect) -> Connect:
    """Return how to connect by way of a proxy, to which `connect` leads.

    Such a connection fails with SocksError, which names the proxy.
    """

    def connect_on(address: str, port: int) -> Deferred[End]:
        negotiation = Negotiation(address, port, login)
        connecting = connect(*proxy)
        connecting.addErrback(_unreached).addCallback(_negotiate, negotiation)
        return connecting.addErrback(partial(_named, joined(*proxy)))

    return connect_on


class Talk:
    """The stage of a connection to a proxy, until that has connected it on.

    `over` fires with it then, or fails with SocksError.
    """

    def __init__(self, end: End, negotiation: Negotiation) -> None:
        self.over: Deferred[End] = Deferred(lambda _: self._give_up(end))
        self._negotiation = negotiation
        end.stage = self
        end.transport.write(negotiation.begin())

    def received(self, end: End, data: bytes) -> None:
        """Say what is next; hand on what is the origin's already."""
        if self.over.called:
            return
        negotiation = self._negotiation
        try:
            end.transport.write(negotiation.feed(data))
        except SocksError as fault:
            self._fail(end, fault)
            return
        if negotiation.connected:
            # What the proxy said is nothing that was relayed.
            end.octets = 0
            self.over.callback(end)
            if negotiation.rest:
                end.dataReceived(negotiation.rest)

    def finished(self, end: End) -> None:
        """Take the end of its side for the end of it all."""
        self._fail(end, SocksError("hangs up"))

    def closed(self, end: End) -> None:
        """Never happens: our side is open for as long as this lasts."""

    def lost(self, end: End) -> None:
        """Hear that the proxy hung up."""
        self._fail(end, SocksError("hangs up"))

    def _give_up(self, end: End) -> None:
        """Wait no more; who is silent from the start is to blame, as is told."""
        if self._negotiation.asked:
            end.abort()
        else:
            self._fail(end, SocksError("does not answer"))

    def _fail(self, end: End, fault: SocksError) -> None:
        end.abort()
        if not self.over.called:
            self.over.errback(fault)


def _negotiate(end: End, negotiation: Negotiation) -> Deferred[End]:
    return Talk(end, negotiation).over


def _unreached(failure: Failure) -> NoReturn:
    failure.trap(ConnectError)
    raise SocksError(f"cannot be reached: {failure.getErrorMessage()}")


def _named(place: str, failure: Failure) -> NoReturn:
    fault = failure.value
    if isinstance(fault, SocksError):
        raise SocksError(f"the proxy {place} {fault}", fault.proxy) from None
    failure.raiseException()
