"""How an origin is connected to."""

from collections.abc import Sequence
from itertools import cycle

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory

from dotproxy.gateway.end import End
from dotproxy.gateway.guide import Connect


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
        ipv6 = ":" in address
        source = next(turns[ipv6], None)
        origin = End()
        factory = Factory.forProtocol(lambda: origin)
        factory.noisy = False
        tcp = TCP6ClientEndpoint if ipv6 else TCP4ClientEndpoint
        bound = (source, 0) if source else None
        connecting = tcp(reactor, address, port, bindAddress=bound).connect(factory)
        return connecting.addCallback(lambda _: origin)

    return connect
