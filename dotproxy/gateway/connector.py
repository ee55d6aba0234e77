"""How an origin is connected to."""

import socket
from collections.abc import Sequence
from functools import partial
from itertools import cycle

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectBindError
from twisted.internet.interfaces import IAddress, IConnector, IReactorTCP
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from dotproxy.gateway.attempts import Connect
from dotproxy.gateway.end import End
from dotproxy.upstream.interface import UpstreamError


def connector(reactor: IReactorTCP, sources: Sequence[str] = ()) -> Connect:
    """Return how to connect to an address and a port.

    Connections leave from each of `sources` in turn, of those of the same family; where
    there is none, from where the system likes best.
    """
    turns = {
        ipv6: cycle([source for source in sources if (":" in source) is ipv6])
        for ipv6 in (False, True)
    }

    def connect(address: str, port: int) -> Deferred[End]:
        source = next(turns[":" in address], None)
        bound = (source, 0) if source else None
        made: Deferred[End] = Deferred(lambda _: connecting.stopConnecting())
        connecting = reactor.connectTCP(address, port, Call(made), bindAddress=bound)
        return made.addErrback(partial(_explained, source))

    return connect


class Call(ClientFactory):
    """What is told of an attempt to connect; `made` fires with what comes of it.

    An endpoint would do as much, but stand between the connection and its end for good.
    """

    noisy = False

    def __init__(self, made: Deferred[End]) -> None:
        self._made = made

    def buildProtocol(self, addr: IAddress | None) -> End:
        """Tell of the connection, once it stands."""
        return End(self._made.callback)

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """Tell that there is none."""
        self._made.errback(reason)


def unusable(sources: Sequence[str]) -> list[str]:
    """Return those of these from where nothing can leave now, each with the reason."""
    return [f"{source} ({why})" for source in sources if (why := _why_unusable(source))]


def _why_unusable(source: str) -> str:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((source, 0))
    except OSError as fault:
        return fault.strerror or str(fault)
    return ""


def _explained(source: str | None, failure: Failure) -> Failure:
    """Say so where it is the source that nothing can leave from."""
    if source is None or not failure.check(ConnectBindError):
        return failure
    why = f"cannot leave from {source}: {_why_unusable(source)}"
    return Failure(UpstreamError(why))
