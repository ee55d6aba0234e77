"""One query of our own, followed all its way."""

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed

from dotproxy.forwarder import Forwarder
from dotproxy.tracing.way import Step, Way, note_reply
from dotproxy.wire.query import parse_query


def follow(
    forwarder: Forwarder, message: bytes, seconds: Callable[[], float], patience: float
) -> Deferred[list[Step]]:
    """Ask as a client does that takes a reply of any size; fires with all steps.

    It goes past the gate, and past what is ready to send: those are for clients.  It
    fires within `patience` seconds of the clock `seconds`, which is the forwarder's.
    """
    steps: list[Step] = []
    query = parse_query(message)
    query.deadline = seconds() + patience
    query.trace = way = Way(seconds, steps.append)
    way.note("asked", "{size} octets: {octets}", size=len(message), octets=message)
    reply = forwarder.resolve(query)
    note_reply(way, query, reply)
    replying = succeed(reply) if isinstance(reply, bytes) else reply
    return replying.addCallback(lambda _: steps)
