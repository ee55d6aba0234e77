"""Questions in clear, over UDP: only a server's own address is asked for so."""

from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, IReactorUDP
from twisted.python.failure import Failure

from dotproxy.upstream.bootstrap.lookup_message import (
    Family,
    Found,
    read_reply,
    write_query,
)
from dotproxy.upstream.interface import UpstreamError
from dotproxy.upstream.udp_question import UdpQuestion

PATIENCE = 2.0
"""Seconds that a resolver has for its reply."""


class Plain:
    """Ask plain resolvers, and count the datagrams that left in clear.

    Each question has a port and an ID of its own, both random.
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
        question = UdpQuestion(query, resolver, self._count)
        question.send(self._reactor)
        replied = question.replied.addTimeout(PATIENCE, self._clock, _silent)
        return replied.addCallback(read_reply)

    def _count(self) -> None:
        self.sent += 1


def _silent(_: object, seconds: float) -> Failure:
    return Failure(UpstreamError(f"no reply in {seconds:g} s"))
