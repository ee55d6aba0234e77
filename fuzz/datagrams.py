"""Target: clients over UDP that send anything, and answers in any order."""

from collections import Counter

from twisted.internet.task import Clock

from dotproxy.server.datagrams import Client
from dotproxy.wire.message import FormatError
from dotproxy.wire.query import Query, limit_datagram, parse_query
from fuzz.holding import settle, waiting
from fuzz.octets import Octets
from fuzz.reading import is_reply
from fuzz.watching import nothing_unhandled
from tests.clients import Address, Held
from tests.test_datagram import Wire
from tests.test_factory import make_factory


def fuzz_datagram(octets: bytes) -> None:
    """Each datagram that is a query gets one reply, by whoever sent it; others none."""
    choices = Octets(octets)
    with nothing_unhandled():
        clock, upstream, wire = Clock(), Held(), Wire()
        factory = make_factory(upstream, clock)
        protocol = factory.datagram_protocol()
        protocol.makeConnection(wire)
        came: dict[Address, bytes] = {}
        while choices and len(came) < 64:
            what = choices.number()
            if what % 4 == 0:
                settle(upstream, what // 4, choices.take(what))
            elif what % 4 == 1:
                clock.advance(what / 64)
            else:
                address = ("192.0.2.1", 1024 + len(came))
                came[address] = choices.some()
                late = what % 4 == 3
                answer = protocol.answer_late if late else protocol.datagramReceived
                answer(came[address], Client(address, []))
        while waiting(upstream):
            settle(upstream, 0, bytes(8))
        _judge(came, wire.sent)
        assert protocol.waiting == 0
        clock.advance(100)
        assert not clock.getDelayedCalls(), "no call is left"


def _judge(came: dict[Address, bytes], sent: list[tuple[bytes, Client]]) -> None:
    told = Counter(client.address for _, client in sent)
    replies = {client.address: reply for reply, client in sent}
    for address, message in came.items():
        wish = _read(message)
        assert told[address] == (wish is not None), "each has its reply, and one only"
        if isinstance(wish, Query):
            limit_datagram(wish)
            is_reply(wish, replies[address])


def _read(message: bytes) -> Query | FormatError | None:
    """Return a query, or why it is refused; None for what gets no reply."""
    try:
        return parse_query(message)
    except FormatError as fault:
        return None if fault.rcode is None else fault
